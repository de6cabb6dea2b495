"""A small model hub on loopback, with faults to order: what `janus-bot download` needs, in the hub's own dialect."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Hub:
    """What the hub holds, how it misbehaves, and what it was asked."""

    repositories: dict[str, dict[str, bytes]]
    address: str = ""
    cut_after: int | None = None  # bytes of a body after which the connection is closed
    broken: bool = False  # every file answers 503
    captive: bool = False  # every list of files is a page of HTML
    ranges: bool = True  # False: ignores Range and sends the whole file with 200
    expired: str = ""  # a token that is no longer taken, for whatever it asks
    altered: set[str] = field(default_factory=set)  # files whose bytes are not the promised ones
    asked: list[tuple[str, int]] = field(default_factory=list)  # (file, first byte asked for)
    sent: int = 0  # bytes of bodies


def git_blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sibling(name: str, data: bytes) -> dict[str, object]:
    """One entry of the model's file list; weights are in large file storage, the rest in git, as on the public hub."""
    entry: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": git_blob_id(data)}
    if name.endswith((".safetensors", ".bin", ".pth")):
        sha256 = hashlib.sha256(data).hexdigest()
        entry["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 134}
    return entry


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.hub.expired and self.headers.get("Authorization") == f"Bearer {self.hub.expired}":
            self.refuse(401)
            return
        if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)", path):
            self.describe(found[1])
        elif found := re.fullmatch(rf"/([^/]+/[^/]+)/resolve/{COMMIT}/(.+)", path):
            self.send_file(found[1], found[2])
        else:
            self.refuse(404)

    def describe(self, repository: str) -> None:
        files = self.hub.repositories.get(repository)
        if files is None:
            self.refuse(401, "RepoNotFound")
            return
        siblings = [sibling(name, data) for name, data in files.items()]
        body = json.dumps({"id": repository, "sha": COMMIT, "siblings": siblings}).encode()
        if self.hub.captive:
            body = b"<html>Please log in.</html>"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_file(self, repository: str, name: str) -> None:
        hub = self.hub
        data = hub.repositories[repository][name]
        if hub.broken:
            self.refuse(503)
            return
        if name in hub.altered:
            data = bytes(byte ^ 1 for byte in data)
        first = int(re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))[1])  # type: ignore[index]
        hub.asked.append((name, first))
        first = first if hub.ranges else 0
        self.send_response(206 if hub.ranges else 200)
        self.send_header("ETag", f'"{git_blob_id(data)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        body = data[first:][: hub.cut_after]
        hub.sent += len(body)
        self.wfile.write(body)
        self.close_connection = True

    def refuse(self, status: int, code: str = "") -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def serve(repositories: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    """Run a hub on a free port of the loopback until the block ends."""
    hub = Hub(repositories)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
