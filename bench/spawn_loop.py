"""Runs a command again and again and prints, as JSON, how long each run took from spawn to wait.

    spawn_loop.py --rounds N [--warmup N] [--gap-ms G] [--workers W] -- COMMAND…

"{worker}" in the command becomes the worker's number. posix_spawn and nothing around it: what the
loop itself adds is the same small time for every contender.
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time


class Loop:
    def __init__(self, options, errors):
        self.options = options
        self.errors = errors
        self.samples = []
        self.spans = []
        self.failure = None
        self.ready = threading.Barrier(options.workers)

    def once(self, command):
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, self.errors.fileno(), 2),
        ]
        start = time.perf_counter_ns()
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        status = os.waitpid(pid, 0)[1]
        spent = (time.perf_counter_ns() - start) / 1000
        if status != 0:
            raise RuntimeError(f"{' '.join(command)}: wait status {status:#x}")
        return spent

    def work(self, worker, rounds):
        command = [word.replace("{worker}", str(worker)) for word in self.options.command]
        for _ in range(self.options.warmup):
            self.once(command)
        self.ready.wait()
        start = time.perf_counter()
        for _ in range(rounds):
            if self.options.gap_ms > 0:
                time.sleep(self.options.gap_ms / 1000)
            self.samples.append(self.once(command))
        self.spans.append((start, time.perf_counter()))

    def guarded(self, worker, rounds):
        try:
            self.work(worker, rounds)
        except threading.BrokenBarrierError:
            pass  # Another worker failed, and says so.
        except (OSError, RuntimeError) as error:
            self.failure = error
            self.ready.abort()

    def run(self):
        rounds = -(-self.options.rounds // self.options.workers)
        threads = [
            threading.Thread(target=self.guarded, args=(worker, rounds))
            for worker in range(self.options.workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failure is not None:
            raise self.failure
        seconds = max(end for _, end in self.spans) - min(start for start, _ in self.spans)
        return {
            "exit_us": {"samples": self.samples},
            "launches_per_s": len(self.samples) / seconds,
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--warmup", type=int, default=3)
    parser.add_argument("--gap-ms", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("command", nargs="+")
    with tempfile.TemporaryFile() as errors:
        try:
            print(json.dumps(Loop(parser.parse_args(), errors).run()))
        except (OSError, RuntimeError) as error:
            errors.seek(0)
            sys.exit(f"{error}\n{errors.read().decode(errors='replace')[-2000:]}")


if __name__ == "__main__":
    main()
