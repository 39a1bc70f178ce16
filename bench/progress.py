"""What is going on, on a terminal; and phases that end in time."""

import sys
import time


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def cycles(wanted, seconds, phase):
    """Numbers the cycles of a phase, from 1, as long as it has time. At least one."""
    deadline = time.monotonic() + seconds
    for cycle in range(1, wanted + 1):
        progress(f"{phase}, cycle {cycle} of {wanted}")
        yield cycle
        if time.monotonic() > deadline and cycle < wanted:
            progress("")
            print(f"the machine is busy: {cycle} of {wanted} cycles ({phase})")
            return
    progress("")
