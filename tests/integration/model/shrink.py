"""Makes a failing sequence short: leaves chunks out, then single operations, as long as it still fails by the same rule
(Zeller's delta debugging). Bounded in time: what is found by then is what there is."""

import time

from model.operations import without


def shrink(sequence, fails, seconds, again=1):
    """The shortest found. fails(sequence) tells whether it does; `again`: how often a sequence is tried that should fail and
    did not, because a race is lost more often than not."""
    deadline = time.monotonic() + seconds
    went_well = set()

    def still_fails(shorter):
        if tuple(shorter) in went_well:
            return False
        went_well.add(tuple(shorter))
        for _ in range(again):
            if time.monotonic() > deadline:
                return False
            if fails(shorter):
                went_well.discard(tuple(shorter))
                return True
        return False

    chunk = max(1, len(sequence) // 2)
    while time.monotonic() < deadline:
        smaller = without_chunks(sequence, chunk, still_fails)
        if len(smaller) == len(sequence) and chunk == 1:
            break
        # Once more with the same size where something went; single ones last.
        chunk = max(1, min(chunk if len(smaller) < len(sequence) else chunk // 2, len(smaller) // 2))
        sequence = smaller
    return sequence


def without_chunks(sequence, chunk, still_fails):
    """Later operations first: what comes after the failure goes at once."""
    end = len(sequence)
    while end > 0:
        begin = max(0, end - chunk)
        shorter = without(sequence, begin, end)
        if shorter and still_fails(shorter):
            sequence = shorter
        end = begin
    return sequence
