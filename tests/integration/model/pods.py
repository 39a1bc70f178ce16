"""What may become of one pod. What becomes of the containers in it is their own model's business (containers.pod_ends)."""

from typing import NamedTuple

OK = "ok"


class PodState(NamedTuple):
    """One state a pod may be in; `owed` as for containers."""
    place: str = "none"
    owed: frozenset = frozenset()

    def __str__(self):
        return f"{self.place} {sorted(self.owed) or ''}"


def outcomes(operation, state):
    there = state.place in ("ready", "stopped")
    gone = "REMOVED" if state.place == "removed" else "POD_NOT_FOUND"
    if operation.verb == "pod-create":
        if state.place == "removed":
            yield "REMOVED", state
        else:
            yield OK, state if there else state._replace(place="ready")
    elif operation.verb == "pod-stop":
        yield (OK, state._replace(place="stopped")) if there else (gone, state)
    elif operation.verb == "pod-remove":
        if there:
            yield "unanswered", state._replace(place="stopped")
        yield (gone if state.place == "none" else OK), state if state.place == "none" else state._replace(place="removed")
