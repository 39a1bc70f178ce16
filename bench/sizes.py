"""How much is measured. cycles: blocks of each contender; block: rounds in a block, by gap; seconds:
after so many a phase begins no more cycles, so that a busy machine gives fewer rounds and not a
longer run."""

STANDARD = {
    "cycles": 12,
    "block": {0: 40, 100: 15},
    "address_share": 4,  # that fraction of the rounds where plugins run, which take 30 times as long
    "seconds": 150,
    "starts": 200,
    "rate": 600,
    "rate_cycles": 5,
    "running": 100,
    "counts": [1, 100],
    "beside_cycles": 5,
    "beside_block": 40,
    "reads": 50,
    "idle_s": 20,
    "log_lines": 1_000_000,
    "log_cycles": 5,
    "finished": 1_000,
    "mounts": 2_000,
    "flat_block": 60,
    "launches": 2_000,
    "timing": 100,
    "parallel": 50,
    "listed": 200,
}

FULL = STANDARD | {
    "running": 1_000,
    "counts": [1, 100, 1_000],
    "beside_cycles": 3,
    "finished": 10_000,
    "launches": 24_000,
}

QUICK = STANDARD | {
    "cycles": 3,
    "block": {0: 20, 100: 5},
    "seconds": 10,
    "starts": 20,
    "rate": 100,
    "rate_cycles": 2,
    "running": 50,
    "counts": [50],
    "beside_cycles": 2,
    "beside_block": 15,
    "reads": 10,
    "idle_s": 2,
    "log_lines": 100_000,
    "log_cycles": 2,
    "finished": 100,
    "flat_block": 20,
    "launches": 200,
    "timing": 20,
    "parallel": 8,
    "listed": 10,
}
