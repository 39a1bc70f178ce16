"""Labels that are changed later are held to what labels of a launch are: a container with others could be neither entered nor
started any more after a restart of the daemon, and answers with too many of them are larger than clients take."""

import unittest

import grpc

import api
from fleet import Client, by_id, run_spec
from harness import DaemonTest


class Labels(DaemonTest):
    def setUp(self):
        self.client = Client(self.daemon)
        self.addCleanup(self.client.close)
        self.id = self._testMethodName
        self.client.call("ContainerService", "Launch", id=self.id, name=self.id,
                         spec=run_spec("exec sleep 1000"))

    def change(self, labels):
        request = api.service_pb.UpdateContainerRequest(container=by_id(self.id), labels=labels)
        request.update_mask.paths.append("labels")
        self.client.send("ContainerService", "Update", request)

    def refuses(self, labels):
        with self.assertRaises(grpc.RpcError) as refused:
            self.change(labels)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(api.detail(refused.exception).object, "field labels")

    def test_a_change_is_checked_as_a_launch_is(self):
        self.change({"good": "x" * 4096})
        self.refuses({"bad key": "x"})
        self.refuses({"key": "x" * 4097})
        self.daemon.restart()
        self.assertEqual(self.daemon.skerry("exec", self.id, "echo", "fine").out, "fine\n")
        self.daemon.skerry("stop", "-t", "0", self.id)
        self.daemon.skerry("start", self.id)

    def test_all_together_stay_below_what_a_client_takes(self):
        self.change({f"k{number}": "x" * 4000 for number in range(64)})
        self.refuses({f"k{number}": "x" * 4000 for number in range(66)})
        found = self.client.call("ContainerService", "Get", container=by_id(self.id)).container
        self.assertEqual(len(found.labels), 64)


if __name__ == "__main__":
    unittest.main()
