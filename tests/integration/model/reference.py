"""The reference model: for every object the set of states it may be in, narrowed by every answer. An empty set means that
no order of what was asked explains what was answered.

Calls that ran together are tried in every order. A call whose daemon died before it answered has happened, will happen, or
never does: it stays owed until nothing is under way."""

from typing import NamedTuple

from api import container_pb
from model import containers, pods
from model.containers import LAUNCH_FAILED, LIVE, OK, State
from model.operations import Operation
from model.pods import PodState


class Violation(AssertionError):
    """Something that must hold does not. `rule` says which, in a word: by it a shorter sequence is known to fail in the
    same way."""

    def __init__(self, rule, message):
        super().__init__(f"{rule}: {message}")
        self.rule = rule


class Call(NamedTuple):
    """An operation and what came of it: "ok", the reason it was refused with, or "unknown"."""
    number: int
    operation: Operation
    answer: str
    request: containers.Request = None
    shown: object = None  # the container or pod it answered with
    result: object = None  # how an exec ended, or the exec that was started


# What a call may be refused with because another one is under way with the same container.
CROWDED = ("STATE", "BUSY", "STOPPED", "REMOVED", "CONTAINER_NOT_FOUND", "POD_STATE", "POD_NOT_FOUND", "REVISION")


class Reference:
    """The states each object of one kind may be in."""

    def __init__(self):
        self.possible = {}  # id → set of states
        self.unanswered = {}  # number → call

    def blank(self):
        raise NotImplementedError

    def ends(self, state):
        """States that follow by themselves."""
        raise NotImplementedError

    def outcomes(self, call, state, crowded):
        """(answer, state after it); crowded: others are under way with the same object."""
        raise NotImplementedError

    def fits(self, state, shown):
        raise NotImplementedError

    def states(self, key):
        return self.possible.get(key, {self.blank()})

    def may(self, key, test):
        return any(test(state) for state in self.closure(self.states(key)))

    def must(self, key, test):
        return all(test(state) for state in self.closure(self.states(key)))

    def closure(self, states):
        """With what may have happened meanwhile: attempts end, and owed calls take effect."""
        found, open_ones = set(states), list(states)
        while open_ones:
            new = set(self.by_itself(open_ones.pop())) - found
            found |= new
            open_ones += new
        return found

    def by_itself(self, state):
        yield from self.ends(state)
        for number in state.owed:
            left = state._replace(owed=state.owed - {number})
            for _, after in self.outcomes(self.unanswered[number], left, crowded=True):
                yield after

    def apply(self, key, calls, disturbed):
        """The calls about one object that ran together; disturbed: a daemon or launcher died meanwhile."""
        before = self.states(key)
        crowded = disturbed or len(calls) > 1 or any(state.owed for state in before)
        self.unanswered.update({call.number: call for call in calls if call.answer == "unknown"})
        found, after = set(), set()
        open_ones = [(state, frozenset(range(len(calls)))) for state in before]
        while open_ones:
            state, left = open_ones.pop()
            if (state, left) in found:
                continue
            found.add((state, left))
            if all(calls[index].answer == "unknown" for index in left):
                after.add(state._replace(owed=state.owed | {calls[index].number for index in left}))
            open_ones += [(later, left) for later in self.by_itself(state)]
            open_ones += [(later, left - {index}) for index in left
                          for later in self.matching(calls[index], state, crowded)]
        if not after:
            said = "; ".join(f"{call.operation} → {call.answer} {describe(call.shown)}" for call in calls)
            raise Violation("answer", f"{key} was in {show(before)}; then {said}: no order explains that")
        self.possible[key] = after

    def matching(self, call, state, crowded):
        for answer, after in self.outcomes(call, state, crowded):
            if call.answer == "unknown":
                yield after
            elif answer == call.answer == OK:
                # What was shown in a crowd may be of any moment of it.
                if call.shown is None or crowded or any(self.fits(one, call.shown) for one in self.closure({after})):
                    yield after
            elif call.answer != OK and answer in (call.answer, "*"):
                yield after

    def observe(self, key, shown):
        """What a look shows when nothing is under way: the object, or None. Nothing is owed any more."""
        before = self.closure(self.states(key))
        after = {state._replace(owed=frozenset()) for state in before if self.fits(state, shown)}
        if not after:
            raise Violation("state", f"{key} is {describe(shown)}; possible was {show(before)}")
        self.possible[key] = after


class Containers(Reference):
    def blank(self):
        return State()

    def ends(self, state):
        if state.place in LIVE:
            for how in containers.ends(state):
                yield state.end(how)

    def outcomes(self, call, state, crowded):
        possible = list(containers.outcomes(call.operation, state, call.request))
        yield from possible
        if not crowded:
            return
        for reason in CROWDED:
            yield reason, state
        # Who waits for the end of what is removed meanwhile has seen its end.
        if state.place == "removed" and call.operation.verb in ("wait", "stop"):
            yield OK, state
        # What is being stopped takes signals until its end, whatever it was before.
        stopping = state.place == "created" and (state.told or state.owed)
        if call.operation.verb == "kill" and (stopping or state.place in ("exited", "removed")):
            yield OK, state
        # A launch that is stopped, or whose daemon or launcher dies, is one that failed.
        for _, after in possible:
            if after.attempt > state.attempt or (state.place, after.place) == ("created", "running"):
                for how in (LAUNCH_FAILED, ("STOPPED", None)):
                    yield "*", after.end(how)
                    yield OK, after.end(how)

    def fits(self, state, shown):
        return fits(state, shown) if shown is not None else state.place in ("none", "removed")


class Pods(Reference):
    def blank(self):
        return PodState()

    def ends(self, state):
        return ()

    def outcomes(self, call, state, crowded):
        yield from pods.outcomes(call.operation, state)
        if crowded:
            for reason in CROWDED:
                yield reason, state
            yield "*", state._replace(place="stopped")

    def fits(self, state, shown):
        if shown is None:
            return state.place in ("none", "removed")
        return state_name(shown) == state.place or (bool(state.owed) and state_name(shown) not in ("ready", "stopped"))


def exit_of(container):
    """As the model says it."""
    if not container.HasField("exit"):
        return None
    info = container.exit
    cause = container_pb.ExitCause.Name(info.cause)[len("EXIT_CAUSE_"):]
    if cause in ("LAUNCH_FAILED", "SHIM_LOST"):
        return (cause,)
    if info.HasField("code"):
        return cause, info.code
    return cause, -info.signal if info.HasField("signal") else None


def state_name(container):
    kind = type(container).DESCRIPTOR.fields_by_name["state"].enum_type
    return kind.values_by_number[container.state].name.rsplit("STATE_", 1)[1].lower()


def fits(state, container):
    """Whether a container that looks like this may be in this state."""
    place = state_name(container)
    if place == "stopping":
        return state.place in LIVE and bool(state.told or state.owed)
    if place in ("accepted", "preparing", "starting"):
        return bool(state.owed)
    if (state.place, state.attempt) != (place, container.attempt) or state.exit != exit_of(container):
        return False
    shown = container.effective_resources.limits
    # Only the full view has it.
    return not container.HasField("effective_resources") or shown.memory.bytes >> 20 == state.memory


def describe(container):
    if container is None:
        return "nothing"
    if not hasattr(container, "attempt"):
        return state_name(container)
    memory = container.effective_resources.limits.memory.bytes >> 20
    return f"({state_name(container)}, attempt {container.attempt}, exit {exit_of(container)}, {memory} MiB)"


def show(states):
    lines = sorted(str(state) for state in states)
    return "{" + " | ".join(lines[:12]) + (" | …" if len(lines) > 12 else "") + "}"
