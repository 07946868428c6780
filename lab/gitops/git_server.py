"""The lab's Git server: Git's own `git http-backend`, and before it as much of a web server as it needs.

Whoever may read the directory pushes there; over HTTP it is read-only, as `git http-backend` has it for clients without
a name.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from email.parser import BytesHeaderParser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

_SECONDS = 60
_LARGEST_BODY = 16 * 1024**2


class Handler(BaseHTTPRequestHandler):
    """Hands each request on by the Common Gateway Interface (RFC 3875). root: the directory of the repositories."""

    protocol_version = "HTTP/1.1"
    root = ""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self.send_error(HTTPStatus.LENGTH_REQUIRED, "a request says how long it is, and is not long")
            return
        done = subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(int(length)),
            env=self._environment(length),
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        if done.stderr:
            print(done.stderr.decode(errors="replace").strip(), flush=True)
        if not head:
            self.send_error(HTTPStatus.BAD_GATEWAY, "git http-backend gave no answer")
            return
        self._send(dict(BytesHeaderParser().parsebytes(head + b"\r\n\r\n").items()), content)

    def _environment(self, length: str) -> Mapping[str, str]:
        url = urlsplit(self.path)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            # Neither the machine's Git settings nor a user's are the lab's.
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": self.root,
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(url.path),
            "QUERY_STRING": url.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": length,
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": str(self.client_address[0]),
        }

    def _send(self, headers: dict[str, str], content: bytes) -> None:
        self.send_response(int(headers.pop("Status", "200").split(" ", 1)[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main(address: str, port: str, root: str) -> None:
    """`python -m lab.gitops.git_server ADDRESS PORT DIRECTORY`: serves until it is stopped."""
    ThreadingHTTPServer((address, int(port)), type("Rooted", (Handler,), {"root": root})).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
