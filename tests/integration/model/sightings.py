"""What must hold between any two answers about the same container, whatever happened between them: each answer is seen once,
here, on its way to whoever asked."""

import threading

from model.reference import Violation, exit_of, state_name

RUNS = ("running", "paused")


class Sightings:
    def __init__(self):
        self.lock = threading.Lock()
        self.ids = {}  # id → uid
        self.keys = {}  # uid → id
        self.pids = {}  # (uid, attempt) → pid
        self.exits = {}  # (uid, attempt) → exit
        self.revisions = {}  # (uid, revision) → what it was then
        self.latest = {}  # uid → (revision, attempt)
        # As it was when the operations that run now began: what is asked now may not be older.
        self.floor = {}

    def begin(self):
        with self.lock:
            self.floor = dict(self.latest)

    def see(self, container):
        with self.lock:
            uid, key, attempt = container.uid, container.id, container.attempt
            self.same("uid", self.ids, key, uid)
            self.same("id", self.keys, uid, key)
            ended = exit_of(container)
            what = (state_name(container), attempt, ended, container.pid, container.released)
            self.same("revision", self.revisions, (uid, container.revision), what)
            if ended is not None:
                self.same("exit", self.exits, (uid, attempt), ended)
            if container.pid and state_name(container) in RUNS:
                self.same("pid", self.pids, (uid, attempt), container.pid)
            revision, last_attempt = self.floor.get(uid, (0, 0))
            if container.revision < revision or attempt < last_attempt:
                raise Violation("went-back", f"{key} is at revision {container.revision}, attempt {attempt}, and was at "
                                             f"revision {revision}, attempt {last_attempt}")
            self.latest[uid] = max(self.latest.get(uid, (0, 0)), (container.revision, attempt))

    def see_exit_event(self, event):
        with self.lock:
            self.same("exit", self.exits, (event.uid, event.attempt), exit_of(event))

    def see_exit_of_exec(self, event):
        with self.lock:
            self.same("exec-exit", self.exits, (event.exec_uid, 0), exit_of(event))

    def same(self, rule, known, key, value):
        before = known.setdefault(key, value)
        if before != value:
            raise Violation(rule, f"of {key}: {value}, after {before}")
