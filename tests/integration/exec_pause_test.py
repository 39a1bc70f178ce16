"""Execs that are started while their container is paused, and pauses of it that meet."""

import unittest

import grpc

import exec_test
from api import container_pb, exec_pb, reason
from fleet import cgroup_files
from harness import wait_for


class Paused(exec_test.ExecCase):
    """A process that is frozen on its way into the container would neither arrive nor go away."""

    def begin_start(self):
        self.daemon.restart("--failpoint", "exec.shim=delay:700")
        self.api.call(exec_test.SERVICE, "List", all=True)  # connected again
        started = self.api.future(exec_test.SERVICE, "Start", container=self.box, id="on-its-way",
                                  spec=exec_pb.ExecSpec(args=["sleep", "1000"]))
        wait_for(lambda: self.api.call(exec_test.SERVICE, "List", all=True).execs, "the exec to be accepted")
        return started

    def test_a_pause_waits_for_a_start_under_way(self):
        started = self.begin_start()
        self.daemon.skerry("pause", "box")
        self.assertEqual(started.result().exec.state, exec_pb.EXEC_STATE_RUNNING)
        box = self.api.call("ContainerService", "Get", container=self.box).container
        self.assertEqual(box.state, container_pb.CONTAINER_STATE_PAUSED)

    def test_meanwhile_no_other_starts(self):
        started = self.begin_start()
        pause = self.api.future("ContainerService", "Pause", container=self.box)
        wait_for(lambda: self.is_refused("STATE"), "a refusal")
        pause.result()
        self.assertEqual(started.result().exec.state, exec_pb.EXEC_STATE_RUNNING)

    def is_refused(self, word):
        try:
            self.start("true")
        except grpc.RpcError as error:
            return reason(error) == word
        return False

    def test_pause_and_resume_follow_each_other(self):
        for _ in range(20):
            calls = [self.api.future("ContainerService", verb, container=self.box)
                     for verb in ("Pause", "Resume") * 3]
            for call in calls:
                call.result()
            box = self.api.call("ContainerService", "Get", container=self.box).container
            frozen = {"FROZEN", "1"} & {line for name in ("cgroup.freeze", "freezer.state")
                                        for line in cgroup_files(box.cgroup_path, name)}
            self.assertEqual(box.state == container_pb.CONTAINER_STATE_PAUSED, bool(frozen))


if __name__ == "__main__":
    unittest.main()
