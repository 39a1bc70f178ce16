"""A person's session: tmux types into `skerry run -it`, an editor runs in the container, the window is resized, the session is
detached and attached again, and the terminal is as it was afterwards."""

import os
import shutil
import subprocess
import time
import unittest
import uuid

from harness import BIN, DaemonTest, wait_for


class Tmux:
    """One tmux server with one window, in which a shell runs."""

    def __init__(self):
        self.name = "sk" + uuid.uuid4().hex[:8]
        self.call("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24",
                  "env PS1=host: HISTFILE= sh")

    def call(self, *arguments):
        done = subprocess.run(["tmux", "-L", self.name, *arguments], capture_output=True, text=True,
                              check=True, timeout=30, env={**os.environ, "TERM": "xterm"})
        return done.stdout

    def type(self, *keys):
        self.call("send-keys", *keys)

    def line(self, text):
        self.call("send-keys", "-l", text)
        self.type("Enter")

    def screen(self):
        return self.call("capture-pane", "-p")

    def wait(self, text):
        try:
            wait_for(lambda: text in self.screen(), text, seconds=60)
        except AssertionError:
            raise AssertionError(f"no {text!r} on the screen:\n{self.screen()}") from None

    def escape_until(self, text):
        """An Escape right behind other keys may pass for the beginning of one that sends several
        bytes; one more does no harm."""
        for _ in range(60):
            self.type("Escape")
            for _ in range(20):
                if text in self.screen():
                    return
                time.sleep(0.05)
        raise AssertionError(f"no {text!r} on the screen:\n{self.screen()}")

    def close(self):
        subprocess.run(["tmux", "-L", self.name, "kill-server"], capture_output=True, check=False)


class Session(DaemonTest):
    def setUp(self):
        super().setUp()
        if shutil.which("tmux") is None:
            self.fail("needs tmux (./dev deps)")
        self.tmux = Tmux()
        self.addCleanup(self.tmux.close)
        self.skerry = f"{BIN}/skerry -H unix://{self.daemon.run}/skerryd.sock"

    def test_an_editor_through_resize_and_detach(self):
        tmux = self.tmux
        tmux.wait("host:")
        tmux.line(f"{self.skerry} run -it --name desk -e PS1=in''side: busybox sh")
        tmux.wait("inside:")
        tmux.line("vi /tmp/letter")
        tmux.wait("- /tmp/letter")
        tmux.type("i")
        tmux.call("send-keys", "-l", "dear reader")
        tmux.wait("dear reader")
        tmux.escape_until("- /tmp/letter")  # commands again
        tmux.call("resize-window", "-x", "100", "-y", "30")
        # Detached, the editor goes on; nothing of it stays in the way of the shell outside.
        tmux.type("C-p", "C-q")
        tmux.wait("host:")
        tmux.line("clear; echo back:$((40 + 2)); stty -a | grep -o ' icanon'")
        tmux.wait("back:42")
        tmux.wait("\n icanon")
        self.assertEqual(self.daemon.inspect("desk")["state"], "running")
        tmux.line(f"{self.skerry} attach desk")
        # What the editor shows is its business: it is asked to draw anew.
        tmux.type("C-l")
        tmux.wait("dear reader")
        tmux.line(":wq")
        tmux.wait("inside:")
        tmux.line("clear; cat /tmp/letter; stty size")
        tmux.wait("dear reader\n30 100")
        tmux.line("exit 7")
        tmux.wait("host:")
        tmux.line("echo status:$?")
        tmux.wait("status:7")
        self.assertEqual(self.daemon.skerry("wait", "desk", check=False).out.strip(), "7")


if __name__ == "__main__":
    unittest.main()
