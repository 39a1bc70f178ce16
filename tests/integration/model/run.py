"""Runs a sequence: each group of operations at once, every answer to the model."""

import threading
import time

import grpc

from api import reason
from model import checks, operations
from model.containers import THERE
from model.execs import Execs
from model.reference import Call, Containers, Pods, Violation
from model.requests import call_of, containers_in, request_of
from model.sightings import Sightings
from model.volumes import Volumes
from model.watcher import Watcher

DISTURBANCES = ("kill-daemon", "kill-launcher", "restart-daemon", "lose-events")
DAMAGE = ("kill-shim", "kill-process")
# For what hangs; machines of tests may stand still for a minute.
DEADLINE = 100
WAIT_DEADLINE = 0.5


class Run:
    """One sequence on one world. Faults of a test's own: `distort` gets every container an answer shows before the model
    does, `after` the world and each operation when it is done."""

    def __init__(self, world, distort=None, after=None):
        self.world = world
        self.distort = distort or (lambda container: None)
        self.after = after or (lambda world, operation: None)
        self.sightings = Sightings()
        self.containers = Containers()
        self.pods = Pods()
        self.volumes = Volumes(self.containers)
        self.execs = Execs()
        self.requests = {}  # id → what it was launched with first
        self.calls = 0
        self.shaken = False  # a daemon died in the last group: a connection may not have noticed
        self.log = []  # what was done and answered, for people
        self.watcher = Watcher(world.daemon, self.sightings)

    def close(self):
        self.watcher.close()

    def run(self, sequence):
        for group in operations.groups(sequence):
            self.group([one for one in group if one.verb != "quiet"])
            for one in group:
                self.after(self.world, one)
            if any(one.verb == "quiet" for one in group):
                checks.check_quiet(self)

    # --- one group --------------------------------------------------------------------------

    def group(self, group):
        self.sightings.begin()
        disturbed = any(one.verb in DISTURBANCES for one in group)
        acts = [Act(self.world, self.act, one) for one in group if one.verb in (*DISTURBANCES, *DAMAGE)]
        sent = [self.send(one) for one in group if one.verb not in (*DISTURBANCES, *DAMAGE)]
        calls = [call for call in (self.receive(*one, disturbed) for one in sent if one) if call]
        for act in acts:
            act.join()
            if act.operation.verb in DAMAGE:
                self.calls += 1
                calls.append(Call(self.calls, act.operation, "ok" if act.result else "missed"))
        self.log.append(" & ".join(f"{call.operation} → {call.answer}" for call in calls) or str(group))
        if self.world.daemon.process.poll() is not None:
            raise Violation("daemon-died", f"with {self.world.daemon.process.returncode}: {self.world.daemon.trace_tail()}")
        self.watcher.check()
        self.learn(calls, disturbed)
        self.shaken = disturbed

    def request(self, operation):
        """What a call that makes a container asks for; None: it has no meaning yet."""
        if operation.verb in ("launch", "create"):
            return self.requests.setdefault(operation.subject, request_of(operation))
        first = self.requests.get(operation.subject)
        if first is None or operation.verb == "again":
            return first
        return first._replace(command="long" if first.command != "long" else "deaf")

    def send(self, operation):
        request = None
        if operation.verb in ("launch", "create", "again", "differs"):
            request = self.request(operation)
            if request is None:
                return None
        if operation.verb == "start":
            request = self.requests.get(operation.subject)
        self.calls += 1
        if operation.verb == "write":
            operation = operations.operation("write", operation.subject, token=f"w{self.calls}")
        service, call, fields = call_of(operation, request)
        timeout = WAIT_DEADLINE if operation.verb == "wait" else DEADLINE
        return self.calls, operation, request, self.world.api.future(service, call, timeout=timeout, **fields)

    def receive(self, number, operation, request, future, disturbed):
        """What came of it. None: nothing to learn."""
        try:
            answer = future.result()
        except grpc.RpcError as error:
            said = self.refusal(operation, error, disturbed)
            return said and Call(number, operation, said, request)
        shown = containers_in(answer)
        for container in shown:
            self.distort(container)
            self.sightings.see(container)
        if operation.verb in ("exec", "write"):
            return Call(number, operation, "ok", result=answer.exit)
        if operation.verb == "exec-start":
            return Call(number, operation, "ok", result=getattr(answer, "exec"))
        if operation.verb == "list":
            checks.check_unique(shown)
            return None
        return Call(number, operation, "ok", request, shown[0] if shown else None)

    def refusal(self, operation, error, disturbed):
        code = error.code()
        if code == grpc.StatusCode.DEADLINE_EXCEEDED:
            if operation.verb == "wait":
                return None
            raise Violation("hangs", f"{operation}: {reason(error)} {error.details()}\n"
                                     f"{checks.operations_under_way(self.world)}")
        said = reason(error)
        if said:
            return said
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED) and (disturbed or self.shaken):
            return "unknown"
        raise Violation("error", f"{operation}: {code} without a reason: {error.details()}")

    # --- what hurts -------------------------------------------------------------------------

    def act(self, operation):
        world, verb = self.world, operation.verb
        time.sleep(int(operation.get("after", 0)) / 1000)
        if verb == "kill-daemon":
            world.daemon.restart()
        elif verb == "restart-daemon":
            world.daemon.terminate()
            world.daemon.start()
        elif verb == "lose-events":
            self.watcher.loses_place = True
            world.lose_events()
        elif verb == "kill-launcher":
            world.kill_launcher()
        else:
            return self.damage(verb, operation.subject)
        return True

    def damage(self, verb, key):
        """Whether there was something to kill."""
        try:
            service, call, fields = call_of(operations.operation("inspect", key))
            container = self.world.api.call(service, call, timeout=DEADLINE, **fields).container
        except grpc.RpcError:
            return False
        kill = self.world.kill_shim if verb == "kill-shim" else self.world.kill_process
        return bool(container.pid) and kill(container)

    # --- what it teaches --------------------------------------------------------------------

    def learn(self, calls, disturbed):
        names = {call.request.volume for call in calls if call.request and call.request.volume}
        names |= {call.operation.subject for call in calls if call.operation.verb.startswith("volume-")}
        before = self.volumes.before(names)
        holders = {call.request.name: self.holders(call.request.name, self.containers.may)
                   for call in calls if call.answer == "NAME_TAKEN"}
        about_pods = by_subject(call for call in calls if call.operation.verb.startswith("pod-"))
        for pod, about in about_pods.items():
            self.pods.apply(pod, about, disturbed)
        about_containers = by_subject(call for call in calls if is_about_container(call.operation))
        for key in set(self.containers.possible) | set(about_containers):
            shared = [call for pod, about in about_pods.items() if self.is_in(key, pod, calls)
                      for call in about if call.operation.verb != "pod-create" and call.answer in ("ok", "unknown")]
            about = about_containers.get(key, []) + shared
            if about:
                self.containers.apply(key, about, disturbed)
        self.volumes.apply(calls, before)
        self.learn_writes(calls)
        self.execs.learn(calls, self.containers, crowded=disturbed or len(calls) > 1)
        self.check_names(calls, holders)

    def is_in(self, key, pod, calls):
        return (self.containers.may(key, lambda state: state.request is not None and state.request.pod == pod)
                or any(call.operation.subject == key and call.request and call.request.pod == pod for call in calls))

    def learn_writes(self, calls):
        for call in calls:
            request = self.requests.get(call.operation.subject)
            if call.operation.verb == "write" and request and request.volume:
                done = call.answer == "ok" and call.result.HasField("code") and call.result.code == 0
                self.volumes.written(request.volume, call.operation.get("token"), done)

    def holders(self, name, judge):
        return {key for key in self.containers.possible
                if judge(key, lambda state: state.place in THERE and state.request.name == name)}

    def check_names(self, calls, before):
        for name in operations.NAMES:
            holders = self.holders(name, self.containers.must)
            if len(holders) > 1:
                raise Violation("name", f"{sorted(holders)} all have the name {name}")
        for call in calls:
            if call.answer != "NAME_TAKEN":
                continue
            name = call.request.name
            others = before[name] | self.holders(name, self.containers.may) | {
                other.operation.subject for other in calls if other.request and other.request.name == name
                and other is not call}
            if not others - {call.operation.subject}:
                raise Violation("name", f"{call.operation} is refused for its name; nobody can have it")


class Act:
    """Something that is done to processes beside the calls."""

    def __init__(self, world, function, operation):
        self.world = world
        self.operation = operation
        self.result = self.error = None
        self.thread = threading.Thread(target=self.run, args=(function,), daemon=True)
        self.thread.start()

    def run(self, function):
        try:
            self.result = function(self.operation)
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error

    def join(self):
        self.thread.join()
        if self.error is not None:
            raise Violation("restart", f"{self.operation}: {self.error!r} {self.world.describe()}") from self.error


def by_subject(calls):
    found = {}
    for call in calls:
        found.setdefault(call.operation.subject, []).append(call)
    return found


def is_about_container(operation):
    return not operation.verb.startswith(("pod-", "volume-")) and operation.verb not in ("exec-kill", "list")
