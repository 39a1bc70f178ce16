"""The daemon's API for tests that need more than the command line says: messages are generated from proto/ into a temporary
directory, calls are made by name."""

import atexit
import glob
import importlib
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading

import grpc

from harness import ROOT


def generate():
    """SKERRY_API_MODULES names a directory where it has been done, for a machine without protoc."""
    ready = os.environ.get("SKERRY_API_MODULES")
    if ready:
        sys.path.insert(0, ready)
        return
    directory = tempfile.mkdtemp(prefix="skerry-api-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    protos = glob.glob(os.path.join(ROOT, "proto", "skerry", "v1", "*.proto"))
    subprocess.run(["protoc", f"--proto_path={ROOT}/proto", f"--python_out={directory}", *protos],
                   check=True)
    sys.path.insert(0, directory)


generate()


def module(name):
    return importlib.import_module(f"skerry.v1.{name}_pb2")


agent_pb = module("agent_service")
container_pb = module("container")
spec_pb = module("container_spec")
service_pb = module("container_service")
exec_pb = module("exec_service")
event_pb = module("event")
watch_pb = module("event_service")
pod_pb = module("pod")
pod_spec_pb = module("pod_spec")
pod_service_pb = module("pod_service")
volume_pb = module("volume_service")
terminal_pb = module("terminal")
detail_pb = module("error_detail")
status_pb = module("rpc_status")

# What each call takes and gives.
CALLS = {
    "ExecService": ("Exec", exec_pb, {
        "Start": "Start{}", "Attach": "Attach{}", "Resize": "Resize{}", "Wait": "Wait{}",
        "Kill": "Kill{}", "Get": "Get{}", "List": "List{}s", "Run": "Run{}"}),
    "ContainerService": ("", service_pb, {
        "Attach": "AttachContainer", "ResizeTerminal": "ResizeTerminal",
        "ListProcesses": "ListProcesses", "StatPath": "StatPath", "CopyIn": "CopyIn",
        "CopyOut": "CopyOut", "Launch": "LaunchContainer", "Create": "CreateContainer",
        "Start": "StartContainer", "Wait": "WaitContainer", "Get": "GetContainer",
        "List": "ListContainers", "Stop": "StopContainer", "Kill": "KillContainer",
        "Pause": "PauseContainer", "Resume": "ResumeContainer", "Update": "UpdateContainer",
        "Remove": "RemoveContainer", "GetStats": "GetStats"}),
    "AgentService": ("", agent_pb, {
        "ListLeaks": "ListLeaks", "ListDebts": "ListDebts", "ListOperations": "ListOperations"}),
    "VolumeService": ("Volume", volume_pb, {
        "Create": "Create{}", "Get": "Get{}", "List": "List{}s", "Remove": "Remove{}"}),
    "EventService": ("", watch_pb, {"Watch": "WatchEvents"}),
    "PodService": ("Pod", pod_service_pb, {
        "Create": "Create{}", "Get": "Get{}", "List": "List{}s", "Stop": "Stop{}",
        "Remove": "Remove{}", "Update": "Update{}", "GetStats": "Get{}Stats"}),
}


def message(service, call, kind):
    noun, pb, names = CALLS[service]
    return getattr(pb, names[call].format(noun) + kind)


def detail(error):
    """What a failed call says to programs."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb.RpcStatus.FromString(value)
            found = detail_pb.ErrorDetail()
            if status.details and status.details[0].Unpack(found):
                return found
    return detail_pb.ErrorDetail()


def reason(error):
    """The stable word of a failed call."""
    return detail(error).reason


def is_stale(error):
    """The channel had not noticed yet that its daemon was replaced: the call may be repeated."""
    return error.code() == grpc.StatusCode.UNAVAILABLE and "roken pipe" in error.details()


class Api:
    """One channel to one daemon. It comes back by itself when the daemon does."""

    def __init__(self, daemon):
        self.channel = grpc.insecure_channel(
            f"unix://{daemon.run}/skerryd.sock",
            options=[("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200),
                     # Also the time a connection may take to come about.
                     ("grpc.min_reconnect_backoff_ms", 5000),
                     ("grpc.max_receive_message_length", 16 << 20)])

    def close(self):
        self.channel.close()

    def _method(self, kind, service, call):
        return getattr(self.channel, kind)(
            f"/skerry.v1.{service}/{call}",
            request_serializer=message(service, call, "Request").SerializeToString,
            response_deserializer=message(service, call, "Response").FromString)

    def send(self, service, call, request, timeout=30):
        method = self._method("unary_unary", service, call)
        try:
            return method(request, timeout=timeout, wait_for_ready=True)
        except grpc.RpcError as error:
            if not is_stale(error):
                raise
            return method(request, timeout=timeout, wait_for_ready=True)

    def call(self, service, call, timeout=30, **fields):
        return self.send(service, call, message(service, call, "Request")(**fields), timeout)

    def future(self, service, call, timeout=30, **fields):
        request = message(service, call, "Request")(**fields)
        return self._method("unary_unary", service, call).future(request, timeout=timeout,
                                                                 wait_for_ready=True)

    def stream_out(self, service, call, timeout=60, **fields):
        request = message(service, call, "Request")(**fields)
        return self._method("unary_stream", service, call)(request, timeout=timeout,
                                                           wait_for_ready=True)

    def stream_in(self, service, call, requests, timeout=60):
        return self._method("stream_unary", service, call)(requests, timeout=timeout,
                                                           wait_for_ready=True)

    def attach(self, service, header, timeout=60):
        method = self._method("stream_stream", service, "Attach")
        request = message(service, "Attach", "Request")
        try:
            return Attachment(method, request, header, timeout)
        except grpc.RpcError as error:
            if not is_stale(error):
                raise
            return Attachment(method, request, header, timeout)


class Attachment:
    """An attached client: sends on demand, reads in the foreground."""

    def __init__(self, method, request, header, timeout):
        self.request = request
        self.queue = queue.Queue()
        self.out = b""
        self.err = b""
        self.missed = 0
        self.exit = None
        self.queue.put(request(header=header))
        self.stream = method(iter(self.queue.get, None), timeout=timeout, wait_for_ready=True)
        self.header = next(self.stream).header

    def send(self, **part):
        self.queue.put(self.request(**part))

    def data(self, data):
        self.send(data=data)

    def half_close(self):
        self.queue.put(None)

    def read(self):
        """One message; false at the end."""
        answer = next(self.stream, None)
        if answer is None:
            return False
        part = answer.WhichOneof("part")
        if part == "data":
            if answer.data.stream == terminal_pb.OUTPUT_STREAM_STDERR:
                self.err += answer.data.data
            else:
                self.out += answer.data.data
        elif part == "missed":
            self.missed += answer.missed.bytes
        elif part == "exit":
            self.exit = answer.exit
        return True

    def read_until(self, text):
        while text not in self.out:
            if not self.read():
                raise AssertionError(f"ended without {text!r}: {self.out!r}")

    def read_all(self):
        while self.read():
            pass
        return self

    def cancel(self):
        self.stream.cancel()
        self.queue.put(None)


def in_background(function, *arguments):
    """Runs it; the answer's join() gives what it gave, or raises what it raised."""
    box = {}

    def run():
        try:
            box["value"] = function(*arguments)
        except BaseException as error:  # pylint: disable=broad-except
            box["error"] = error

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def join(timeout=30):
        thread.join(timeout)
        if thread.is_alive():
            raise AssertionError("does not end")
        if "error" in box:
            raise box["error"]
        return box.get("value")

    return join
