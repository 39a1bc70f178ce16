"""Clients that ask for the same thing at the same moment, and clients that ask for opposite things: every answer is one of those
the API documents, what is answered is so, no call hangs, and nothing is left."""

import collections
import json
import os
import random
import time
import unittest

import grpc
from google.protobuf.duration_pb2 import Duration

import api
from fleet import WAITING, Crowd, by_id, descriptors, keepers, ref, run_spec, together
from harness import DaemonTest, wait_for
from watcher import state_name

CONTAINERS = "ContainerService"
SAME = 32
ROUNDS = int(os.environ.get("SKERRY_RACES", "160"))
LANES = 8
# Seconds: what a launch takes with nothing to wait for, and some.
APART = 0.01


def outcome(answer):
    """In a word: how a call failed, or what the container or exec it tells of is now."""
    if isinstance(answer, grpc.RpcError):
        return f"{answer.code().name} {api.reason(answer)}"
    if isinstance(answer, api.exec_pb.RunExecResponse):
        return api.container_pb.ExitCause.Name(answer.exit.cause).removeprefix("EXIT_CAUSE_").lower()
    if isinstance(answer, api.container_pb.Container):
        return state_name(answer.state)
    return "done"


# Ends at once when it runs first, and waits when it is started again.
TWICE = f"[ -e /again ] || {{ touch /again; exit 0; }}; {WAITING}"


class RaceTest(DaemonTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.crowd = Crowd.connect(cls.daemon, SAME)
        cls.addClassCleanup(cls.crowd.close)
        cls.clients = cls.crowd.clients
        # Everybody is connected, and what a daemon keeps ready is there.
        cls.crowd.each(cls.live_once, range(2 * SAME))
        cls.before = cls.held()

    @classmethod
    def live_once(cls, client, number):
        client.call(CONTAINERS, "Launch", id=f"once{number}", spec=run_spec("exec sleep 1000"))
        client.call("ExecService", "Run", container=by_id(f"once{number}"),
                    spec=api.exec_pb.ExecSpec(args=["true"]))
        client.call(CONTAINERS, "Remove", container=by_id(f"once{number}"), force=True)

    def tearDown(self):
        super().tearDown()
        debts = self.daemon.skerry("debug", "debts", "-o", "json").out
        self.assertEqual(json.loads(debts or "[]"), [])
        for place in ("execs", "pods"):
            wait_for(lambda place=place: not os.listdir(os.path.join(self.daemon.run, place)),
                     f"RUN/{place} to be empty")
        wait_for(lambda: all(count <= self.before[who] + SAME for who, count in self.held().items()),
                 f"descriptors to be as {self.before}, not {self.held()}")

    @classmethod
    def held(cls):
        pids = {"skerryd": cls.daemon.process.pid, **keepers(cls.daemon)}
        return {who: descriptors(pid) for who, pid in pids.items()}

    def fresh(self):
        return f"r{random.getrandbits(48):x}"


class Identical(RaceTest):
    """Thirty-two clients that send one launch each."""

    def launch_together(self, specs, names=None, ids=None):
        key = self.fresh()
        names = names or [""] * SAME
        ids = ids or [key] * SAME
        return key, together([
            lambda client=client, spec=spec, name=name, own=own: client.call(
                CONTAINERS, "Launch", id=own, name=name, spec=spec).container
            for client, spec, name, own in zip(self.clients, specs, names, ids)])

    def test_the_same_launch_is_one_container_that_runs_once(self):
        for _ in range(10):
            key, answers = self.launch_together([run_spec("echo begun; exec sleep 1000")] * SAME)
            self.assertEqual({outcome(answer) for answer in answers}, {"running"})
            self.assertEqual(len({answer.uid for answer in answers}), 1)
            self.assertEqual(len({answer.pid for answer in answers}), 1)
            self.assertEqual([c["id"] for c in self.daemon.ps()], [key])
            wait_for(lambda key=key: self.daemon.skerry("logs", answers[0].uid).out, "it to say so")
            self.assertEqual(self.daemon.skerry("logs", answers[0].uid).out, "begun\n")
            self.clients[0].call(CONTAINERS, "Remove", container=by_id(key), force=True)

    def test_of_different_specs_one_wins(self):
        for _ in range(10):
            specs = [run_spec("exec sleep 1000") for _ in range(SAME)]
            for number, spec in enumerate(specs):
                spec.env.append(f"WHO={number}")
            key, answers = self.launch_together(specs)
            self.check_one_winner(answers, "SPEC_DIFFERS", f"container {key}")
            winner = next(n for n, answer in enumerate(answers) if outcome(answer) == "running")
            kept = self.clients[0].call(CONTAINERS, "Get", container=by_id(key)).container
            self.assertEqual(list(kept.spec.env), [f"WHO={winner}"])
            self.clients[0].call(CONTAINERS, "Remove", container=by_id(key), force=True)

    def test_of_different_ids_one_gets_the_name(self):
        name = self.fresh()
        _, answers = self.launch_together([run_spec("exec sleep 1000")] * SAME, [name] * SAME,
                                          [self.fresh() for _ in range(SAME)])
        self.check_one_winner(answers, "NAME_TAKEN", f"container {name}")
        self.assertEqual(len(self.daemon.ps()), 1)

    def check_one_winner(self, answers, word, thing):
        losers = [answer for answer in answers if outcome(answer) != "running"]
        self.assertEqual(len(losers), SAME - 1)
        for loser in losers:
            self.assertEqual(outcome(loser), f"ALREADY_EXISTS {word}")
            self.assertEqual(api.detail(loser).object, thing)
            self.assertIn(thing.split()[1], loser.details())

    def test_the_same_pod_and_the_same_exec(self):
        key = self.fresh()
        spec = api.pod_spec_pb.PodSpec(network=api.pod_spec_pb.NETWORK_MODE_NONE)
        pods = together([lambda client=client: client.call("PodService", "Create", id=key, spec=spec).pod
                         for client in self.clients])
        self.assertEqual(len({pod.uid for pod in pods}), 1)
        made = self.clients[0].call(CONTAINERS, "Launch", id=key, spec=run_spec(WAITING)).container
        spec = api.exec_pb.ExecSpec(args=["sleep", "1000"])
        execs = together([lambda client=client: client.call("ExecService", "Start", container=ref(made.uid),
                                                            id=key, spec=spec).exec
                          for client in self.clients])
        self.assertEqual(len({one.uid for one in execs}), 1)
        self.assertEqual(len({one.pid for one in execs}), 1)

    def test_one_removes_a_volume_and_the_others_find_none(self):
        for _ in range(5):
            name = self.fresh()
            self.clients[0].call("VolumeService", "Create", name=name)
            answers = together([lambda client=client: client.call("VolumeService", "Remove", volume={"name": name})
                                for client in self.clients])
            refused = [outcome(answer) for answer in answers if isinstance(answer, grpc.RpcError)]
            self.assertEqual(refused, ["NOT_FOUND VOLUME_NOT_FOUND"] * (SAME - 1))


class Opposite(RaceTest):
    """Two calls at random distances of each other, in many rounds."""

    def race(self, prepare, first, second, judge, wanted):
        """prepare(client, key) once; then first and second(client, key), a little apart in either order; judge(client, key,
        one, other) what came of it. It goes on, further apart, until what is `wanted` has come about too."""
        seed = random.getrandbits(32)
        chance = random.Random(seed)
        seen = collections.Counter()

        def race_once(pair, distance):
            here, there = pair
            key = self.fresh()
            if prepare:
                prepare(here, key)
            one, other = together([lambda: late(-distance, first, here, key),
                                   lambda: late(distance, second, there, key)])
            for answer in (one, other):
                self.assertNotIn("DEADLINE_EXCEEDED", outcome(answer), f"a call hangs; seed {seed}")
            seen[outcome(one), outcome(other)] += 1
            judge(here, key, one, other)

        lanes = Crowd(list(zip(self.clients[::2], self.clients[1::2]))[:LANES])
        for widening in range(6):
            apart = APART * 2 ** widening
            lanes.each(race_once, [chance.uniform(-apart, apart) for _ in range(ROUNDS)])
            if wanted <= set(seen):
                break
        print(dict(seen), end=" ", flush=True)
        self.assertLessEqual(wanted, set(seen), "not met")
        return seen

    def state_of(self, client, key):
        """The container, or None when it is gone."""
        try:
            return client.call(CONTAINERS, "Get", container=by_id(key)).container
        except grpc.RpcError as error:
            self.assertEqual(error.code(), grpc.StatusCode.NOT_FOUND)
            return None

    def remove_at_last(self, client, key):
        client.call(CONTAINERS, "Remove", container=by_id(key), force=True)
        self.assertIsNone(self.state_of(client, key))

    def race_launch_with_remove(self, force, wanted):
        def launch(client, key):
            return client.call(CONTAINERS, "Launch", id=key, spec=run_spec(WAITING)).container

        def remove(client, key):
            return client.call(CONTAINERS, "Remove", container=by_id(key), force=force)

        def judge(client, key, launched, removed):
            found = self.state_of(client, key)
            if outcome(removed) == "done":
                self.assertIsNone(found)
                self.assertIn(outcome(launched), ("running", "stopping", "exited"))
                if outcome(launched) == "exited":
                    self.assertEqual(launched.exit.cause, api.container_pb.EXIT_CAUSE_STOPPED)
                return
            self.assertIn(outcome(removed), ("NOT_FOUND CONTAINER_NOT_FOUND", "FAILED_PRECONDITION STATE"))
            # Refused: it runs as if nobody had asked.
            self.assertEqual((outcome(launched), outcome(found)), ("running", "running"))
            self.assertEqual(found.uid, launched.uid)
            self.remove_at_last(client, key)

        return self.race(None, launch, remove, judge, wanted)

    def test_launch_with_forced_remove(self):
        # Also in the middle of a launch.
        self.race_launch_with_remove(True, {("exited", "done"), ("running", "done")})

    def test_launch_with_remove(self):
        seen = self.race_launch_with_remove(False, {("running", "FAILED_PRECONDITION STATE")})
        self.assertNotIn("done", {removed for _, removed in seen})

    def test_start_with_stop(self):
        def prepare(client, key):
            client.call(CONTAINERS, "Launch", id=key, spec=run_spec(TWICE))
            client.call(CONTAINERS, "Wait", container=by_id(key), condition=api.service_pb.WAIT_CONDITION_RELEASED)

        def start(client, key):
            return client.call(CONTAINERS, "Start", container=by_id(key)).container

        def stop(client, key):
            return client.call(CONTAINERS, "Stop", container=by_id(key), grace=Duration()).container

        def judge(client, key, started, stopped):
            # Told to stop, it is stopped for good if it had been started; if not, it runs.
            self.assertEqual(outcome(stopped), "exited")
            found = self.state_of(client, key)
            self.assertEqual(found.attempt, 2)
            if stopped.attempt == 2:
                self.assertEqual(outcome(found), "exited")
                self.assertIn(outcome(started), ("running", "stopping", "exited"))
                self.assertEqual(found.exit.cause, api.container_pb.EXIT_CAUSE_STOPPED)
            else:
                self.assertEqual((outcome(started), outcome(found)), ("running", "running"))
            self.remove_at_last(client, key)

        self.race(prepare, start, stop, judge, {("exited", "exited"), ("running", "exited")})

    def test_pod_remove_with_launch_into_it(self):
        def prepare(client, key):
            spec = api.pod_spec_pb.PodSpec(network=api.pod_spec_pb.NETWORK_MODE_NONE)
            client.call("PodService", "Create", id=key, spec=spec)

        def launch(client, key):
            spec = run_spec(WAITING)
            spec.ClearField("pod")
            spec.join_pod.id = key
            return client.call(CONTAINERS, "Launch", id=key, spec=spec).container

        def remove(client, key):
            return client.call("PodService", "Remove", pod=api.pod_spec_pb.PodRef(id=key), force=True)

        def judge(client, key, launched, removed):
            self.assertEqual(outcome(removed), "done")
            self.assertIsNone(self.state_of(client, key))
            self.assertIn(outcome(launched), ("running", "stopping", "exited", "NOT_FOUND REMOVED",
                                              "FAILED_PRECONDITION POD_STATE"))

        self.race(prepare, launch, remove, judge,
                  {("running", "done"), ("FAILED_PRECONDITION POD_STATE", "done")})

    def test_exec_with_stop(self):
        def prepare(client, key):
            client.call(CONTAINERS, "Launch", id=key, spec=run_spec(WAITING))

        def enter(client, key):
            return client.call("ExecService", "Run", container=by_id(key),
                               spec=api.exec_pb.ExecSpec(args=["echo", key]))

        def stop(client, key):
            return client.call(CONTAINERS, "Stop", container=by_id(key), grace=Duration()).container

        def judge(client, key, entered, stopped):
            self.assertEqual(outcome(stopped), "exited")
            self.assertEqual(stopped.exit.cause, api.container_pb.EXIT_CAUSE_STOPPED)
            self.assertIn(outcome(entered), ("exited", "signaled", "stopped", "FAILED_PRECONDITION STATE"))
            if outcome(entered) == "exited":
                self.assertEqual((entered.exit.code, entered.stdout), (0, f"{key}\n".encode()))
            self.remove_at_last(client, key)

        self.race(prepare, enter, stop, judge,
                  {("exited", "exited"), ("FAILED_PRECONDITION STATE", "exited")})


def late(seconds, call, *arguments):
    """The distance between two calls is the subject here, not something waited for."""
    if seconds > 0:
        time.sleep(seconds)
    return call(*arguments)


if __name__ == "__main__":
    unittest.main()
