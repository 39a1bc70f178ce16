"""A chain of CNI plugins run by hand: what the plugins themselves take, with nobody around them."""

import json
import os
import subprocess
import time

from place import Failure

DIRECTORIES = ("/usr/lib/cni", "/opt/cni/bin")


class Chain:
    """The plugins of a network list, on a bridge, subnet and leases of its own, for one network
    namespace that is used again and again."""

    def __init__(self, conflist, directory):
        with open(conflist) as file:
            self.network = json.load(file)
        self.network["name"] = "byhand"
        first = self.network["plugins"][0]
        first["bridge"] = "byhand0"
        first["ipam"]["ranges"] = [[{"subnet": "10.213.0.0/20"}]]
        first["ipam"].pop("subnet", None)
        first["ipam"]["dataDir"] = os.path.join(directory, "byhand-leases")
        self.directory = directory
        self.sleeper = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.netns = f"/proc/{self.sleeper.pid}/ns/net"
        try:
            self._await_namespace()
        except BaseException:
            self.close()
            raise

    def _await_namespace(self):
        deadline = time.monotonic() + 10
        while os.readlink(self.netns) == os.readlink("/proc/self/ns/net"):
            if time.monotonic() > deadline:
                raise Failure("unshare --net made no network namespace")
            time.sleep(0.005)

    def close(self):
        self.sleeper.kill()
        self.sleeper.wait()

    def measure(self, rounds, gap_ms):
        adds, deletes = [], []
        for _ in range(rounds):
            if gap_ms:
                time.sleep(gap_ms / 1000)
            spent, result = self._run("ADD", self.network["plugins"], None)
            adds.append(spent)
            deletes.append(self._run("DEL", reversed(self.network["plugins"]), result)[0])
        return {"add_us": {"samples": adds}, "del_us": {"samples": deletes}}

    def _run(self, command, chain, result):
        spent = 0
        for plugin in chain:
            config = dict(plugin, cniVersion=self.network["cniVersion"], name=self.network["name"])
            if result is not None:
                config["prevResult"] = result
            config.pop("capabilities", None)
            took, output = self._call(command, plugin["type"], json.dumps(config))
            spent += took
            if command == "ADD":
                result = json.loads(output)
        return spent, result

    # What is written and read around it is not the plugin's time.
    def _call(self, command, name, config):
        program = next(
            path for path in (os.path.join(d, name) for d in DIRECTORIES) if os.path.exists(path)
        )
        before, after = (os.path.join(self.directory, "plugin." + x) for x in ("in", "out"))
        with open(before, "w") as file:
            file.write(config)
        environment = dict(os.environ, CNI_COMMAND=command, CNI_CONTAINERID="byhand")
        environment |= {"CNI_NETNS": self.netns, "CNI_IFNAME": "eth0"}
        environment["CNI_PATH"] = ":".join(DIRECTORIES)
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, before, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, after, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        ]
        start = time.perf_counter_ns()
        pid = os.posix_spawn(program, [program], environment, file_actions=actions)
        status = os.waitpid(pid, 0)[1]
        spent = (time.perf_counter_ns() - start) / 1000
        with open(after) as file:
            output = file.read()
        if status != 0:
            raise Failure(f"{name} {command}: wait status {status:#x}: {output}")
        return spent, output
