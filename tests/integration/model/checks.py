"""What must hold when nothing is under way: the lists are the model's, the events add up to the lists, the host has what the
lists say and nothing else."""

import os
import unittest

import grpc

from api import container_pb
from ground import settle
from harness import host_mounts_of, wait_for
from model import containers
from model.reference import Violation, show, state_name
from model.world import alive

MIB = 1 << 20
PATIENCE = 60
UNDER_WAY = ("accepted", "preparing", "starting", "stopping")


def operations_under_way(world):
    try:
        return str(world.api.call("AgentService", "ListOperations", timeout=5)) + world.daemon.trace_tail()
    except grpc.RpcError as error:
        return str(error)


def check_quiet(run):
    run.sightings.begin()
    api = run.world.api
    listed = come_to_rest(run, api)
    run.watcher.reach(listed.cursor)
    for container in listed.containers:
        run.distort(container)
        run.sightings.see(container)
    check_unique(listed.containers)
    run.watcher.compare(listed)
    compare_containers(run, listed)
    compare_pods(run, api)
    run.volumes.observe(*volumes_of(run.world, api))
    run.execs.check(api, listed)
    for container in listed.containers:
        check_on_host(run.world, container)
    check_nothing_else(run.world, api)


def come_to_rest(run, api):
    """The list, once nothing is going on and nothing must still happen."""
    seen = {}

    def rests():
        run.watcher.check()
        seen["operations"] = api.call("AgentService", "ListOperations").operations
        seen["list"] = api.call("ContainerService", "List", page_size=10000, view=container_pb.CONTAINER_VIEW_FULL)
        moving = [one.id for one in seen["list"].containers if state_name(one) in UNDER_WAY or not is_settled(run, one)
                  or (state_name(one) == "exited" and not one.released) or (one.pid and not alive(one.pid))]
        seen["moving"] = moving
        return not seen["operations"] and not moving

    try:
        wait_for(rests, "rest", PATIENCE)
    except AssertionError as error:
        moving = {key: show(run.containers.states(key)) for key in seen.get("moving", [])}
        raise Violation("unrest", f"{moving} do not come to rest; under way: {seen.get('operations')}\n"
                                  f"{run.world.daemon.trace_tail()}") from error
    return seen["list"]


def is_settled(run, shown):
    """Whether what it looks like may be the end of it."""
    states = run.containers.closure(run.containers.states(shown.id))
    fitting = [state for state in states if run.containers.fits(state, shown)]
    return not fitting or not all(containers.must_end(state) for state in fitting)


def check_unique(shown):
    for what in ("id", "uid", "name"):
        values = [getattr(one, what) for one in shown if getattr(one, what)]
        if len(values) != len(set(values)):
            raise Violation("unique", f"two containers of one {what}: {sorted(values)}")


def compare_containers(run, listed):
    shown = {one.id: one for one in listed.containers}
    if not shown.keys() <= run.containers.possible.keys():
        raise Violation("stranger", f"{sorted(shown.keys() - run.containers.possible.keys())} nobody asked for")
    for key in run.containers.possible:
        run.containers.observe(key, shown.get(key))


def compare_pods(run, api):
    shown = {one.id: one for one in api.call("PodService", "List", page_size=10000).pods}
    if not shown.keys() <= run.pods.possible.keys():
        raise Violation("stranger", f"{sorted(shown.keys() - run.pods.possible.keys())} nobody asked for")
    for key in run.pods.possible:
        run.pods.observe(key, shown.get(key))


def volumes_of(world, api):
    def read(name):
        path = os.path.join(world.daemon.root, "volumes", name, "data", "log")
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as file:
            return file.read().split()

    volumes = api.call("VolumeService", "List").volumes
    return {one.name for one in volumes if one.driver == "local"}, read


def check_on_host(world, container):
    state = state_name(container)
    if state in ("created", "running", "paused"):
        if not alive(container.pid):
            raise Violation("dead", f"{container.id} is {state}; its process {container.pid} does not live")
        with open(f"/proc/{container.pid}/cgroup", encoding="ascii") as file:
            if container.uid not in file.read():
                raise Violation("cgroup", f"process {container.pid} is not in the cgroup of {container.id}")
        check_frozen(world, container, state)
        limit = world.cgroup_file(container, ("memory.limit_in_bytes", "memory.max"))
        wanted = container.effective_resources.limits.memory.bytes
        enforced = int(limit) if limit and limit.isdigit() else 0
        # What is unlimited is the largest number of pages there is.
        if enforced >= 1 << 62:
            enforced = 0
        if enforced != wanted:
            raise Violation("limit", f"{container.id}: the kernel has {enforced // MIB} MiB, acknowledged are "
                                     f"{wanted // MIB}")
    elif world.cgroup_file(container, ("cgroup.procs",)) is not None:
        raise Violation("cgroup", f"{container.id} is {state}; its cgroup is there")


def check_frozen(world, container, state):
    # A host with both kinds of cgroups freezes by the second.
    frozen = [world.cgroup_file(container, (name,)) for name in ("cgroup.freeze", "freezer.state")]
    if (state == "paused") != ("1" in frozen or "FROZEN" in frozen):
        raise Violation("frozen", f"{container.id} is {state}; the kernel says {frozen}")


def check_nothing_else(world, api):
    def leaks():
        return list(api.call("AgentService", "ListLeaks").leaks)

    def debts():
        return list(api.call("AgentService", "ListDebts").debts)

    for rule, look in (("leak", leaks), ("debt", debts)):
        try:
            wait_for(lambda look=look: not look(), rule, 30)
        except AssertionError as error:
            raise Violation(rule, f"{look()} {world.daemon.trace_tail()}") from error
    mounts = host_mounts_of(world.daemon)
    if mounts:
        raise Violation("mount", f"{mounts}")


def check_end(run):
    """Everything is removed; nothing may be left, on the host or to be told."""
    world = run.world
    try:
        settle(unittest.TestCase(), world.daemon, world.host, world.plugin, "at the end")
    except Violation:
        raise
    except Exception as error:
        raise Violation("leftovers", f"{error}") from error
    listed = world.api.call("ContainerService", "List")
    run.watcher.reach(listed.cursor)
    run.watcher.compare(listed)
