"""Runs sequences, shrinks what fails, says how it failed and how to see it again."""

import os
import subprocess
import sys
import tempfile
import time

import grpc

from harness import Failed
from model import checks, operations
from model.reference import Violation
from model.run import Run
from model.shrink import shrink
from model.world import World


def say(text):
    print(text, file=sys.stderr, flush=True)


class Session:
    """Each sequence gets a world of its own: it ends as it would alone."""

    def __init__(self, distort=None, after=None):
        """Faults of a test's own, as in Run."""
        self.distort = distort
        self.after = after

    def run(self, sequence):
        """Raises the violation there is, with what was done before it."""
        world = World()
        try:
            self.run_on(world, sequence)
        finally:
            world.destroy()

    def run_on(self, world, sequence):
        run = Run(world, self.distort, self.after)
        try:
            run.run(sequence)
            checks.check_end(run)
        except (AssertionError, Failed, grpc.RpcError, subprocess.SubprocessError) as error:
            violation = error if isinstance(error, Violation) else Violation(type(error).__name__, str(error))
            violation.log = run.log
            violation.trace = world.daemon.trace_tail(40)
            raise violation from error
        finally:
            run.close()

    def fails_by(self, rule, sequence):
        try:
            self.run(sequence)
        except Violation as violation:
            say(f"  {len(sequence)} operations: {str(violation)[:400]}")
            return violation.rule == rule
        say(f"  {len(sequence)} operations: well")
        return False

    def shrunk(self, sequence, violation, seconds, again=2):
        """The sequence, the shortest one found that fails in the same way."""
        return shrink(sequence, lambda shorter: self.fails_by(violation.rule, shorter), seconds, again)


def report(seed, sequence, shortest, violation):
    """What a failed test says: what is wrong, and the one command that does it again."""
    with tempfile.NamedTemporaryFile("w", prefix="skerry-model-", suffix=".txt", dir="/var/tmp", delete=False) as file:
        file.write(f"# seed {seed}\n# {violation.rule}\n{operations.to_text(sequence)}\n")
    replay = "PYTHONPATH=tests/integration SKERRY_MODEL_REPLAY='{}' /usr/bin/python3 -m unittest -v model_test.Model"
    log = "\n".join(violation.log[-12:])
    return (f"seed {seed}: {violation}\n\nlast of what was done:\n{log}\n\ntrace:\n{violation.trace}\n"
            f"shrunk from {len(sequence)} operations to {len(shortest)}:\n{operations.to_text(shortest)}\n\n"
            f"again:\n  {replay.format(operations.to_text(shortest, '; '))}\n"
            f"the whole sequence:\n  {replay.format(file.name)}\n")


def read_sequence(text):
    """A file of operations, or operations."""
    if os.path.isfile(text):
        with open(text, encoding="ascii") as file:
            text = file.read()
    return operations.parse(text)


class Clock:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()
