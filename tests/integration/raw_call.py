"""A call at the level of HTTP/2 (RFC 9113) whose answer is read when the test says so, and not before: gRPC's own clients read ahead.
Headers are sent as literals, which needs no compression table (RFC 7541, 6.2.2)."""

import array
import fcntl
import socket
import struct
import termios

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
INITIAL_WINDOW_SIZE = 4
# What a connection begins with, whatever the settings say.
CONNECTION_WINDOW = 65535
LARGEST = (1 << 31) - 1
STREAM = 1


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


class RawCall:
    def __init__(self, daemon, service, call, request, window, half_close=True):
        """`window`: bytes of answers that the daemon may send unasked."""
        self.window = window
        self.buffer = b""
        self.body = bytearray()
        self.ended = False
        self.trailers = b""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        self.socket.connect(f"{daemon.run}/skerryd.sock")
        headers = b"".join(literal(name, value) for name, value in (
            (":method", "POST"), (":scheme", "http"), (":path", f"/skerry.v1.{service}/{call}"),
            (":authority", "localhost"), ("te", "trailers"), ("content-type", "application/grpc")))
        message = request.SerializeToString()
        self.socket.sendall(
            PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, window)) +
            frame(HEADERS, END_HEADERS, STREAM, headers) +
            frame(DATA, END_STREAM if half_close else 0, STREAM,
                  b"\0" + struct.pack(">I", len(message)) + message))
        if window > CONNECTION_WINDOW:
            self.allow(0, window - CONNECTION_WINDOW)
        # The answer's headers: the call has begun.
        self.begun = False
        while not self.begun:
            self.read_frame()

    def close(self):
        self.socket.close()

    def allow(self, stream, count):
        # None is an error of the protocol.
        if count > 0:
            self.socket.sendall(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", count)))

    def take(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(1 << 18)
            if not more:
                raise EOFError("the daemon hung up")
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_frame(self):
        head = self.take(9)
        payload = self.take(int.from_bytes(head[:3], "big"))
        kind, flags = head[3], head[4]
        if kind == DATA:
            self.body += payload
        elif kind == HEADERS:
            self.begun = True
            self.trailers = payload
        elif kind == SETTINGS and not flags & ACK:
            self.socket.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, payload))
        self.ended = self.ended or kind in (RST_STREAM, GOAWAY) or (kind in (DATA, HEADERS) and bool(flags & END_STREAM))
        return kind, len(payload)

    def unread(self):
        """Bytes that the daemon got rid of and nobody has read: those in the socket."""
        count = array.array("i", [0])
        fcntl.ioctl(self.socket, termios.FIONREAD, count)
        return count[0]

    def messages(self, response):
        """The answers, read from now on as by a client that has come to its senses."""
        for stream in (0, STREAM):
            self.allow(stream, LARGEST - max(self.window, CONNECTION_WINDOW if stream == 0 else 0))
        while True:
            while len(self.body) >= 5:
                size = int.from_bytes(self.body[1:5], "big")
                if len(self.body) < 5 + size:
                    break
                message = response.FromString(bytes(self.body[5:5 + size]))
                del self.body[:5 + size]
                yield message
            if self.ended:
                return
            kind, size = self.read_frame()
            if kind == DATA and not self.ended:
                for stream in (0, STREAM):
                    self.allow(stream, size)

    def status(self):
        """gRPC's number at the end of the call."""
        place = self.trailers.find(b"grpc-status")
        if place < 0:
            raise AssertionError(f"no status in {self.trailers!r}")
        length = self.trailers[place + 11]
        return int(self.trailers[place + 12:place + 12 + length])
