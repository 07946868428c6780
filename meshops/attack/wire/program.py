"""The program of an attack pod: performs its tasks side by side, and prints a line of JSON for each answer."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from meshops.attack.wire import h2
from meshops.attack.wire.exchange import perform

MARK = "meshops-attack "
"""Before each answer; other lines are nobody's."""
END = f"{MARK}end"
_WORKERS = 8
# After a pod's own NetworkPolicies are in force those of others that name it may take a moment more.
_SETTLING = 3.0
_TRIES = 4
_CREATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate"


def performed(tasks: list[dict[str, Any]], *, workers: int = _WORKERS) -> Iterable[dict[str, Any]]:
    """The answers, each as soon as it is there, in the tasks' order. What needs the own identity gets it first."""
    wanting = [task for task in tasks if (task.get("tls") or {}).get("certificate") == "own"]
    problem = ""
    if wanting:
        own, problem = _enrolled(wanting[0]["istiod"])
        for _ in range(_TRIES if problem else 0):
            time.sleep(1)
            own, problem = _enrolled(wanting[0]["istiod"])
            if not problem:
                break
        for task in wanting:
            task["tls"]["certificate"] = own
    if problem:
        yield from ({"id": task["id"], "unavailable": problem} for task in wanting)
        tasks = [task for task in tasks if task not in wanting]
    with ThreadPoolExecutor(max_workers=workers) as pool:
        yield from pool.map(perform, tasks)


def main(encoded: str) -> None:
    tasks = json.loads(encoded)
    _await_network(tasks[0].get("ready", "") if tasks else "")
    if tasks and tasks[0].get("walled"):
        _await_walls()
    time.sleep(_SETTLING)
    for answer in performed(tasks):
        print(f"{MARK}{json.dumps(answer)}", flush=True)
    print(END, flush=True)


def _await_network(name: str, seconds: float = 30.0) -> None:
    """A pod may be there before its names are: the first attempts would fail for a reason of their own."""
    deadline = time.monotonic() + seconds
    while name and time.monotonic() < deadline:
        if perform({"id": "", "resolve": name})["connected"]:
            return
        time.sleep(0.5)


def _await_walls(seconds: float = 24.0) -> None:
    """Until the API server is out of reach, which no pod is let to in whose place an attempt is made."""
    server = os.environ.get("KUBERNETES_SERVICE_HOST", ""), int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(server, timeout=1).close()
        except OSError:
            return
        time.sleep(1)


def _enrolled(istiod: str) -> tuple[str, str]:
    """A certificate of this pod's own identity with its key, as its sidecar gets one; or why not.

    The key is made here and stays here. That is what a process has which reads its sidecar's memory, or runs as it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        key, request = Path(scratch) / "key.pem", Path(scratch) / "request.pem"
        made = subprocess.run(
            ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", "/O=none", "-keyout", str(key), "-out", str(request)],
            capture_output=True, text=True, check=False, timeout=30,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if made.returncode != 0:
            return "", f"openssl: {made.stderr.strip()[-200:]}"
        # Names are those of the token: what a request says of itself istiod ignores.
        message = h2.field(1, request.read_bytes()) + h2.field(3, 3600)
        answer = perform(
            {
                "id": "",
                "to": istiod,
                "port": 15012,
                "tls": {"sni": None, "alpn": ["h2"]},
                "grpc": {
                    "path": _CREATE,
                    "authority": "istiod.istio-system.svc:15012",
                    "message": message.decode("latin-1"),
                    "token": "istio-ca",
                },
                "keep": 65536,
            }
        )
        text = h2.body(answer["received"].encode("latin-1")).decode("latin-1")
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        found = [f"{begin}{part.partition(end)[0]}{end}\n" for part in text.split(begin)[1:]]
        if not found:
            said = base64.b64encode(answer["received"].encode("latin-1"))[:120].decode()
            return "", f"istiod gave no certificate for the pod's own token: {answer['error'] or said}"
        # The last one is the root's: a server that is sent it as well does not mind.
        return "".join(found) + key.read_text(encoding="ascii"), ""
