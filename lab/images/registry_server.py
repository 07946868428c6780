"""The registry that the lab's nodes pull from: every name there is, and only the images of the lab's table behind it.

It speaks what a client needs to pull (OCI distribution specification, "Pull"). containerd asks it in every registry's
place and names that in the query (`ns`). An image is made when it is asked for, from what its files are then.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
from fnmatch import fnmatchcase
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lab.errors import LabError
from lab.images import imported, oci
from lab.images.image import Image
from lab.images.layers import Store

_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")
_BLOB = re.compile(r"/v2/.+/blobs/(?P<digest>sha256:[0-9a-f]{64})")
_DIGEST = "sha256:"


class Registry:
    """Finds images by reference and makes them."""

    def __init__(self, rows: tuple[Image, ...], store: Store) -> None:
        self._rows, self.store = rows, store
        self._making: dict[str, threading.Lock] = {}

    def manifest(self, reference: str) -> tuple[str, bytes] | None:
        """Media type and content of an image's manifest; None if the table has no such image. Raises LabError."""
        if user := imported.find(self.store, reference):
            return user
        row = next((row for row in self._rows if fnmatchcase(reference, row.pattern)), None)
        if row is None:
            return None
        with self._making.setdefault(row.pattern, threading.Lock()):
            try:
                return oci.MANIFEST_TYPE, oci.build(row, self.store).content
            except OSError as problem:
                raise LabError(f"{reference} is not built yet: {problem}") from problem


def main() -> None:
    """`python -m lab.images.registry_server CONFIGURATION`: a JSON file with address, port, store and rows."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rows = tuple(Image(**row) for row in config["rows"])
    registry = Registry(rows, Store(Path(config["store"])))
    server = ThreadingHTTPServer(
        (config["address"], config["port"]), type("Handler", (_Handler,), {"registry": registry})
    )
    server.serve_forever()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        url = urlsplit(self.path)
        if url.path in {"/v2", "/v2/"}:
            self._send("application/json", b"{}", body=body)
        elif found := _MANIFEST.fullmatch(url.path):
            host = parse_qs(url.query).get("ns", ["docker.io"])[0]
            self._manifest(host, found["name"], found["reference"], body=body)
        elif found := _BLOB.fullmatch(url.path):
            self._blob(found["digest"], body=body)
        else:
            self._refuse("UNSUPPORTED", "the lab's registry is read only")

    def _manifest(self, host: str, name: str, reference: str, *, body: bool) -> None:
        try:
            if reference.startswith(_DIGEST):
                path = self.registry.store.path(reference)
                content = path.read_bytes() if path.exists() else b""
                manifest = (str(json.loads(content).get("mediaType")), content) if content else None
            else:
                manifest = self.registry.manifest(f"{host}/{name}:{reference}")
        except LabError as problem:
            self._refuse("MANIFEST_UNKNOWN", str(problem))
            return
        if manifest is None:
            self._refuse("MANIFEST_UNKNOWN", f"image {host}/{name}:{reference} is not in the lab's table")
        else:
            self._send(*manifest, body=body)

    def _blob(self, digest: str, *, body: bool) -> None:
        path = self.registry.store.path(digest)
        if not path.exists():
            self._refuse("BLOB_UNKNOWN", digest)
            return
        self._head("application/octet-stream", path.stat().st_size, digest)
        if body:
            with path.open("rb") as content:
                shutil.copyfileobj(content, self.wfile, 1 << 20)

    def _send(self, kind: str, content: bytes, *, body: bool) -> None:
        self._head(kind, len(content), oci.digest(content))
        if body:
            self.wfile.write(content)

    def _head(self, kind: str, size: int, digest: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()

    def _refuse(self, code: str, message: str) -> None:
        content = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.send_response(HTTPStatus.NOT_FOUND)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        print(format % args, flush=True)


if __name__ == "__main__":
    main()
