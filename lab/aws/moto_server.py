"""`python -m lab.aws.moto_server ADDRESS:PORT …`: moto's server, for this machine and for the lab's pods.

It listens on loopback, which is all that the lab's own commands use, and on the lab's bridge, where pods reach it.
What moto lacks is added before it starts (`moto_patches`); what AWS's data plane knows and an API server cannot, it is
told over paths of its own (`NOTES`).
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from lab.aws import moto_patches
from lab.aws.moto_patches import Notes

NOTES = "/lab/"
"""What is below this path is not AWS's: `version` is read, `target-health` is written."""

_RESET = "/moto-api/reset"

_Answer = Callable[[str, list[tuple[str, str]]], Any]
_Environment = dict[str, Any]


class Application:
    """moto's application, with the lab's own paths in front of it. notes: what is read and written there."""

    def __init__(self, moto: Callable[[_Environment, _Answer], Iterable[bytes]], notes: Notes) -> None:
        self._moto, self._notes = moto, notes

    def __call__(self, environment: _Environment, answer: _Answer) -> Iterable[bytes]:
        path = environment.get("PATH_INFO", "")
        if not path.startswith(NOTES):
            if path == _RESET:
                self._notes.version += 1
            return self._moto(environment, answer)
        body = self._own(path.removeprefix(NOTES), environment)
        status = "404 Not Found" if body is None else "200 OK"
        answer(status, [("Content-Type", "application/json")])
        return [json.dumps(body).encode()]

    def _own(self, path: str, environment: _Environment) -> Any:
        if path == "version":
            return {"version": f"{self._notes.process}-{self._notes.version}"}
        if path == "target-health" and environment["REQUEST_METHOD"] == "POST":
            length = int(environment.get("CONTENT_LENGTH") or 0)
            self._notes.health = json.loads(environment["wsgi.input"].read(length))
            return {}
        return None


def main(*listeners: str) -> None:
    """Serves until it is stopped. listeners: each an address and a port, `127.0.0.1:5000`."""
    application = Application(DomainDispatcherApplication(create_backend_app), moto_patches.apply())
    servers = [
        make_server(host, int(port), application, threaded=True, request_handler=MotoRequestHandler)
        for host, _, port in (listener.rpartition(":") for listener in listeners)
    ]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
