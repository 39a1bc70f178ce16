"""Pods: containers on one network, with what else they share, limited, stopped and removed as one. The daemon lives in a
network namespace of its own."""

import json
import os
import shutil
import signal
import subprocess
import unittest
import uuid

import grpc

from api import Api, module, pod_pb, pod_service_pb, pod_spec_pb, reason, service_pb, spec_pb
from harness import BIN, cgroup_hierarchies, kill_tree, remove_tree, wait_for
from network_host import HOST, leases
from network_test import NetworkTest

resources_pb = module("resources")

SLEEP = ("sleep", "1000")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class PodTest(NetworkTest):
    def pod(self, name, *options):
        self.daemon.skerry("pod", "create", "--name", name, "--id", name, *options)
        return self.daemon.inspect_pod(name)

    def member(self, pod, name, *command, options=()):
        """A running container of the pod."""
        self.daemon.skerry("run", "-d", "--pod", pod, "--name", name, *options, "busybox",
                           *(command or SLEEP))
        return self.daemon.inspect(name)

    def run_in(self, name, script, check=True):
        return self.daemon.skerry("exec", name, "sh", "-c", script, check=check)

    def complete(self, *words):
        url = f"unix://{self.daemon.run}/skerryd.sock"
        done = subprocess.run([os.path.join(BIN, "skerry"), "__complete", "-H", url, *words],
                              capture_output=True, text=True, timeout=30, check=True)
        return done.stdout

    def stop(self, name):
        self.daemon.skerry("pod", "stop", "-t", "0", name)

    def wait_stopped(self, name):
        return wait_for(lambda: [pod for pod in [self.daemon.inspect_pod(name)]
                                 if pod["state"] == "stopped"], f"pod {name} to stop")[0]

    def groups(self, pod_uid):
        return [path for path in (os.path.join(tree, self.daemon.scope(), pod_uid)
                                  for tree in cgroup_hierarchies()) if os.path.isdir(path)]


class Sharing(PodTest):
    def test_two_containers_reach_each_other_on_localhost(self):
        pod = self.pod("shop", "--network", "skerry", "-p", "18090:80", "--hostname", "shop",
                       "--add-host", "db:10.9.8.7")
        self.assertEqual(pod["state"], "ready")
        web = self.member("shop", "web", "sh", "-c",
                          "echo hello >/tmp/index.html; httpd -f -p 80 -h /tmp")
        client = self.member("shop", "client")
        page = wait_for(lambda: self.run_in("client", "wget -qO- http://127.0.0.1/",
                                            check=False).out, "the page on localhost")
        self.assertEqual(page, "hello\n")
        # One address, which the pod has and its containers tell of.
        address = pod["networks"][0]["addresses"][0].split("/")[0]
        page = wait_for(lambda: self.host.fetch(f"http://{address}/"), "the page at its address")
        self.assertEqual(page, "hello\n")
        for container in (web, client):
            self.assertEqual(container["pod_uid"], pod["uid"])
            self.assertEqual(container["pod_name"], "shop")
            self.assertEqual(container["networks"][0]["addresses"], pod["networks"][0]["addresses"])
            self.assertEqual(container["hostname"], "shop")
        # The port of the pod.
        self.assertEqual(self.host.fetch(f"http://{HOST}:18090/", netns=self.host.outside),
                         "hello\n")
        hosts = self.run_in("client", "cat /etc/hosts; hostname; cat /etc/hostname").out
        self.assertIn(f"{address}\tshop", hosts)
        self.assertIn("10.9.8.7\tdb", hosts)
        self.assertTrue(hosts.endswith("shop\nshop\n"), hosts)
        # What one writes there, the other reads.
        self.run_in("web", "echo '192.0.2.1 written' >>/etc/hosts")
        self.assertIn("192.0.2.1 written", self.run_in("client", "cat /etc/hosts").out)
        listed = [network for network in json.loads(
            self.daemon.skerry("network", "ls", "-o", "json").out) if network["name"] == "skerry"]
        self.assertEqual(listed[0]["members_count"], 1)

    def test_without_more_said_they_share_no_processes_and_no_memory(self):
        self.pod("bare", "--network", "none")
        self.member("bare", "a")
        self.member("bare", "b")
        self.run_in("a", "echo secret >/dev/shm/file")
        self.assertNotEqual(self.run_in("b", "cat /dev/shm/file", check=False).returncode, 0)
        for name in ("a", "b"):
            seen = self.run_in(name, "ps -o args | grep -c '[s]leep 1000'").out
            self.assertEqual(seen.strip(), "1")
        self.assertEqual(self.daemon.inspect_pod("bare")["init_pid"], 0)

    def test_shared_processes_are_seen_and_orphans_reaped(self):
        pod = self.pod("procs", "--network", "none", "--share", "pid")
        self.assertTrue(alive(pod["init_pid"]))
        self.member("procs", "a", "sleep", "1111")
        self.member("procs", "b", "sleep", "2222")
        seen = self.run_in("a", "ps -o pid,args").out
        self.assertIn("sleep 2222", seen)
        self.assertIn("skerry-init", seen.splitlines()[1])
        # An orphan comes to the init, and goes.
        self.run_in("b", "(sh -c 'sleep 0.2' &) ; exit 0")
        wait_for(lambda: "[sleep]" not in self.run_in("a", "ps -o args").out and
                 "sleep 0.2" not in self.run_in("a", "ps -o args").out, "the orphan to be reaped")
        # One signals the other's.
        self.run_in("a", "kill -9 $(ps -o pid,args | grep '[s]leep 2222' | cut -c1-6)")
        self.daemon.skerry("wait", "b", check=False)
        self.assertEqual(self.daemon.inspect("b")["exit"]["signal"], 9)
        self.assertEqual(self.daemon.inspect("a")["state"], "running")
        # What runs in a member's cgroup ends with it, the pod's init does not.
        self.daemon.skerry("rm", "-f", "a")
        self.assertEqual(self.daemon.inspect_pod("procs")["state"], "ready")

    def test_shared_memory_and_semaphores(self):
        self.pod("ipc", "--network", "none", "--share", "ipc",
                 "--sysctl", "kernel.shmmax=123456789")
        self.member("ipc", "a")
        self.run_in("a", "echo seen >/dev/shm/file")
        self.member("ipc", "b")
        self.assertEqual(self.run_in("b", "cat /dev/shm/file").out, "seen\n")
        inodes = {self.run_in(name, "readlink /proc/self/ns/ipc").out for name in ("a", "b")}
        self.assertEqual(len(inodes), 1)
        self.assertEqual(self.run_in("b", "cat /proc/sys/kernel/shmmax").out, "123456789\n")
        # Both are gone: the memory is the pod's.
        for name in ("a", "b"):
            self.daemon.skerry("rm", "-f", name)
        self.member("ipc", "c")
        self.assertEqual(self.run_in("c", "cat /dev/shm/file").out, "seen\n")
        # And it is bounded.
        full = self.run_in("c", "dd if=/dev/zero of=/dev/shm/much bs=1M count=100 2>&1", check=False)
        self.assertIn("No space left", full.out)

    def test_a_member_that_sets_a_pod_field_is_refused_by_name(self):
        self.pod("strict", "--network", "none")
        with self.assertRaises(grpc.RpcError) as refused:
            api = Api(self.daemon)
            self.addCleanup(api.close)
            api.call("ContainerService", "Launch", id="x", spec=spec_pb.ContainerSpec(
                root=spec_pb.RootFilesystem(image="busybox"), command=["true"],
                join_pod=pod_spec_pb.PodRef(id="strict"), pod=pod_spec_pb.PodSpec(hostname="me")))
        self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(reason(refused.exception), "POD_FIELDS")
        self.assertIn("spec.pod.hostname", refused.exception.details())
        self.assertIn("pod", self.fails("run", "--pod", "strict", "--hostname", "me", "busybox",
                                        "true"))
        self.assertIn("nosuch", self.fails("run", "--pod", "nosuch", "busybox", "true"))

    def test_the_hosts_network(self):
        self.pod("hostly", "--network", "host")
        self.member("hostly", "a")
        self.assertIn("wire", self.run_in("a", "ip -o link").out)
        self.assertEqual(self.run_in("a", "hostname").out.strip(), os.uname().nodename)

    def test_logs_go_where_the_pod_says(self):
        err = self.fails("pod", "create", "--name", "l", "--log-directory", "/var/tmp/nowhere")
        self.assertIn("log.directories", err)


class Limits(PodTest):
    def test_the_limit_of_the_pod_bites_both_together(self):
        pod = self.pod("small", "--network", "none", "-m", "48m")
        for name in ("a", "b"):
            self.member("small", name, options=("-m", "40m"))
        # Each alone is below its own limit, and both together above the pod's. Memory that is a file
        # of /dev/shm cannot be reclaimed.
        fill = "dd if=/dev/zero of=/dev/shm/file bs=1M count=30"
        self.run_in("a", fill)
        self.assertGreater(self.usage(pod["uid"]), 30 << 20)
        self.assertEqual(self.oom_kills(pod["uid"]), 0)
        self.assertNotEqual(self.run_in("b", fill, check=False).returncode, 0)
        self.assertGreater(self.oom_kills(pod["uid"]), 0)
        self.assertEqual(self.daemon.inspect_pod("small")["state"], "ready")
        # With the first one gone there is room.
        self.daemon.skerry("rm", "-f", "a")
        self.run_in("b", fill)

    def usage(self, uid):
        stats = json.loads(self.daemon.skerry("pod", "stats", "--no-stream", "-o", "json", uid).out)
        return int(stats[0]["memory"]["usage_bytes"])

    def oom_kills(self, uid):
        """Of the pod's group and those below."""
        kills = 0
        for group in self.groups(uid):
            for directory, _, files in os.walk(group):
                for name in ("memory.oom_control", "memory.events"):
                    if name not in files:
                        continue
                    with open(os.path.join(directory, name), encoding="ascii") as file:
                        kills += sum(int(line.split()[1]) for line in file
                                     if line.startswith("oom_kill "))
        return kills

    def test_stats_are_of_all_together(self):
        pod = self.pod("counted", "--network", "skerry", "-m", "64m")
        self.member("counted", "a")
        self.member("counted", "b")
        self.run_in("a", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
        stats = json.loads(self.daemon.skerry("pod", "stats", "--no-stream", "-o", "json",
                                              "counted").out)[0]
        self.assertEqual(stats["uid"], pod["uid"])
        self.assertEqual({one["name"] for one in stats["containers"]}, {"a", "b"})
        self.assertGreater(int(stats["cpu"]["usage_ns"]), 0)
        self.assertGreaterEqual(int(stats["pids"]["current"]), 2)
        self.assertEqual(int(stats["memory"]["limit"]["bytes"]), 64 << 20)
        self.assertEqual([one["name"] for one in stats["interfaces"]], ["eth0"])
        self.assertEqual(stats["interfaces"][0]["network"], "skerry")
        # What a removed container used is still in it.
        before = int(stats["cpu"]["usage_ns"])
        self.daemon.skerry("rm", "-f", "a")
        stats = json.loads(self.daemon.skerry("pod", "stats", "--no-stream", "-o", "json",
                                              "counted").out)[0]
        self.assertGreaterEqual(int(stats["cpu"]["usage_ns"]), before)
        self.assertEqual([one["name"] for one in stats["containers"]], ["b"])
        self.assertIn("counted", self.daemon.skerry("pod", "stats", "--no-stream").out)

    def test_a_container_does_not_get_more_than_its_pod(self):
        self.pod("half", "--network", "none", "--cpus", "0.5")
        err = self.fails("run", "--pod", "half", "--cpus", "1", "busybox", "true")
        self.assertIn("limit of the pod", err)
        self.daemon.skerry("run", "--rm", "--pod", "half", "--cpus", "0.2", "busybox", "true")
        self.daemon.skerry("run", "--rm", "--pod", "half", "busybox", "true")
        # Nor can a pod be given less than one of its containers has.
        self.member("half", "fast", options=("--cpus", "0.4"))
        err = self.fails("update", "--cpus", "1", "fast")
        self.assertIn("limit of the pod", err)
        api = Api(self.daemon)
        self.addCleanup(api.close)
        request = {"pod": pod_spec_pb.PodRef(name="half"),
                   "update_mask": {"paths": ["resources.limits.cpu"]}}

        def limit(millicpu):
            return resources_pb.Resources(limits=resources_pb.ResourceLimits(
                cpu=resources_pb.CpuLimit(millicpu=millicpu)))

        with self.assertRaises(grpc.RpcError) as error:
            api.call("PodService", "Update", resources=limit(300), **request)
        self.assertEqual(reason(error.exception), "BELOW_MEMBER")
        self.daemon.skerry("update", "--cpus", "0.2", "fast")
        api.call("PodService", "Update", resources=limit(300), **request)

    def test_update(self):
        api = Api(self.daemon)
        self.addCleanup(api.close)
        pod = self.pod("changing", "--network", "none", "-m", "64m", "-l", "a=b")
        ref = pod_spec_pb.PodRef(uid=pod["uid"])
        limits = resources_pb.Resources(limits=resources_pb.ResourceLimits(
            memory=resources_pb.MemoryLimit(bytes=32 << 20)))
        updated = api.call("PodService", "Update", pod=ref, resources=limits,
                           expected_revision=int(pod["revision"]), labels={"c": "d"},
                           update_mask={"paths": ["resources.limits.memory", "labels"]}).pod
        self.assertEqual(updated.generation, 2)
        self.assertEqual(dict(updated.labels), {"c": "d"})
        self.assertEqual(updated.effective_resources.limits.memory.bytes, 32 << 20)
        self.assertIn(32 << 20, self.kernel_limits(pod["uid"]))
        for refused, code, word in (
                ({"expected_revision": 1, "update_mask": {"paths": ["labels"]}},
                 grpc.StatusCode.ABORTED, "REVISION"),
                ({}, grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
                ({"update_mask": {"paths": ["hostname"]}},
                 grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
                ({"update_mask": {"paths": ["resources.nonsense"]}},
                 grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
                ({"update_mask": {"paths": ["labels"]}, "labels": {"a b": "c"}},
                 grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID"),
                ({"update_mask": {"paths": ["resources"]},
                  "resources": resources_pb.Resources(limits=resources_pb.ResourceLimits(
                      memory=resources_pb.MemoryLimit(bytes=1 << 60)))},
                 grpc.StatusCode.INVALID_ARGUMENT, "MEMORY_ABOVE_HOST")):
            with self.subTest(refused=refused), self.assertRaises(grpc.RpcError) as error:
                api.call("PodService", "Update", pod=ref, **refused)
            self.assertEqual(error.exception.code(), code)
            self.assertEqual(reason(error.exception), word)
        # Back to the default, which is none.
        updated = api.call("PodService", "Update", pod=ref,
                           update_mask={"paths": ["resources"]}).pod
        self.assertTrue(updated.effective_resources.limits.memory.HasField("unlimited"))
        self.assertNotIn(32 << 20, self.kernel_limits(pod["uid"]))
        self.stop("changing")
        with self.assertRaises(grpc.RpcError) as error:
            api.call("PodService", "Update", pod=ref, update_mask={"paths": ["labels"]})
        self.assertEqual(error.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)

    def kernel_limits(self, uid):
        values = []
        for group in self.groups(uid):
            for name in ("memory.limit_in_bytes", "memory.max"):
                path = os.path.join(group, name)
                if os.path.exists(path):
                    with open(path, encoding="ascii") as file:
                        text = file.read().strip()
                    values.append(int(text) if text.isdigit() else None)
        self.assertTrue(values)
        return values


class Lives(PodTest):
    def test_the_whole_life(self):
        pod = self.pod("whole", "--network", "skerry", "-p", "18091:80", "--share", "ipc", "--share", "pid")
        for name in ("a", "b", "c"):
            self.member("whole", name)
        self.assertEqual([one["name"] for one in self.daemon.inspect_pod("whole")["containers"]],
                         ["a", "b", "c"])
        self.assertTrue(self.groups(pod["uid"]))
        self.assertIn("3/3", self.daemon.skerry("pod", "ls").out)
        self.assertIn("whole", self.daemon.skerry("ps", "-o", "wide").out)
        self.assertIn("whole", self.complete("pod", "stop", ""))
        self.daemon.skerry("pod", "stop", "-t", "1", "whole")
        stopped = self.daemon.inspect_pod("whole")
        self.assertEqual(stopped["state"], "stopped")
        self.assertTrue(stopped["released"])
        self.assertEqual(stopped["stop_cause"], "stopped")
        self.assertEqual(stopped["networks"][0]["state"], "detached")
        self.assertFalse(alive(pod["init_pid"]))
        self.assertEqual(self.groups(pod["uid"]), [])
        self.host.assert_clean(self, self.daemon)
        # Its port is free for the next one, and its containers are still there to look at.
        self.pod("next", "--network", "skerry", "-p", "18091:80")
        self.assertEqual({one["name"] for one in self.daemon.ps()}, {"a", "b", "c"})
        self.assertEqual(self.daemon.inspect("a")["exit"]["cause"], "stopped")
        # Nothing begins in it again.
        self.assertIn("stopped", self.fails("run", "--pod", "whole", "busybox", "true"))
        self.assertIn("stopped", self.fails("start", "a"))
        self.daemon.skerry("pod", "stop", "whole")
        self.daemon.skerry("pod", "rm", "whole")
        self.assertEqual(self.daemon.ps(), [])
        self.assertEqual([one["id"] for one in self.daemon.pods()], ["next"])
        # An id that was removed is remembered, and removing once more is fine.
        self.assertIn("removed", self.fails("pod", "create", "--id", "whole", "--network", "none"))

    def test_they_are_stopped_in_reverse_order_each_by_its_own_signal(self):
        self.pod("ordered", "--network", "none")
        signals = {"first": "TERM", "second": "USR1", "third": "INT"}
        for name, sent in signals.items():
            self.member("ordered", name, "sh", "-c",
                        f"trap 'echo {sent}; exit 0' {sent}; echo up; while :; do sleep 0.1; done",
                        options=("--stop-signal", sent))
            wait_for(lambda name=name: "up" in self.daemon.skerry("logs", name).out, "the trap")
        self.daemon.skerry("pod", "stop", "ordered")
        ended = []
        for name, sent in signals.items():
            self.assertEqual(self.daemon.skerry("logs", name).out, f"up\n{sent}\n")
            ended.append(self.daemon.inspect(name)["exit"]["time"])
        self.assertEqual(ended, sorted(ended, reverse=True))

    def test_one_that_fails_does_not_take_the_pod(self):
        self.pod("robust", "--network", "none")
        self.member("robust", "good")
        self.daemon.skerry("run", "--pod", "robust", "--name", "bad", "busybox", "false",
                           check=False)
        self.assertEqual(self.daemon.inspect("bad")["exit"]["code"], 1)
        self.assertEqual(self.daemon.inspect("good")["state"], "running")
        self.assertEqual(self.daemon.inspect_pod("robust")["state"], "ready")
        # It can be started again, in the same pod.
        self.daemon.skerry("start", "bad", check=False)
        self.assertEqual(self.daemon.inspect("bad")["attempt"], 2)
        self.daemon.skerry("rm", "-f", "bad")
        self.assertEqual(self.daemon.inspect_pod("robust")["state"], "ready")

    def test_unless_the_pod_says_so(self):
        self.pod("touchy", "--network", "none", "--stop-on-failure")
        self.member("touchy", "good")
        self.daemon.skerry("run", "--pod", "touchy", "busybox", "true")
        self.assertEqual(self.daemon.inspect_pod("touchy")["state"], "ready")
        # Being stopped is no failure.
        self.member("touchy", "stopped")
        self.daemon.skerry("stop", "-t", "0", "stopped")
        self.assertEqual(self.daemon.inspect_pod("touchy")["state"], "ready")
        self.daemon.skerry("run", "--pod", "touchy", "--name", "bad", "busybox", "false",
                           check=False)
        pod = self.wait_stopped("touchy")
        self.assertEqual(pod["stop_cause"], "container_failed")
        self.assertIn("failed", pod["message"])
        self.assertEqual(self.daemon.inspect("good")["exit"]["cause"], "stopped")

    def test_remove_needs_force_while_it_lives(self):
        self.pod("held", "--network", "skerry")
        self.member("held", "a")
        self.assertIn("force", self.fails("pod", "rm", "held"))
        self.assertEqual(self.daemon.inspect("a")["state"], "running")
        self.daemon.skerry("pod", "rm", "-f", "held")
        self.assertEqual(self.daemon.ps(), [])
        self.assertEqual(self.daemon.pods(), [])
        self.assertIn("no pod", self.fails("pod", "rm", "held"))

    def test_the_same_request_makes_one_pod(self):
        api = Api(self.daemon)
        self.addCleanup(api.close)
        spec = pod_spec_pb.PodSpec(network=pod_spec_pb.NETWORK_MODE_NONE, labels={"a": "b"})
        first = api.call("PodService", "Create", id="same", name="n", spec=spec).pod
        again = api.call("PodService", "Create", id="same", name="n", spec=spec).pod
        self.assertEqual(first.uid, again.uid)
        self.assertEqual(first.revision, again.revision)

        def refused(code, word, **fields):
            with self.assertRaises(grpc.RpcError) as error:
                api.call("PodService", "Create", **fields)
            self.assertEqual(error.exception.code(), code, error.exception.details())
            self.assertEqual(reason(error.exception), word)

        other = pod_spec_pb.PodSpec(network=pod_spec_pb.NETWORK_MODE_NONE, labels={"a": "c"})
        exists, bad = grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.INVALID_ARGUMENT
        refused(exists, "SPEC_DIFFERS", id="same", name="n", spec=other)
        refused(exists, "SPEC_DIFFERS", id="same", name="m", spec=spec)
        refused(exists, "NAME_TAKEN", id="other", name="n", spec=spec)
        refused(bad, "ID_INVALID", id="", spec=spec)
        refused(bad, "ID_INVALID", id="a/b", spec=spec)
        refused(bad, "ID_INVALID", id="x", tenant="a b", spec=spec)
        refused(bad, "ID_INVALID", id="x", name="a b", spec=spec)
        # Of another tenant the same id is another pod.
        foreign = api.call("PodService", "Create", id="same", tenant="t2", spec=spec).pod
        self.assertNotEqual(foreign.uid, first.uid)
        ref = pod_spec_pb.PodRef(uid=foreign.uid)
        with self.assertRaises(grpc.RpcError) as error:
            api.call("ContainerService", "Launch", id="x", spec=spec_pb.ContainerSpec(
                root=spec_pb.RootFilesystem(image="busybox"), command=["true"], join_pod=ref))
        self.assertEqual(error.exception.code(), grpc.StatusCode.NOT_FOUND)
        # Removed: remembered.
        api.call("PodService", "Remove", pod=pod_spec_pb.PodRef(id="same"), force=True)
        api.call("PodService", "Remove", pod=pod_spec_pb.PodRef(id="same"))
        refused(grpc.StatusCode.FAILED_PRECONDITION, "REMOVED", id="same", spec=spec)
        self.daemon.restart()
        refused(grpc.StatusCode.FAILED_PRECONDITION, "REMOVED", id="same", spec=spec)

    def test_bad_specs(self):
        api = Api(self.daemon)
        self.addCleanup(api.close)
        pb = pod_spec_pb
        none = pb.NETWORK_MODE_NONE
        limits = resources_pb.ResourceLimits
        bad = grpc.StatusCode.INVALID_ARGUMENT
        cases = [
            (bad, "FIELD_INVALID", {"hostname": "a_b"}),
            (bad, "FIELD_INVALID", {"network": 9}),
            (bad, "FIELD_INVALID", {"hostname": "h", "network": pb.NETWORK_MODE_HOST}),
            (bad, "SYSCTL_REFUSED", {"sysctls": {"kernel.shmmax": "1"}, "network": none}),
            (bad, "SYSCTL_NOT_NAMESPACED", {"sysctls": {"kernel.panic": "1"}, "network": none,
                                            "shared": pb.SharedNamespaces(ipc=True)}),
            (bad, "SYSCTL_REFUSED", {"sysctls": {"net.core.somaxconn": "1"},
                                     "network": pb.NETWORK_MODE_HOST}),
            (grpc.StatusCode.NOT_FOUND, "NETWORK_NOT_FOUND",
             {"networks": [pb.NetworkAttachment(network="nosuch")]}),
            (bad, "FIELD_INVALID", {"networks": [pb.NetworkAttachment(network="skerry")] * 2}),
            (bad, "FIELD_INVALID", {"networks": [pb.NetworkAttachment(network="skerry")],
                                    "network": none}),
            (bad, "FIELD_INVALID", {"networks": [pb.NetworkAttachment(network="skerry",
                                                                      interface="a" * 16)]}),
            (bad, "FIELD_INVALID", {"networks": [pb.NetworkAttachment(network="skerry",
                                                                      addresses=["x"])]}),
            (bad, "FIELD_INVALID", {"networks": [pb.NetworkAttachment(network="skerry",
                                                                      mac_address="x")]}),
            (bad, "FIELD_INVALID", {"ports": [pb.PortMapping(host_port=0, container_port=80)]}),
            (bad, "PORT_REPEATED", {"ports": [pb.PortMapping(host_port=1, container_port=80)] * 2}),
            (bad, "FIELD_INVALID", {"ports": [pb.PortMapping(host_port=1, container_port=80)],
                                    "network": none}),
            (bad, "FIELD_INVALID", {"dns": pb.DnsConfig(servers=["nonsense"])}),
            (bad, "FIELD_INVALID", {"host_aliases": [pb.HostAlias(ip="nonsense")]}),
            (bad, "FIELD_UNKNOWN", {"cgroup_parent": "elsewhere"}),
            (bad, "LIMIT_TOO_SMALL", {"resources": resources_pb.Resources(limits=limits(
                memory=resources_pb.MemoryLimit(bytes=0))), "network": none}),
            (bad, "MEMORY_ABOVE_HOST", {"resources": resources_pb.Resources(limits=limits(
                memory=resources_pb.MemoryLimit(bytes=1 << 60))), "network": none}),
            (bad, "FIELD_INVALID", {"log_directory": "relative"}),
            (grpc.StatusCode.PERMISSION_DENIED, "LOG_PATH_REFUSED", {"log_directory": "/etc"}),
            (bad, "FIELD_INVALID", {"labels": {"a b": "c"}}),
            (bad, "FIELD_INVALID", {"annotations": {"a": "x" * 300_000}}),
        ]
        for code, word, fields in cases:
            with self.subTest(fields=str(fields)[:80]):
                with self.assertRaises(grpc.RpcError) as error:
                    api.call("PodService", "Create", id="bad", spec=pb.PodSpec(**fields))
                self.assertEqual(error.exception.code(), code, error.exception.details())
                self.assertEqual(reason(error.exception), word, error.exception.details())
        self.assertEqual(self.daemon.pods(), [])
        for call in ("Get", "Stop", "Remove", "Update"):
            for ref, code in ((pb.PodRef(), bad), (pb.PodRef(id="nosuch"),
                                                   grpc.StatusCode.NOT_FOUND)):
                with self.subTest(call=call), self.assertRaises(grpc.RpcError) as error:
                    api.call("PodService", call, pod=ref, **({"update_mask": {"paths": ["labels"]}}
                                                             if call == "Update" else {}))
                self.assertEqual(error.exception.code(), code)
        with self.assertRaises(grpc.RpcError) as error:
            api.call("PodService", "List", page_token="x")
        self.assertEqual(reason(error.exception), "PAGE_TOKEN")
        with self.assertRaises(grpc.RpcError):
            api.call("PodService", "List", page_size=10_001)

    def test_a_taken_port_names_its_pod(self):
        self.pod("owner", "--network", "skerry", "-p", "18092:80")
        err = self.fails("pod", "create", "--network", "skerry", "-p", "18092:81")
        self.assertIn("owner", err)

    def test_pages(self):
        api = Api(self.daemon)
        self.addCleanup(api.close)
        for i in range(5):
            self.pod(f"page{i}", "--network", "none", "-l", f"n={i % 2}")
        first = api.call("PodService", "List", page_size=3)
        self.assertEqual([pod.id for pod in first.pods], ["page0", "page1", "page2"])
        self.assertFalse(first.pods[0].HasField("spec"))
        rest = api.call("PodService", "List", page_size=3, page_token=first.next_page_token)
        self.assertEqual([pod.id for pod in rest.pods], ["page3", "page4"])
        self.assertEqual(rest.next_page_token, "")
        labelled = api.call("PodService", "List",
                            labels=[service_pb.LabelSelector(key="n", value="1")]).pods
        self.assertEqual([pod.id for pod in labelled], ["page1", "page3"])
        stopped = api.call("PodService", "List", states=[pod_pb.POD_STATE_STOPPED]).pods
        self.assertEqual(len(stopped), 0)

    def test_events_tell_of_it(self):
        self.pod("told", "--network", "skerry")
        self.member("told", "a")
        self.daemon.skerry("pod", "rm", "-f", "told")
        events = [json.loads(line) for line in self.daemon.skerry(
            "events", "--since", "1h", "--until", "0s", "-o", "jsonl").out.splitlines()]
        states = [one.get("pod_state") for one in events
                  if one["type"] == "pod_state" and one.get("pod_id") == "told"]
        self.assertEqual(states, ["accepted", "preparing", "ready", "stopping", "stopped"])
        mine = [one for one in events if one.get("pod_id") == "told"]
        self.assertIn("pod_removed", {one["type"] for one in mine})
        self.assertIn("network_attached", {one["type"] for one in mine})
        self.assertIn("network_detached", {one["type"] for one in mine})
        self.assertTrue([one for one in mine if one.get("name") == "a"])


class Survives(PodTest):
    def kill_launcher(self):
        for pid in self.daemon.launcher_pids():
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                name = file.read().strip()
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                parent = int(file.read().rsplit(")", 1)[1].split()[1])
            if "shim" not in name and parent in self.daemon.launcher_pids():
                os.kill(pid, signal.SIGKILL)
                return
        self.fail("no launcher")

    def test_the_death_of_daemon_and_launcher(self):
        pod = self.pod("lasting", "--network", "skerry", "--share", "ipc", "--share", "pid", "-p", "18093:80")
        member = self.member("lasting", "a")
        self.run_in("a", "echo kept >/dev/shm/file")
        self.daemon.kill()
        self.assertTrue(alive(member["pid"]))
        self.assertTrue(alive(pod["init_pid"]))
        self.daemon.start()
        self.kill_launcher()
        after = self.daemon.inspect_pod("lasting")
        for key in ("uid", "state", "init_pid", "networks", "revision", "ports"):
            self.assertEqual(after[key], pod[key], key)
        self.assertEqual(self.daemon.inspect("a")["pid"], member["pid"])
        # Somebody new finds the same namespaces.
        self.member("lasting", "b")
        self.assertEqual(self.run_in("b", "cat /dev/shm/file").out, "kept\n")
        self.assertIn("skerry-init", self.run_in("b", "ps -o args").out)
        nets = {self.run_in(name, "readlink /proc/self/ns/net").out for name in ("a", "b")}
        self.assertEqual(len(nets), 1)
        self.assertIn("lasting", self.fails("pod", "create", "--network", "skerry", "-p",
                                            "18093:80"))
        self.stop("lasting")
        self.assertEqual(self.daemon.inspect("b")["exit"]["cause"], "stopped")

    def test_the_death_of_the_holder(self):
        """Who is inside stays inside. An init keeps the namespaces for those to come as well."""
        for name, share in (("with", ("--share", "ipc")), ("without", ())):
            self.pod(name, "--network", "skerry", *share)
            self.member(name, f"in-{name}")
        pids = self.daemon.launcher_pids()
        for pid in pids:
            with open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if file.read().strip() == "skerry-holder":
                    os.kill(pid, signal.SIGKILL)
        self.daemon.restart()
        for name in ("with", "without"):
            self.assertEqual(self.daemon.inspect(f"in-{name}")["state"], "running")
            self.assertEqual(self.daemon.inspect_pod(name)["state"], "ready")
        self.member("with", "late")
        for kind in ("net", "ipc", "uts"):
            links = {self.run_in(name, f"readlink /proc/self/ns/{kind}").out
                     for name in ("in-with", "late")}
            self.assertEqual(len(links), 1, kind)
        self.assertIn("gone", self.fails("run", "--pod", "without", "busybox", "true"))
        # Nobody is inside any more.
        self.daemon.skerry("rm", "-f", "in-without")
        self.daemon.restart()
        self.assertEqual(self.wait_stopped("without")["stop_cause"], "init_lost")

    def test_a_lost_database(self):
        pod = self.pod("orphaned", "--network", "skerry", "--share", "ipc")
        member = self.member("orphaned", "a")
        self.daemon.kill()
        for name in os.listdir(self.daemon.root):
            if name.startswith("state.db"):
                os.unlink(os.path.join(self.daemon.root, name))
        self.daemon.start()
        self.daemon.import_busybox()
        after = self.daemon.inspect_pod("orphaned")
        self.assertEqual(after["uid"], pod["uid"])
        self.assertEqual(after["state"], "ready")
        self.assertEqual(self.daemon.inspect("a")["pid"], member["pid"])
        self.daemon.skerry("pod", "rm", "-f", "orphaned")

    def test_the_death_of_its_init(self):
        for share in ("pid", "ipc"):
            with self.subTest(share=share):
                name = f"headless-{share}"
                pod = self.pod(name, "--network", "none", "--share", share)
                self.member(name, f"a-{share}")
                os.kill(pod["init_pid"], signal.SIGKILL)
                stopped = self.wait_stopped(name)
                self.assertEqual(stopped["stop_cause"], "init_lost")
                self.assertIn("namespaces", stopped["message"])
                self.assertEqual(self.daemon.inspect(f"a-{share}")["state"], "exited")

    def test_an_init_that_died_while_nobody_looked(self):
        pod = self.pod("unseen", "--network", "none", "--share", "ipc")
        self.member("unseen", "a")
        self.daemon.kill()
        os.kill(pod["init_pid"], signal.SIGKILL)
        wait_for(lambda: not alive(pod["init_pid"]), "the init to die")
        self.daemon.start()
        self.assertEqual(self.wait_stopped("unseen")["stop_cause"], "init_lost")

    def test_a_stop_goes_on_after_a_restart(self):
        self.pod("slow", "--network", "skerry")
        self.member("slow", "a", "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
        stop = self.daemon.popen("pod", "stop", "-t", "300", "slow")
        wait_for(lambda: self.daemon.inspect_pod("slow")["state"] == "stopping", "the stop")
        self.daemon.kill()
        stop.kill()
        stop.wait()
        self.daemon.start()
        self.assertEqual(self.daemon.inspect_pod("slow")["state"], "stopping")
        self.daemon.skerry("pod", "stop", "-t", "0", "slow")
        self.assertEqual(self.daemon.inspect_pod("slow")["state"], "stopped")


class Reboot(PodTest):
    """As a reboot leaves a host: no process, no cgroup, nothing in RUN, and another boot id."""

    def tearDown(self):
        # On the host's own boot again; the address of before is given back as well.
        self.daemon.prefix = []
        self.daemon.restart()
        super().tearDown()

    def test_what_was_ready_is_stopped(self):
        daemon = self.daemon
        for name, network in (("on", "skerry"), ("off", "none")):
            self.pod(name, "--network", network, "--share", "ipc")
            self.member(name, f"in-{name}")
        self.pod("over", "--network", "none")
        self.stop("over")
        daemon.kill()
        # Shims first: a power cut leaves none the time to record how its container ended.
        for place in ("shims", ""):
            for tree in cgroup_hierarchies():
                kill_tree(os.path.join(tree, daemon.scope(), place))
        for tree in cgroup_hierarchies():
            remove_tree(os.path.join(tree, daemon.scope()))
        for name in os.listdir(daemon.run):
            path = os.path.join(daemon.run, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        boot_id = os.path.join(daemon.base, "boot_id")
        with open(boot_id, "w", encoding="ascii") as file:
            file.write(str(uuid.uuid4()) + "\n")
        daemon.prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                         f"mount --bind {boot_id} /proc/sys/kernel/random/boot_id && exec \"$@\"",
                         "sh"]
        daemon.start()
        for name in ("on", "off"):
            pod = self.wait_stopped(name)
            self.assertEqual(pod["stop_cause"], "host_reboot")
            self.assertTrue(pod["released"])
            exit_info = daemon.inspect(f"in-{name}")["exit"]
            self.assertEqual(exit_info["cause"], "host_reboot")
        self.assertEqual(daemon.inspect_pod("over")["stop_cause"], "stopped")
        # What outlived the boot, the address, is free again.
        wait_for(lambda: not leases(daemon), "the lease to be given back")
        self.assertIn("stopped", self.fails("start", "in-on"))


if __name__ == "__main__":
    unittest.main()
