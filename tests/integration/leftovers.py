"""What may not be left on the host when everything of a daemon was removed: for tests that let it die in between."""

import glob
import json
import os
import re

from harness import cgroup_hierarchies, host_mounts_of, wait_for

UID = re.compile("[0-9a-f]{32}")


def settle(test, daemon, host, plugin, what):
    """A daemon without failpoints brings everything to its end."""
    if daemon.process.poll() is None:
        daemon.kill()
    daemon.start()
    for pod in daemon.pods():
        daemon.skerry("pod", "rm", "-f", pod["uid"])
    test.assertEqual(daemon.pods(), [], what)
    for container in daemon.ps():
        daemon.skerry("rm", "-f", container["uid"])
    test.assertEqual(daemon.ps(), [], what)
    wait_for(lambda: not json.loads(daemon.skerry("debug", "debts", "-o", "json").out or "[]"),
             f"{what}: debts to be paid", seconds=60)
    wait_for(lambda: not daemon.leaks(), f"{what}: leaks to vanish: {daemon.leaks()}")
    test.assertEqual(host_mounts_of(daemon), [], what)
    for hierarchy in cgroup_hierarchies():
        scope = os.path.join(hierarchy, daemon.scope())
        left = [name for name in os.listdir(scope) if UID.fullmatch(name)] \
            if os.path.isdir(scope) else []
        test.assertEqual(left, [], what)
    test.assertEqual(os.listdir(os.path.join(daemon.root, "containers")), [], what)
    test.assertEqual(os.listdir(os.path.join(daemon.run, "containers")), [], what)
    test.assertEqual(os.listdir(os.path.join(daemon.root, "pods")), [], what)
    test.assertEqual(os.listdir(os.path.join(daemon.run, "pods")), [], what)
    wait_for(lambda: not os.listdir(os.path.join(daemon.run, "execs")), f"{what}: execs to go")
    test.assertEqual(glob.glob(os.path.join(daemon.root, "layers", "tmp-*")), [], what)
    host.assert_clean(test, daemon, what)
    settle_volumes(test, daemon, plugin, what)
    shims = daemon.launcher_pids()
    test.assertLessEqual(len(shims), 2, f"{what}: shims left: {shims}")
    # It works as if nothing had happened.
    done = daemon.skerry("run", "--rm", "busybox", "echo", "fine")
    test.assertEqual(done.out, "fine\n", what)


def settle_volumes(test, daemon, plugin, what):
    """None is mounted; what was made can be removed, and is gone then."""
    test.assertEqual(plugin.mounts(), [], what)
    for name in daemon.skerry("volume", "ls", "-q").out.split():
        daemon.skerry("volume", "rm", name)
    test.assertEqual(os.listdir(os.path.join(daemon.root, "volumes")), [".host-id"], what)
    test.assertEqual(os.listdir(os.path.join(plugin.base, "data")), [], what)
