"""What may become of one container: the states the model knows, and for each operation what it may answer in a state and
what the state is afterwards. Anything else is a violation.

What is under way inside the daemon (preparing, stopping) is no state here: an operation has happened or has not."""

from typing import NamedTuple

LIVE = ("created", "running", "paused")
THERE = (*LIVE, "exited")
OK = "ok"

# Ends of an attempt: the cause, and the code or minus the signal where the cause says one.
LAUNCH_FAILED = ("LAUNCH_FAILED",)
SHIM_LOST = ("SHIM_LOST",)
KILLED = ("SIGNALED", -9)


class Request(NamedTuple):
    """What a container was asked to be: two equal ones are the same request."""
    command: str
    name: str
    memory: int  # MiB; 0: unlimited
    pod: str
    volume: str
    plugin: str
    network: str
    hold: bool

    def same_spec(self, other):
        return self._replace(hold=False) == other._replace(hold=False)


class State(NamedTuple):
    """One state a container may be in. `told` is what was done to this attempt, `owed` the calls without an answer that may
    still take effect."""
    place: str = "none"
    attempt: int = 0
    request: Request = None
    memory: int = 0
    told: frozenset = frozenset()
    exit: tuple = None
    owed: frozenset = frozenset()

    def __str__(self):
        parts = (self.place, f"attempt {self.attempt}", self.request and self.request.command, f"{self.memory} MiB",
                 self.exit, sorted(self.told), sorted(self.owed))
        return " ".join(str(part) for part in parts if part)

    def tell(self, *words):
        return self._replace(told=self.told | set(words))

    def end(self, how):
        return self._replace(place="exited", exit=how, told=frozenset())


def own_code(request):
    kind, _, code = request.command.partition("-")
    return int(code) if kind in ("exit", "brief") else None


def ends(state):
    """How this attempt may end by what it does and what was done to it."""
    request, told = state.request, state.told
    found = set()
    # What is paused may have been in the middle of its end, and a stop thaws it.
    if state.place in ("running", "paused") and own_code(request) is not None:
        found.add(("EXITED", own_code(request)))
    if "kill" in told:
        found.add(KILLED)
    if "term" in told and request.command == "polite":
        found.add(("EXITED", 7))
    if "shim" in told:
        found.add(SHIM_LOST)
    if "stop" in told:
        # Whatever ends it after the stop, the stop is the cause.
        found |= {("STOPPED", *(how[1:] or (None,))) for how in found} | {("STOPPED", -9)}
    return found


def must_end(state):
    """Whether it cannot stay as it is. What is frozen takes no signal, but its shim is not."""
    if state.place == "paused":
        return bool(state.told & {"stop", "shim"})
    return state.place in LIVE and (bool(state.told - {"term"}) or
                                    (state.place == "running" and own_code(state.request) is not None))


def gone(state):
    return "REMOVED" if state.place == "removed" else "CONTAINER_NOT_FOUND"


def launch(state, request):
    if state.place == "removed":
        yield "REMOVED", state
    elif state.place == "none":
        for why in ("NAME_TAKEN", *(("POD_STATE", "POD_NOT_FOUND", "REMOVED") if request.pod else ())):
            yield why, state
        fresh = State("created" if request.hold else "running", 1, request, request.memory, owed=state.owed)
        if request.command == "missing" and not request.hold:
            yield "COMMAND_NOT_FOUND", fresh.end(LAUNCH_FAILED)
        else:
            yield OK, fresh
    elif not state.request.same_spec(request):
        yield "SPEC_DIFFERS", state
    elif state.exit == LAUNCH_FAILED:
        yield "*", state
    else:
        yield OK, state


def start(state):
    if state.place not in THERE:
        yield gone(state), state
    elif state.place in ("running", "paused"):
        yield OK, state
    else:
        attempt = state.attempt + (state.place == "exited")
        fresh = state._replace(place="running", attempt=attempt, exit=None,
                               told=frozenset() if state.place == "exited" else state.told)
        if state.request.command == "missing":
            yield "COMMAND_NOT_FOUND", fresh.end(LAUNCH_FAILED)
        # Nobody can tell one that was killed just before its exec from one that ran.
        if state.request.command != "missing" or "kill" in fresh.told:
            yield OK, fresh
        if state.request.pod and state.place == "exited":
            for why in ("POD_STATE", "POD_NOT_FOUND"):
                yield why, state


def stop(state, grace):
    if state.place not in THERE:
        yield gone(state), state
    elif state.place == "exited":
        yield OK, state
    else:
        told = state.tell("stop", *(("term",) if grace and state.place != "created" else ()))
        for how in ends(told):
            yield OK, told.end(how)
        yield "unanswered", told


def kill(state, signal):
    if state.place not in THERE:
        yield gone(state), state
    elif state.place in ("running", "paused"):
        yield OK, state.tell(*{9: ("kill",), 15: ("term",)}.get(signal, ()))
    else:
        yield "STATE", state


def freeze(state, before, after):
    if state.place not in THERE:
        yield gone(state), state
    elif state.place in (before, after):
        yield OK, state._replace(place=after)
    else:
        yield "STATE", state


def limit(state, memory):
    if state.place in THERE:
        yield OK, state._replace(memory=memory)
    else:
        yield gone(state), state


def remove(state, force):
    if state.place == "none":
        yield gone(state), state
    elif state.place in LIVE and not force:
        yield "STATE", state
    else:
        removed = state._replace(place="removed", exit=None, told=frozenset())
        yield OK, removed
        if state.place in LIVE:
            yield "unanswered", state.tell("stop")
        for how in ends(state.tell("stop")) if state.place in LIVE else ():
            yield "unanswered", state.end(how)


def pod_ends(state, removed):
    """The container's part in the end of its pod."""
    if state.place not in THERE:
        yield OK, state
    elif removed:
        yield from remove(state, force=True)
    else:
        yield from stop(state, grace=True)


def look(state):
    yield (OK if state.place in THERE else gone(state)), state


def wait(state):
    if state.place == "exited":
        yield OK, state
    elif state.place not in THERE:
        yield gone(state), state
    elif state.place in LIVE:
        yield "unanswered", state


def execute(state):
    if state.place == "running":
        yield OK, state
        # It goes with its container.
        if ends(state):
            yield "*", state
    else:
        yield (gone(state) if state.place not in THERE else "STATE"), state


def damage(state, word):
    """SIGKILL from outside: "ok" when there was a process to get it."""
    yield "missed", state
    yield OK, state.tell(word) if state.place in LIVE else state


def outcomes(operation, state, request=None):
    """(answer, state after it) for everything that may happen. "*" is any refusal, "unanswered" what only a call whose
    daemon died can have done."""
    verb = operation.verb
    if verb in ("launch", "create", "again", "differs"):
        return launch(state, request)
    if verb == "stop":
        return stop(state, operation.get("grace") != "0")
    if verb == "kill":
        return kill(state, int(operation.get("signal")))
    if verb in ("pause", "resume"):
        return freeze(state, *(("running", "paused") if verb == "pause" else ("paused", "running")))
    if verb == "limit":
        return limit(state, int(operation.get("memory")))
    if verb in ("remove", "force"):
        return remove(state, verb == "force")
    if verb in ("pod-stop", "pod-remove"):
        return pod_ends(state, verb == "pod-remove")
    if verb in ("kill-shim", "kill-process"):
        return damage(state, "shim" if verb == "kill-shim" else "kill")
    simple = {"start": start, "inspect": look, "wait": wait, "exec": execute, "exec-start": execute, "write": execute}
    return simple[verb](state)
