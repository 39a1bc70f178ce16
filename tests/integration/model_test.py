"""Random sequences of operations and kills against a real daemon, each held against a model of what must be true (the
package model). What fails is shrunk to a short sequence and said as a command that runs it again.

    SKERRY_MODEL_SECONDS  how long in all (default 120; 36000 for a night)
    SKERRY_MODEL_SEED     which sequences: 17 is all of that seed, 17/3 the one sequence of it (default: a random seed)
    SKERRY_MODEL_REPLAY   a file with a sequence, or the sequence itself, to run instead
    SKERRY_MODEL_LENGTH   operations of a sequence (default 50)
    SKERRY_MODEL_SHRINK   seconds for shrinking (default 180)
"""

import os
import random
import unittest

from model import operations
from model.reference import Violation
from model.session import Clock, Session, read_sequence, report, say


def setting(name, default):
    return os.environ.get(f"SKERRY_MODEL_{name}") or default


class ModelTest(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.fail("needs root") if os.environ.get("SKERRY_MUST_RUN") else self.skipTest("root")


class Model(ModelTest):
    def test_random_sequences(self):
        session = Session()
        clock = Clock(float(setting("SECONDS", 120)))
        for seed, sequence in self.sequences():
            say(f"\nSKERRY_MODEL_SEED={seed}: {operations.to_text(sequence, '; ')}")
            try:
                session.run(sequence)
            except Violation as violation:
                say(f"{violation}\nshrinking …")
                shortest = session.shrunk(sequence, violation, float(setting("SHRINK", 180)))
                self.fail(report(seed, sequence, shortest, violation))
            if clock.left() < 0:
                break

    def sequences(self):
        replay = setting("REPLAY", "")
        if replay:
            yield "replayed", read_sequence(replay)
            return
        length = int(setting("LENGTH", 50))
        seed = setting("SEED", str(random.SystemRandom().randrange(1 << 32)))
        if "/" in seed:
            yield seed, operations.generate(seed, length)
            return
        number = 0
        while True:
            number += 1
            yield f"{seed}/{number}", operations.generate(f"{seed}/{number}", length)


class Text(unittest.TestCase):
    def test_a_sequence_is_its_text_and_its_seed(self):
        sequence = operations.generate("17/3", 200)
        self.assertEqual(operations.generate("17/3", 200), sequence)
        self.assertEqual(operations.parse(operations.to_text(sequence)), sequence)
        self.assertEqual(operations.parse(operations.to_text(sequence, "; ")), sequence)

    def test_groups_stay_apart_when_an_end_is_left_out(self):
        left = operations.without(operations.parse("list &; quiet; list"), 1, 2)
        self.assertEqual(operations.to_text(left, "; "), "list; list")


class Planted(ModelTest):
    """The model sees what is wrong, and the shrinking finds what it takes."""

    def caught(self, session, sequence, rule):
        with self.assertRaises(Violation) as raised:
            session.run(sequence)
        self.assertEqual(raised.exception.rule, rule, str(raised.exception))
        return raised.exception

    def test_an_exit_code_that_is_one_off(self):
        def lie(container):
            if container.exit.code == 5:
                container.exit.code = 6

        session = Session(distort=lie)
        sequence = operations.parse("launch c1 command=long &; kill-daemon after=2; launch c3 command=exit-5; quiet")
        found = session.shrunk(sequence, self.caught(session, sequence, "exit"), seconds=60, again=1)
        self.assertEqual(operations.to_text(found), "launch c3 command=exit-5\nquiet")

    def test_data_that_is_lost(self):
        def lose(world, operation):
            if operation.verb == "write":
                os.unlink(os.path.join(world.daemon.root, "volumes", "v1", "data", "log"))

        sequence = operations.parse("launch c1 command=long volume=v1; write c1; quiet")
        self.caught(Session(after=lose), sequence, "data")


if __name__ == "__main__":
    unittest.main()
