"""What must hold for local volumes: they are there while a container names them, and hold what was written to them."""

from model.containers import LAUNCH_FAILED, THERE
from model.reference import Violation


class Volumes:
    def __init__(self, containers):
        self.containers = containers
        self.places = {}  # name → subset of {"there", "absent"}
        self.sure = {}  # name → tokens that must be in it
        self.maybe = {}  # name → tokens that may be

    def place(self, name):
        return self.places.get(name, {"absent"})

    def users(self, name, judge):
        """Containers that name it, as `judge` (may or must) of the model says."""
        def uses(state):
            return (state.place in THERE and state.request.volume == name
                    and (judge == self.containers.may or state.exit != LAUNCH_FAILED))
        return {key for key in self.containers.possible if judge(key, uses)}

    def before(self, names):
        """Asked before a group is applied."""
        return {name: (self.users(name, self.containers.may), self.users(name, self.containers.must)) for name in names}

    def apply(self, calls, before):
        for name, (may_before, must_before) in before.items():
            about = [call for call in calls if name in (call.operation.subject, call.request and call.request.volume)]
            removals = [call for call in about if call.operation.verb == "volume-remove"]
            makers = [call for call in about if call.operation.verb != "volume-remove"]
            before_it = place = self.place(name)
            if any(self.surely_makes(call, calls) for call in makers):
                place = {"there"}
            elif makers:
                place = place | {"there"}
            for call in removals:
                may = may_before | self.users(name, self.containers.may) | {call.operation.subject for call in makers}
                must = must_before & self.users(name, self.containers.must)
                gone = {"absent" for other in removals if other is not call and other.answer in ("ok", "unknown")}
                self.judge(name, call.answer, before_it | place | gone, may, must)
                self.forget(name, call.answer)
                place = {"absent"} if call.answer == "ok" and not makers else place | {"absent"}
            if removals and all(call.answer == "VOLUME_IN_USE" for call in removals):
                place = {"there"}
            self.places[name] = place

    def surely_makes(self, call, calls):
        """A launch that is ended while it goes on may not have come as far as its volume; one that is repeated makes
        none."""
        alone = [other.operation.subject for other in calls].count(call.operation.subject) == 1
        ended = any(other.operation.verb in ("pod-stop", "pod-remove") for other in calls)
        return call.answer == "ok" and alone and not ended and call.operation.verb not in ("again", "differs")

    def judge(self, name, answer, place, may, must):
        if answer == "ok" and must:
            raise Violation("volume", f"{name} was removed while {sorted(must)} name it")
        if answer == "VOLUME_IN_USE" and not may:
            raise Violation("volume", f"{name} is said to be in use; no container names it")
        if answer == "VOLUME_NOT_FOUND" and "absent" not in place:
            raise Violation("volume", f"{name} is said not to be; it must be there")
        if answer not in ("ok", "unknown", "VOLUME_IN_USE", "VOLUME_NOT_FOUND"):
            raise Violation("volume", f"removing {name} answers {answer}")

    def forget(self, name, answer):
        if answer in ("ok", "unknown"):
            self.maybe.setdefault(name, set()).update(self.sure.pop(name, set()))

    def written(self, name, token, acknowledged):
        book = self.sure if acknowledged and self.place(name) == {"there"} else self.maybe
        book.setdefault(name, set()).add(token)

    def observe(self, shown, read):
        """When nothing is under way: which volumes there are, and what is in them."""
        for name in self.places.keys() | shown:
            is_there = "there" if name in shown else "absent"
            if is_there not in self.place(name):
                raise Violation("volume", f"{name} is {is_there}; it must be {self.place(name)}")
            self.places[name] = {is_there}
            found = read(name) if name in shown else []
            sure, maybe = self.sure.get(name, set()), self.maybe.get(name, set())
            if len(found) != len(set(found)) or not sure <= set(found) or not set(found) <= sure | maybe:
                raise Violation("data", f"{name} holds {found}; written was {sorted(sure)}, perhaps {sorted(maybe)}")
            self.sure[name], self.maybe[name] = set(found), set()
