"""The judge of tests/vm/powercut sees what it is there to see. Needs no machine."""

import unittest

from record import Record, faults

TEXT = """import busybox
imported busybox
launch a
launch b
launched a u-a
launched b u-b
remove b
launch c
removed b
launched c u-c
import m1
launch d
launched d u-d
imported m1
launch e
launched e u-e
launch f
"""
IMAGES = {"busybox", "m1"}
DURABLE = {"a": "u-a", "c": "u-c"}


class Judge(unittest.TestCase):
    def check(self, containers, images=IMAGES, text=TEXT):
        return faults(Record(text), containers, images)

    def test_takes_what_may_be_lost(self):
        for later in ({}, {"d": "u-d"}, {"d": "u-d", "e": "u-e"},
                      {"d": "u-d", "e": "u-e", "f": "u-f"}):
            self.assertEqual(self.check({**DURABLE, **later}), [])

    def test_sees_a_lost_one_that_was_on_the_disk(self):
        self.assertEqual(self.check({"c": "u-c"}), ["a: acknowledged, and unknown (kept)"])

    def test_sees_a_hole(self):
        self.assertEqual(self.check({**DURABLE, "e": "u-e"}), ["d: acknowledged, and unknown (ordered)"])

    def test_sees_a_removed_one_that_comes_back(self):
        self.assertEqual(self.check({**DURABLE, "b": "u-b"}), ["b: removed, and there again (kept)"])

    def test_sees_another_one_under_the_same_id(self):
        self.assertEqual(self.check({**DURABLE, "a": "u-x"}),
                         ["a: another uid than was acknowledged"])

    def test_sees_what_nobody_asked_for(self):
        self.assertEqual(self.check({**DURABLE, "z": "u-z"}), ["z: nobody asked for it"])

    def test_sees_a_lost_image(self):
        self.assertEqual(self.check(DURABLE, {"busybox"}), ["image m1: acknowledged, and unknown"])

    def test_a_line_being_written_was_not_acknowledged(self):
        self.assertEqual(self.check(DURABLE, text=TEXT + "launched f u"), [])
        self.assertEqual(self.check(DURABLE, text=TEXT + "\0\0\0"), [])


if __name__ == "__main__":
    unittest.main()
