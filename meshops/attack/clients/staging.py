"""Attempts that first put something into the cluster: made last, one after the other, and taken away again."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager

from manifests.document import Document, document
from manifests.names import GATEWAY_REF
from meshops.attack.ground import Ground
from meshops.attack.model import Answer, Attempt, Shot
from meshops.progress import Progress
from meshops.tools import ToolError, Tools, as_list
from meshops.verify.calls import Client
from meshops.verify.probes.pods import CONTAINER, HARDENED, probe_pod, run_labels
from versions import PYTHON_IMAGE

IMPOSTOR = "meshops-impostor"
"""What the impostor answers."""
DETOUR = "/meshops-detour"
"""The path of the public host that is led elsewhere."""
_SPREAD_SECONDS = 6.0
"""Until every proxy knows what is new; the control plane gathers changes for a moment first."""
_SERVER = f"""
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{IMPOSTOR}")
http.server.HTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
"""


def impostor(ground: Ground) -> tuple[Document, ...]:
    """A pod with the label by which the target's Service finds its pods, and another application's identity."""
    target = ground.target
    if target is None or target.stranger is None:
        return ()
    client = Client(
        namespace=target.callee.namespace.name,
        service_account=target.stranger.application.identity,
        labels=(("app", target.callee.name),),
        injected=True,
    )
    if target.stranger.namespace.name != client.namespace:
        return ()
    container = {
        "name": CONTAINER,
        "image": ground.stack.images.ref(PYTHON_IMAGE),
        "command": ["python3", "-c", _SERVER, str(target.port)],
        "securityContext": dict(HARDENED),
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
    }
    return (probe_pod(f"meshops-attack-{ground.run}-impostor", client, [container], run=ground.run, gated=False),)


def detour(ground: Ground) -> tuple[Document, ...]:
    """A route in another namespace than the public application's, from its host to the target."""
    target = ground.target
    if target is None or ground.public is None:
        return ()
    others = [item.name for item in ground.stack.namespaces if item.name != ground.public.namespace.name]
    if not others:
        return ()
    to = {"host": target.host, "port": {"number": target.called_port}}
    route = {"match": [{"uri": {"prefix": DETOUR}}], "rewrite": {"uri": target.path}, "route": [{"destination": to}]}
    spec = {"hosts": [ground.public_host], "gateways": [GATEWAY_REF], "http": [route]}
    name = f"meshops-attack-{ground.run}"
    labels = run_labels(ground.run)
    return (document("networking.istio.io/v1", "VirtualService", name, namespace=others[0], labels=labels, spec=spec),)


def staged_answers(
    tools: Tools,
    attempts: Sequence[Attempt],
    ground: Ground,
    shots: Mapping[str, Shot],
    make: Callable[[Mapping[str, Shot]], dict[str, Answer]],
    progress: Progress,
) -> dict[str, Answer]:
    """Id -> answer, of the shots of these attempts. make: makes shots."""
    found: dict[str, Answer] = {}
    for attempt in attempts:
        own = {id: shot for id, shot in shots.items() if id.partition(".")[0] == attempt.id}
        if not own or attempt.stage is None:
            continue
        progress.update(f"staging {attempt.id}: {attempt.name}")
        try:
            with _staged(tools, attempt.stage(ground)):
                found |= make(own)
        except ToolError as problem:
            # Admission may refuse it to us as well: then nobody saw what the other walls would have done.
            found |= {id: Answer(unavailable=f"it could not be staged: {problem}") for id in own}
    return found


@contextmanager
def _staged(tools: Tools, documents: Sequence[Document]) -> Generator[None]:
    text = as_list(documents)
    try:
        tools.ask_kubectl("create", "--validate=false", "--filename=-", stdin=text, seconds=60)
        for item in documents:
            if item["kind"] == "Pod":
                where = f"--namespace={item['metadata']['namespace']}"
                tools.ask_kubectl("wait", "pod", item["metadata"]["name"], where, "--for=condition=Ready",
                                  "--timeout=80s", seconds=90)  # fmt: skip
        time.sleep(_SPREAD_SECONDS)
        yield
    finally:
        tools.ask_kubectl("delete", "--filename=-", "--ignore-not-found", "--wait=false", "--grace-period=1",
                          stdin=text, seconds=60)  # fmt: skip
