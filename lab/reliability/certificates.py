"""Steps about the certificates of the mesh itself: another root, and certificates near their end without istiod."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass

import yaml

from configuration.mesh import revision_of
from lab.cluster.certificates import Authority
from lab.reliability.ground import Ground
from lab.reliability.stack import FIRST, ISTIOD, WEB, Standing
from lab.reliability.steps import Naive, Step
from lab.reliability.unplanned import gone
from lab.waiting import until
from manifests.names import INJECTION_LABEL, ISTIO_SYSTEM
from versions import ISTIO

# https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
_PLUGGED_IN = "cacerts"
_OWN = "istio-ca-secret"
_PUBLISHED = "istio-ca-root-cert"
_KNOWN_SECONDS = 60.0
_MINUTE = 60.0
# Until istiod has read its configuration anew.
_SEEN_SECONDS = 10.0
# Renewed after half of it: https://istio.io/latest/docs/reference/commands/pilot-agent/ (SECRET_GRACE_PERIOD_RATIO).
_LIFE = "180s"
_RENEWED_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class _Signer:
    """PEM."""

    certificate: str
    key: str


def _another_root(ground: Ground) -> None:
    """Both roots trusted, the other one signs, then it alone is trusted; and back (docs/runbooks/trust-root.md)."""
    old, new = _own(ground), _made(ground)
    both = old.certificate + new.certificate
    there = ((old, both), (new, both), (new, new.certificate))
    for signer, roots in (*there, *reversed(there[:-1])):
        _plug_in(ground, signer, roots)
        _restart_the_mesh(ground)
    _unplug(ground, old)


def _at_once(ground: Ground) -> None:
    """The other one signs and is trusted alone, and pods get to know of it as they come."""
    old, new = _own(ground), _made(ground)
    try:
        _plug_in(ground, new, new.certificate)
        ground.restart(FIRST, WEB)
    finally:
        _unplug(ground, old)


def _own(ground: Ground) -> _Signer:
    """istiod's own authority, which it made when it first started."""
    found = json.loads(ground.kubectl("get", "secret", _OWN, f"--namespace={ISTIO_SYSTEM}", "--output=json"))["data"]
    certificate, key = (base64.b64decode(found[name]).decode() for name in ("ca-cert.pem", "ca-key.pem"))
    return _Signer(certificate=certificate, key=key)


def _made(ground: Ground) -> _Signer:
    certificate, key = Authority(ground.plane.state.temporary, "another-root").exported()
    return _Signer(certificate=certificate.decode(), key=key.decode())


def _plug_in(ground: Ground, signer: _Signer, roots: str) -> None:
    data = {
        "ca-cert.pem": signer.certificate,
        "ca-key.pem": signer.key,
        "cert-chain.pem": signer.certificate,
        "root-cert.pem": roots,
    }
    metadata = {"name": _PLUGGED_IN, "namespace": ISTIO_SYSTEM}
    ground.objects().apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    _restart_istiod(ground, roots)


def _unplug(ground: Ground, own: _Signer) -> None:
    ground.kubectl("delete", "secret", _PLUGGED_IN, f"--namespace={ISTIO_SYSTEM}")
    _restart_istiod(ground, own.certificate)
    _restart_the_mesh(ground)


def _restart_istiod(ground: Ground, roots: str) -> None:
    """Until the pods of the mesh are told to trust these roots."""
    ground.restart(ISTIO_SYSTEM, ISTIOD)
    where = ("configmap", _PUBLISHED, f"--namespace={FIRST}", "--output=jsonpath={.data.root-cert\\.pem}")
    until(
        lambda: _lines(ground.kubectl("get", *where)) == _lines(roots),
        seconds=_KNOWN_SECONDS, pause=0.5, what="istiod to publish its roots",
    )  # fmt: skip


def _lines(pem: str) -> list[str]:
    return [line for line in pem.splitlines() if line.strip()]


def _restart_the_mesh(ground: Ground) -> None:
    """Every pod with a sidecar, and the gateway: what they trust they learn with their next certificate."""
    where = (f"--selector={INJECTION_LABEL}", "--output=jsonpath={.items[*].metadata.name}")
    namespaces = ground.kubectl("get", "namespaces", *where).split()
    for namespace in namespaces:
        ground.kubectl("rollout", "restart", "deployment", f"--namespace={namespace}")
    ground.settled()


def _short_lived(ground: Ground) -> None:
    """Certificates of the application for minutes instead of a day, and just made.

    What a sidecar asks for it is told when it is injected; the walls let no pod say it for itself.
    """
    ground.bring_to(Standing())
    ground.standing = None
    where = ("configmap", f"istio-{revision_of(ISTIO)}", f"--namespace={ISTIO_SYSTEM}")
    mesh = ground.kubectl("get", *where, "--output=jsonpath={.data.mesh}")
    values = yaml.safe_load(mesh)
    values["defaultConfig"]["proxyMetadata"]["SECRET_TTL"] = _LIFE
    try:
        ground.kubectl("patch", *where, f"--patch={json.dumps({'data': {'mesh': yaml.safe_dump(values)}})}")
        time.sleep(_SEEN_SECONDS)
        ground.restart(FIRST, WEB)
    finally:
        ground.kubectl("patch", *where, f"--patch={json.dumps({'data': {'mesh': mesh}})}")


STEPS: tuple[Step, ...] = (
    Step(
        name="change-root",
        kind="planned",
        what="another root for the trust domain, both trusted meanwhile, and back",
        do=_another_root,
        # Every pod restarts, the generator's own too.
        inside=False,
        naive=Naive(what="the other root at once, then the application restarted", do=_at_once),
    ),
    Step(
        name="certificates-end",
        kind="unplanned",
        what="istiod gone while an application's certificates are due, and back before they end (3 minutes, not a day)",
        prepare=_short_lived,
        do=gone(ISTIO_SYSTEM, ISTIOD, 1, seconds=_RENEWED_SECONDS + _MINUTE / 2),
        naive=Naive(
            what="and back after they have ended: connections that are open outlive them",
            do=gone(ISTIO_SYSTEM, ISTIOD, 1, seconds=2 * _RENEWED_SECONDS + _MINUTE),
        ),
    ),
)
