#!/usr/bin/env python3
"""A Docker volume plugin (protocol v1) that does what real ones do, and whatever goes wrong on request.

usage: fault_plugin.py --socket PATH --base DIR [--plain] [--lose-mounts] [--fault FUNCTION=KIND]…

Volumes are directories DIR/data/NAME, bind-mounted at DIR/mnt/NAME (--plain: given out as they are).
Mounts are counted in memory by id, so a restart forgets them; with --lose-mounts the mounts
themselves are gone then too. An id that mounts twice, or unmounts what it has not mounted, is
refused, as by strict plugins. Every call is a line "FUNCTION NAME ID" in DIR/calls.
"""

import argparse
import json
import os
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

MIB = 1024 * 1024
# What a fault puts in place of the answer's body, with status 200.
BODIES = {
    "garbage": b"\x00\xff{not json",
    "huge": b'{"Err":"' + b"x" * (10 * MIB) + b'"}',
    "deep": b'{"Mountpoint":' + b"[" * 100_000,
    "array": b"[]",
    "missing": b"{}",
    "null": b'{"Err":null,"Mountpoint":null,"Volume":null,"Volumes":null,"Capabilities":null}',
    "types": b'{"Err":7,"Mountpoint":[],"Volume":"x","Volumes":{"a":1},"Capabilities":3}',
    "err200": b'{"Err":"no such device: /dev/xvdz"}',
    "root": b'{"Mountpoint":"/"}',
    "proc": b'{"Mountpoint":"/proc/1/root"}',
    "relative": b'{"Mountpoint":"srv/data"}',
    "dots": b'{"Mountpoint":"/srv/../etc"}',
    "absent": b'{"Mountpoint":"/no/such/place"}',
    "nul": b'{"Mountpoint":"/srv\\u0000/x"}',
}


class Volumes:
    def __init__(self, base: str, plain: bool, lose_mounts: bool) -> None:
        self.base, self.plain = base, plain
        self.lock = threading.Lock()
        self.mounts: dict[str, set[str]] = {}
        for part in ("data", "mnt"):
            os.makedirs(f"{base}/{part}", exist_ok=True)
        if lose_mounts:
            for name in os.listdir(f"{base}/mnt"):
                subprocess.run(["umount", "-l", self.place(name)], stderr=subprocess.DEVNULL)

    def place(self, name: str) -> str:
        return f"{self.base}/{'data' if self.plain else 'mnt'}/{name}"

    def known(self, name: str) -> bool:
        return os.path.isdir(f"{self.base}/data/{name}")

    def describe(self, name: str) -> dict:
        return {"Name": name, "Mountpoint": self.place(name), "CreatedAt": "2020-01-02T03:04:05Z"}

    def answer(self, function: str, request: dict) -> dict:
        name, mount_id = request.get("Name", ""), request.get("ID", "")
        if function == "Capabilities":
            return {"Capabilities": {"Scope": "global"}}
        if function == "List":
            names = sorted(os.listdir(f"{self.base}/data"))
            return {"Volumes": [self.describe(each) for each in names]}
        if function == "Create":
            if self.known(name):
                return {"Err": "volume already exists"}
            os.makedirs(f"{self.base}/data/{name}")
            return {}
        if not self.known(name):
            return {"Err": "volume not found"}
        return getattr(self, function.lower())(name, mount_id)

    def get(self, name: str, _: str) -> dict:
        return {"Volume": self.describe(name)}

    def path(self, name: str, _: str) -> dict:
        return {"Mountpoint": self.place(name)}

    def mount(self, name: str, mount_id: str) -> dict:
        ids = self.mounts.setdefault(name, set())
        if mount_id in ids:
            return {"Err": "volume is already mounted by this id"}
        if not ids and not self.plain:
            os.makedirs(self.place(name), exist_ok=True)
            source = f"{self.base}/data/{name}"
            subprocess.run(["mount", "--bind", source, self.place(name)], check=True)
        ids.add(mount_id)
        return {"Mountpoint": self.place(name)}

    def unmount(self, name: str, mount_id: str) -> dict:
        ids = self.mounts.get(name, set())
        if mount_id not in ids:
            return {"Err": "volume is not mounted"}
        ids.remove(mount_id)
        if not ids and not self.plain:
            subprocess.run(["umount", self.place(name)], check=True)
        return {}

    def remove(self, name: str, _: str) -> dict:
        if self.mounts.get(name):
            return {"Err": "volume is in use"}
        subprocess.run(["rm", "-rf", "--one-file-system", f"{self.base}/data/{name}"], check=True)
        return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    volumes: Volumes
    faults: dict[str, str]

    def log_message(self, *_: object) -> None:
        pass

    def address_string(self) -> str:
        return "unix"

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        function = self.path.removeprefix("/VolumeDriver.")
        request = json.loads(body) if body else {}
        with self.volumes.lock, open(f"{self.volumes.base}/calls", "a") as log:
            log.write(f"{function} {request.get('Name', '-')} {request.get('ID', '-')}\n")
        try:
            if not self.misbehave(self.faults.get(function, ""), function, request):
                self.behave(function, request)
        except BrokenPipeError:
            pass

    def behave(self, function: str, request: dict) -> None:
        if function == "/Plugin.Activate":
            return self.reply(200, b'{"Implements":["VolumeDriver"]}')
        with self.volumes.lock:
            answer = self.volumes.answer(function, request)
        self.reply(500 if answer.get("Err") else 200, json.dumps(answer).encode())

    def misbehave(self, fault: str, function: str, request: dict) -> bool:
        """Returns whether the answer has been dealt with."""
        if fault == "hang":
            time.sleep(3600)
        elif fault == "slow":
            time.sleep(0.4)
            return False
        elif fault == "die":
            os._exit(9)
        elif fault == "die-after":
            with self.volumes.lock:
                self.volumes.answer(function, request)
            os._exit(9)
        elif fault == "cut":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"Mount")
            self.close_connection = True
        elif fault == "close":
            self.close_connection = True
        elif fault == "nothttp":
            self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
            self.close_connection = True
        elif fault == "headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                self.wfile.write(b"X-Filler: " + b"y" * 1000 + b"\r\n")
        elif fault == "500":
            self.reply(500, b"internal \x1b[31mfailure\n")
        elif fault == "404":
            self.reply(404, b"404 page not found\n")
        elif fault == "network":
            self.reply(200, b'{"Implements":["NetworkDriver","IpamDriver"]}')
        elif fault in BODIES:
            self.reply(200, BODIES[fault])
        else:
            return False
        return True


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--base", required=True)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--lose-mounts", action="store_true")
    parser.add_argument("--fault", action="append", default=[])
    options = parser.parse_args()
    Handler.volumes = Volumes(options.base, options.plain, options.lose_mounts)
    Handler.faults = dict(fault.split("=", 1) for fault in options.fault)
    if os.path.exists(options.socket):
        os.unlink(options.socket)
    with Server(options.socket, Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
