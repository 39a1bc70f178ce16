"""Many containers of one daemon, handled by many clients at once: what they are to be, where the kernel says what they are, and
what the host has of the daemon."""

import os
import queue
import threading

import grpc

import api
from harness import cgroup_hierarchies

spec_pb = api.spec_pb
CLIENTS = 16
MEBIBYTE = 1 << 20
# Ends by itself when told to, with a status nothing else gives.
WAITING = 'trap "exit 7" TERM; sleep 1000000 & wait'
SERVING = 'trap "exit 7" TERM; hostname >/tmp/index.html; httpd -f -p 80 -h /tmp & wait'


class Client(api.Api):
    """A connection of its own: channels to one address share theirs if nothing is said."""

    def __init__(self, daemon):
        self.channel = grpc.insecure_channel(
            f"unix://{daemon.run}/skerryd.sock",
            options=[("grpc.use_local_subchannel_pool", 1),
                     ("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200),
                     ("grpc.min_reconnect_backoff_ms", 5000),
                     ("grpc.max_receive_message_length", 16 << 20)])


class Crowd:
    """Clients that share out work, all of them busy at once."""

    def __init__(self, clients):
        self.clients = clients

    @classmethod
    def connect(cls, daemon, count=CLIENTS):
        return cls([Client(daemon) for _ in range(count)])

    def close(self):
        for client in self.clients:
            client.close()

    def each(self, work, things):
        """work(client, thing) for all of them; the answers in order. The first failure is raised when nobody works any more."""
        things = list(things)
        answers = [None] * len(things)
        failures = []
        waiting = queue.SimpleQueue()
        for item in enumerate(things):
            waiting.put(item)

        def labour(client):
            while not failures:
                try:
                    number, thing = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    answers[number] = work(client, thing)
                except Exception as failure:  # pylint: disable=broad-except
                    failures.append(failure)

        threads = [threading.Thread(target=labour, args=(client,), daemon=True)
                   for client in self.clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return answers


def together(works):
    """Calls all of them at the same moment; what each gave, or the error it ended with."""
    barrier = threading.Barrier(len(works))
    answers = [None] * len(works)

    def run(number, work):
        barrier.wait()
        try:
            answers[number] = work()
        except grpc.RpcError as error:
            answers[number] = error

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        if thread.is_alive():
            raise AssertionError("a call hangs")
    return answers


def ref(uid):
    return api.container_pb.ContainerRef(uid=uid)


def by_id(name):
    return api.container_pb.ContainerRef(id=name)


def run_spec(command, network=None):
    """A container of busybox that runs a line of shell."""
    spec = spec_pb.ContainerSpec(args=["sh", "-c", command])
    spec.root.image = "busybox"
    if network:
        spec.pod.networks.add(network=network)
    else:
        spec.pod.network = api.pod_spec_pb.NETWORK_MODE_NONE
    return spec


class Member:
    """The container number so-and-so: no two have the same limits, so that none has its neighbour's."""

    def __init__(self, number):
        self.number = number
        self.id = f"m{number}"
        self.uid = ""
        self.pid = 0
        self.began = ""
        self.cgroup = ""
        self.memory = 32 * MEBIBYTE + number * 65536
        self.millicpu = 100 + number % 400
        self.pids = 64 + number
        # Three of ten are on a network.
        self.serves = number % 10 < 3
        # One of ten by the command line, on both kinds of network.
        self.by_command_line = number % 20 in (2, 19)
        self.address = None

    def limits(self):
        limits = api.module("resources").ResourceLimits()
        limits.memory.bytes = self.memory
        limits.cpu.millicpu = self.millicpu
        limits.pids.count = self.pids
        return limits

    def grow(self):
        self.memory += 16 * MEBIBYTE
        self.millicpu += 500
        self.pids += 1000

    def launch(self, client, daemon):
        command = SERVING if self.serves else WAITING
        network = "skerry" if self.serves else None
        if self.by_command_line:
            daemon.skerry("run", "-d", "--id", self.id, "--hostname", self.id, "--network", network or "none",
                          "-m", str(self.memory), "--cpus", str(self.millicpu / 1000), "--pids-limit",
                          str(self.pids), "busybox", "sh", "-c", command, timeout=300)
            made = client.call("ContainerService", "Get", container=by_id(self.id)).container
        else:
            spec = run_spec(command, network)
            spec.pod.hostname = self.id
            spec.resources.limits.CopyFrom(self.limits())
            made = client.call("ContainerService", "Launch", timeout=300, id=self.id, spec=spec).container
        self.uid, self.pid, self.cgroup = made.uid, made.pid, made.cgroup_path
        self.began = start_of(self.pid)
        if made.networks:
            self.address = made.networks[0].addresses[0].split("/")[0]
        return made

    def run(self, client, *arguments):
        """What a command in it writes, which has to succeed."""
        spec = api.exec_pb.ExecSpec(args=arguments)
        done = client.call("ExecService", "Run", timeout=60, container=ref(self.uid), spec=spec)
        if done.exit.code != 0 or done.exit.cause != api.container_pb.EXIT_CAUSE_EXITED:
            raise AssertionError(f"{arguments} in {self.id}: {done}")
        return done.stdout.decode()

    def still_runs(self):
        """Its process, and not another one that was given its number."""
        return start_of(self.pid) == self.began

    def kernel_limits(self):
        """What the kernel enforces, as memory, millicpu and pids."""
        quota = read_cgroup(self.cgroup, "cpu.cfs_quota_us", "cpu.max").split()[0]
        period = read_cgroup(self.cgroup, "cpu.cfs_period_us", "cpu.max").split()[-1]
        memory = int(read_cgroup(self.cgroup, "memory.limit_in_bytes", "memory.max"))
        pids = int(read_cgroup(self.cgroup, "pids.max"))
        return memory, int(quota) * 1000 // int(period), pids

    def frozen(self):
        """A hybrid host has both kinds of freezer, and either may be at work."""
        return "frozen 1" in cgroup_files(self.cgroup, "cgroup.events") or \
            "FROZEN" in cgroup_files(self.cgroup, "freezer.state")


def cgroup_files(path, name):
    """The lines of that file of the cgroup, in every hierarchy that has it."""
    lines = []
    for hierarchy in cgroup_hierarchies():
        file_path = os.path.join(hierarchy, path.lstrip("/"), name)
        if os.path.exists(file_path):
            with open(file_path, encoding="ascii") as file:
                lines += file.read().splitlines()
    return lines


def read_cgroup(path, *names):
    """The first line of the file, under the first of its names (v1, v2) that is there."""
    for name in names:
        lines = cgroup_files(path, name)
        if lines:
            return lines[0]
    raise AssertionError(f"{path} has none of {names}")


def stat_of(pid):
    """What comes after the name in /proc/PID/stat; nothing when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def parent_of(pid):
    return int(stat_of(pid)[1])


def start_of(pid):
    """When it began, in ticks since boot; None when it is gone."""
    stat = stat_of(pid)
    return stat[19] if stat else None


def command_of(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


def keepers(daemon):
    """Holder and launcher, by name."""
    pids = {command_of(pid): pid for pid in daemon.launcher_pids()}
    return {"holder": pids["skerry-holder"], "launcher": pids["skerry-launcher"]}


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def private_bytes(pid):
    """Memory of its own: no file, no library."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) << 10 for line in file if line.startswith("Private_"))
