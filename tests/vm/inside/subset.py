#!/usr/bin/python3
"""Inside the machine: the integration tests named as arguments, with daemons of their own. See tests/vm/subset."""

import os
import shutil
import sys
import time
import unittest

for program in os.listdir("/skerry/bin"):
    shutil.copy(os.path.join("/skerry/bin", program), "/usr/bin")


class Timed(unittest.TextTestResult):
    """Says how long each test took: the whole has a budget."""

    def startTest(self, test):
        self.begin = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self.stream.writeln(f"        {time.monotonic() - self.begin:.1f} s")


def main():
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
    runner = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Timed)
    result = runner.run(suite)
    print(f"{result.testsRun - len(result.failures) - len(result.errors) - len(result.skipped)} passed, "
          f"{len(result.failures) + len(result.errors)} failed, {len(result.skipped)} skipped")
    return 0 if result.wasSuccessful() and not result.skipped else 1


if __name__ == "__main__":
    sys.exit(main())
