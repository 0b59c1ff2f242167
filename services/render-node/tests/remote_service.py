"""A reference server for the remote engine: well-behaved, or as bad as it is told to be.

`python remote_service.py PORT` runs a well-behaved one. What it is asked stands in `asked`,
what it has rendered in `renders`.
"""

import json
import struct
import sys
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import override


def picture(seed: int) -> bytes:
    """Return a small PNG of one shade."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = chunk(b"IHDR", struct.pack(">2I5B", 16, 16, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + bytes([seed % 256]) * 16) * 16))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


@dataclass
class Render:
    """One thing that was submitted."""

    body: dict[str, Any]
    polls: int = 0


@dataclass
class Asked:
    """One request as it came."""

    what: str
    path: str
    headers: dict[str, str]
    at: float


Fault = Callable[["Handler"], bool]
"""Answers a request wrongly, and tells whether the right answer is to follow none the less."""


@dataclass
class RemoteServer:
    """What the server knows; `faults` are used up in order, by `submit`, `poll` and `image`.

    Attributes:
        polls_needed: How often a render is asked after before it is done.
        heeds_keys: Whether the same Idempotency-Key means the same render.
        failing: Prompts whose renders fail.
    """

    polls_needed: int = 2
    heeds_keys: bool = True
    failing: set[str] = field(default_factory=set)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    renders: dict[str, Render] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    turn: threading.Lock = field(default_factory=threading.Lock)

    def seen(self, what: str) -> list[Asked]:
        return [one for one in self.asked if one.what == what]

    def submit(self, key: str | None, body: dict[str, Any]) -> str:
        with self.turn:
            if key is not None and self.heeds_keys and key in self.keys:
                return self.keys[key]
            remote_id = f"r/{len(self.renders) + 1}"
            self.renders[remote_id] = Render(body)
            if key is not None:
                self.keys[key] = remote_id
            return remote_id

    def standing(self, remote_id: str) -> dict[str, object] | None:
        with self.turn:
            render = self.renders.get(remote_id)
            if render is None:
                return None
            render.polls += 1
            if render.body["prompt"] in self.failing:
                return {"status": "failed", "error": "the prompt was refused"}
            if render.polls <= self.polls_needed:
                return {"status": "processing", "progress": render.polls / self.polls_needed / 2}
            number = list(self.renders).index(remote_id) + 1
            return {"status": "completed", "result": {"images": [{"url": f"/images/{number}"}]}}


class Handler(BaseHTTPRequestHandler):
    """Speaks the protocol of `docs/how-to/use-a-remote-renderer.md`."""

    protocol_version = "HTTP/1.1"
    remote: RemoteServer

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length))
        if self._faulty("submit"):
            return
        key = self.headers.get("idempotency-key")
        self.reply(202, {"id": self.remote.submit(key, body)})

    def do_GET(self) -> None:
        what = "poll" if self.path.startswith("/v1/tasks/") else "image"
        if self._faulty(what):
            return
        if what == "image":
            number = int(self.path.rsplit("/", 1)[1])
            self.send(200, picture(number * 40), "image/png")
            return
        remote_id = self.path.removeprefix("/v1/tasks/").replace("%2F", "/")
        standing = self.remote.standing(remote_id)
        self.reply(404 if standing is None else 200, standing or {"error": "unknown"})

    def reply(self, status: int, body: object, **headers: str) -> None:
        self.send(status, json.dumps(body).encode(), "application/json", **headers)

    def send(self, status: int, content: bytes, media_type: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _faulty(self, what: str) -> bool:
        """Note the request, and answer it wrongly where that is its turn."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        at = time.monotonic()
        self.remote.asked.append(Asked(what, self.path, headers, at))
        faults = self.remote.faults[what]
        return bool(faults) and not faults.pop(0)(self)

    @override
    def log_message(self, format: str, *args: object) -> None:
        pass


def status(code: int, **headers: str) -> Fault:
    """Refuse with this code."""

    def fault(handler: Handler) -> bool:
        handler.reply(code, {"error": "no"}, **headers)
        return False

    return fault


def answer(body: object) -> Fault:
    """Answer something else."""

    def fault(handler: Handler) -> bool:
        handler.reply(200, body)
        return False

    return fault


def text(content: bytes) -> Fault:
    """Answer what is no JSON, or no image."""

    def fault(handler: Handler) -> bool:
        handler.send(200, content, "text/html")
        return False

    return fault


def cut(handler: Handler) -> bool:
    """Promise more than is sent, and hang up."""
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    handler.wfile.write(b"\x89PNG")
    handler.close_connection = True
    return False


def swallow(handler: Handler) -> bool:
    """Take the submission, and hang up without a word."""
    handler.remote.submit(handler.headers.get("idempotency-key"), {"prompt": "swallowed"})
    handler.close_connection = True
    return False


def moved(target: str) -> Fault:
    """Say that it lies elsewhere."""
    return status(302, location=target)


def slow(seconds: float) -> Fault:
    """Take long, and then answer as it should."""

    def fault(_: Handler) -> bool:
        time.sleep(seconds)
        return True

    return fault


@contextmanager
def served(remote: RemoteServer, port: int = 0) -> Iterator[RemoteServer]:
    """Serve on this machine alone, from threads of its own."""
    handler = type("Bound", (Handler,), {"remote": remote})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    remote.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield remote
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


if __name__ == "__main__":
    with served(RemoteServer(), int(sys.argv[1])) as running:
        sys.stdout.write(f"{running.url}\n")
        threading.Event().wait()
