"""What was acknowledged before the power went, and what may be expected of a state found after it.

The record is a file of lines, each on the disk before its writer goes on:

    launch ID          about to ask         launched ID UID     acknowledged
    remove ID          about to ask         removed ID          acknowledged
    import NAME        about to ask         imported NAME       acknowledged

The daemon's promise (agent/store/store.h): what it commits survives its own death at once, and a power cut once
somebody has waited for the disk. A launch does not wait; an import does, for everything committed before it. So:

  kept     what was acknowledged before an acknowledged import was asked for
  ordered  whatever is there, all that was acknowledged before it was asked for is there as well
  made up  nothing that was never asked for
"""

import os


class Writer:
    """Appends lines that survive a power cut. Thread-safe: one write(2) a line."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_SYNC, 0o600)
        directory = os.open(os.path.dirname(path), os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def line(self, *words):
        os.write(self.fd, (" ".join(words) + "\n").encode())


class Record:
    def __init__(self, text):
        # A last line without its end was being written when the power went.
        self.lines = [line.split() for line in text.split("\n")[:-1] if line.strip("\0 ")]
        self.place = {}
        for number, line in enumerate(self.lines):
            self.place.setdefault(tuple(line[:2]), number)
        self.uids = {line[1]: line[2] for line in self.lines if line[0] == "launched"}

    def at(self, word, name):
        """The number of its line, or None."""
        return self.place.get((word, name))

    def all(self, word):
        return [line[1] for line in self.lines if line[0] == word]

    def barrier(self):
        """Whatever was acknowledged before this line is on the disk."""
        return max((self.at("import", name) for name in self.all("imported")), default=0)

    def before(self, word, name, line):
        place = self.at(word, name)
        return place is not None and line is not None and place < line


def faults(record, containers, images):
    """What is wrong with a state, as sentences. `containers`: {id: uid}; `images`: names."""
    found = []
    barrier = record.barrier()
    # The latest line whose asking is known to have had an effect.
    seen = max((record.at("launch", name) for name in containers if record.at("launch", name) is not None),
               default=0)
    seen = max([seen, barrier] + [record.at("remove", name) for name in record.all("remove")
                                  if name in record.uids and name not in containers
                                  and record.at("launched", name) < seen])
    for name, uid in record.uids.items():
        why = "kept" if record.before("launched", name, barrier) else "ordered"
        if name in containers:
            if containers[name] != uid:
                found.append(f"{name}: another uid than was acknowledged")
            if record.before("removed", name, seen):
                found.append(f"{name}: removed, and there again ({why})")
        elif record.before("launched", name, seen) and record.at("remove", name) is None:
            found.append(f"{name}: acknowledged, and unknown ({why})")
    for name in containers:
        if record.at("launch", name) is None:
            found.append(f"{name}: nobody asked for it")
    for name in record.all("imported"):
        if name not in images:
            found.append(f"image {name}: acknowledged, and unknown")
    return found
