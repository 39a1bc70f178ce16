"""The words a sequence is made of. A sequence is text, one operation a line (or between semicolons), so that it can be kept,
edited and replayed:

    launch c1 command=long name=n1 memory=64 &
    kill-daemon after=12
    quiet

An operation whose line ends in "&" runs at the same time as the next one. Taking any line away leaves a sequence."""

import random
from typing import NamedTuple

# What a container runs: exit-N ends at once, brief-N a little later, polite ends with 7 when asked, long and deaf do not
# listen, missing cannot be started.
CODES = (0, 5, 42, 255)
COMMANDS = [*(f"exit-{code}" for code in CODES), *(f"brief-{code}" for code in CODES), "long", "long", "long",
            "long", "polite", "polite", "polite", "deaf", "missing"]
NAMES = ("n1", "n2", "n3")
VOLUMES = ("v1", "v2")
MEMORY = (32, 48, 64, 96)  # MiB
# How many of the latest ids an operation may be about.
REACH = 5


class Operation(NamedTuple):
    verb: str
    subject: str = ""
    options: tuple = ()  # of (key, value), sorted
    together: bool = False

    def get(self, key, default=None):
        return dict(self.options).get(key, default)

    def __str__(self):
        words = [self.verb, self.subject, *(f"{key}={value}" for key, value in self.options)]
        return " ".join(word for word in words if word) + (" &" if self.together else "")


def operation(verb, subject="", together=False, **options):
    options = tuple(sorted((key, str(value)) for key, value in options.items() if value is not None))
    return Operation(verb, subject, options, together)


def parse_line(line):
    words = line.split()
    together = words[-1] == "&"
    words = words[:-1] if together else words
    subject = [word for word in words[1:] if "=" not in word]
    options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    return operation(words[0], subject[0] if subject else "", together, **options)


def parse(text):
    lines = [line.split("#")[0].strip() for line in text.replace(";", "\n").splitlines()]
    return [parse_line(line) for line in lines if line]


def to_text(sequence, separator="\n"):
    return separator.join(str(operation) for operation in sequence)


def groups(sequence):
    """The operations that run together, in order."""
    group = []
    for one in sequence:
        group.append(one)
        if not one.together:
            yield group
            group = []
    if group:
        yield group


def without(sequence, begin, end):
    """What is left when operations are taken out: groups stay apart, as they were."""
    before = sequence[:begin]
    if before and before[-1].together and not sequence[end - 1].together:
        before = [*before[:-1], before[-1]._replace(together=False)]
    return before + sequence[end:]


class Generator:
    """A sequence from a seed alone: what an operation answers changes nothing about those that follow."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.ids = []
        self.pods = []
        self.execs = 0
        self.focus = None  # what every operation of a group is about

    def sequence(self, length):
        made = []
        while len(made) < length:
            made += self.group()
            if self.random.random() < 0.06:
                made.append(operation("quiet"))
        return [*made, operation("quiet")]

    def group(self):
        chance = self.random.random
        size = 1 if chance() < 0.5 else self.random.randint(2, 6)
        self.focus = self.random.choice(self.ids[-REACH:]) if self.ids and chance() < 0.2 else None
        group = [self.one() for _ in range(size)]
        # An exec that is frozen waits for the resume.
        executed = {one.subject for one in group if one.verb in ("exec", "write")}
        group = [one for one in group if one.verb != "pause" or one.subject not in executed] or [operation("list")]
        if chance() < 0.10:
            group.append(self.disturbance())
        return [one._replace(together=True) for one in group[:-1]] + group[-1:]

    def disturbance(self):
        after = int(self.random.choice((0, 3, 40)) + self.random.random() * 12)
        verb = self.random.choices(("kill-daemon", "kill-launcher", "restart-daemon", "lose-events"),
                                   (6, 2, 2, 1))[0]
        return operation(verb, after=after)

    def one(self):
        makers = ((self.launch, 30), (self.about_a_container, 62), (self.about_a_pod, 7), (self.about_a_volume, 5),
                  (self.damage, 4))
        chosen = self.random.choices([maker for maker, _ in makers], [weight for _, weight in makers])[0]
        return chosen()

    def launch(self):
        chance, choice = self.random.random, self.random.choice
        self.ids.append(f"c{len(self.ids) + 1}")
        options = {"command": choice(COMMANDS)}
        if chance() < 0.3:
            options["name"] = choice(NAMES)
        if chance() < 0.4:
            options["memory"] = choice(MEMORY)
        if chance() < 0.25:
            options["volume"] = choice(VOLUMES)
        if chance() < 0.04:
            options["plugin"] = "w1"
        if self.pods and chance() < 0.3:
            options["pod"] = choice(self.pods[-2:])
        elif chance() < 0.03:
            options["network"] = "skerry"
        return operation("create" if chance() < 0.2 else "launch", self.ids[-1], **options)

    def about_a_container(self):
        if not self.ids:
            return self.launch()
        choice = self.random.choice
        subject = self.focus or choice(self.ids[-REACH:])
        verbs = {"start": 8, "stop": 8, "kill": 6, "pause": 5, "resume": 5, "limit": 5, "exec": 5, "exec-start": 4,
                 "exec-kill": 2, "remove": 5, "force": 4, "wait": 2, "inspect": 3, "list": 1, "again": 4, "differs": 2,
                 "write": 6}
        verb = self.random.choices(list(verbs), list(verbs.values()))[0]
        if verb == "stop":
            return operation(verb, subject, grace=choice((0, 0, 1)))
        if verb == "kill":
            return operation(verb, subject, signal=choice((9, 15, 10)))
        if verb == "limit":
            return operation(verb, subject, memory=choice(MEMORY))
        if verb == "exec":
            return operation(verb, subject, code=choice(CODES))
        if verb == "exec-start":
            self.execs += 1
            return operation(verb, subject, exec=f"e{self.execs}", code=choice((*CODES, "long", "long", "long")))
        if verb == "exec-kill":
            return operation(verb, subject, exec=f"e{self.random.randint(max(1, self.execs - 2), self.execs + 1)}")
        return operation(verb, "" if verb == "list" else subject)

    def about_a_pod(self):
        chance = self.random.random
        if not self.pods or chance() < 0.5:
            self.pods.append(f"p{len(self.pods) + 1}")
            return operation("pod-create", self.pods[-1], share="ipc" if chance() < 0.3 else None)
        pod = self.random.choice(self.pods[-2:])
        return operation(self.random.choice(("pod-stop", "pod-remove")), pod)

    def about_a_volume(self):
        verb = self.random.choice(("volume-create", "volume-remove", "volume-remove"))
        return operation(verb, self.random.choice(VOLUMES))

    def damage(self):
        if not self.ids:
            return self.launch()
        subject = self.random.choice(self.ids[-REACH:])
        return operation(self.random.choice(("kill-shim", "kill-process")), subject)


def generate(seed, length=50):
    return Generator(seed).sequence(length)
