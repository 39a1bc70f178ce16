"""What must hold for execs: one that was started runs until its command ends, it is killed or its container ends; its
status is what its command said."""

import grpc

from api import exec_pb, reason
from harness import wait_for
from model.reference import Violation, exit_of
from model.world import alive


class Started:
    def __init__(self, operation, shown):
        self.code = operation.get("code")
        self.shown = shown  # as Start answered
        self.kills = set()  # answers of the calls that killed it


class Execs:
    def __init__(self):
        self.started = {}  # (container id, exec id) → Started
        self.early_kills = set()

    def learn(self, calls, containers, crowded):
        for call in calls:
            operation = call.operation
            if operation.verb == "exec" and call.answer == "ok":
                self.check_status(call, containers, crowded)
            elif operation.verb == "exec-start" and call.answer == "ok":
                self.started[operation.subject, operation.get("exec")] = Started(operation, call.result)
        for call in calls:
            operation = call.operation
            if operation.verb == "exec-kill":
                one = self.started.get((operation.subject, operation.get("exec")))
                if one is not None:
                    one.kills.add("unknown" if crowded else call.answer)

    def check_status(self, call, containers, crowded):
        code, shown = int(call.operation.get("code")), call.result
        said = shown.code if shown.HasField("code") else None
        stays = not crowded and containers.must(call.operation.subject, lambda state: state.place == "running")
        if said != code and (stays or said is not None):
            raise Violation("exec-status", f"{call.operation} ended with {said}, signal {shown.signal}, cause {shown.cause}")

    def check(self, api, listed):
        """When nothing is under way."""
        there = {one.uid: one for one in listed.containers}
        for (key, name), one in self.started.items():
            container = there.get(one.shown.container_uid)
            lives = container is not None and container.pid and container.attempt == one.shown.container_attempt
            if not lives:
                self.check_over(api, key, name, one)
            elif container.state != 6:  # paused: it may be in the middle of its end
                self.check_living(api, key, name, one)

    def check_over(self, api, key, name, one):
        found = get(api, one.shown.uid)
        if found is not None and found.state != exec_pb.EXEC_STATE_EXITED:
            raise Violation("exec", f"{name} of {key}: its container has ended; it is in state {found.state}")
        if one.shown.pid and is_exec(one.shown):
            raise Violation("exec", f"{name} of {key}: its container has ended; process {one.shown.pid} lives")

    def check_living(self, api, key, name, one):
        ends = one.code != "long" or "ok" in one.kills
        if ends:
            wait_for(lambda: state_of(api, one) == exec_pb.EXEC_STATE_EXITED, f"exec {name} of {key} to end")
        found = get(api, one.shown.uid)
        if found is None:
            raise Violation("exec", f"{name} of {key} is not known any more")
        if not ends and not one.kills and (found.state != exec_pb.EXEC_STATE_RUNNING or found.pid != one.shown.pid
                                           or not alive(found.pid)):
            raise Violation("exec", f"{name} of {key} was pid {one.shown.pid}, is in state {found.state}, pid {found.pid}, "
                                    f"alive {alive(found.pid)}")
        if one.code != "long" and not one.kills and exit_of(found) != ("EXITED", int(one.code)):
            raise Violation("exec-status", f"{name} of {key} ended with {exit_of(found)}, not {one.code}")


def get(api, uid):
    try:
        return api.call("ExecService", "Get", exec=exec_pb.ExecRef(uid=uid)).exec
    except grpc.RpcError as error:
        if reason(error) != "EXEC_NOT_FOUND":
            raise
        return None


def state_of(api, one):
    found = get(api, one.shown.uid)
    return found.state if found is not None else None


def is_exec(shown):
    try:
        with open(f"/proc/{shown.pid}/cgroup", encoding="ascii") as file:
            return shown.container_uid in file.read() and alive(shown.pid)
    except (FileNotFoundError, ProcessLookupError):
        return False
