"""What the running lab is, read from its API server and its AWS stand-in and not from the program."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from configuration.settings import Settings
from lab.cluster.control_plane import ControlPlane
from lab.cluster.helm import Helm
from lab.cluster.objects import Document, Key, Objects
from manifests.names import GATEWAY_TLS_SECRET, ISTIO_INGRESS
from meshops.aws_session import session_of
from meshops.checks.model import Result
from meshops.preflight.aws import gather
from meshops.preflight.run import Occasion, run

_T = TypeVar("_T")

# The controllers work on after the program has ended: pods are made, the certificate is issued.
_PATIENCE_SECONDS = 45.0
_SIDECAR = "istio-proxy"


@dataclass(frozen=True, kw_only=True)
class InstalledChart:
    """One line of `helm list`. chart: with its version, e.g. `istiod-1.0.0`."""

    release: str
    namespace: str
    chart: str
    revision: str
    status: str


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One finding of `istioctl analyze`. level: Error, Warning or Info; origin: `<Kind> <namespace>/<name>`."""

    code: str
    level: str
    origin: str
    message: str


@dataclass(frozen=True, kw_only=True)
class IssuedCertificate:
    """The gateway's certificate as it lies in the Secret. key: e.g. `ECDSA secp256r1`, `RSA 2048`."""

    key: str
    lifetime: timedelta
    ends: datetime
    issuer: str
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ApplicationPod:
    """A pod of one application, as admitted. Without any pod, `pod` is empty."""

    namespace: str
    application: str
    pod: str = ""
    proxy_image: str = ""
    """Empty if it has no sidecar."""
    revision: str = ""
    phase: str = ""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """Everything the report judges. objects: kind -> how many carry the lab's field manager.

    analysis: None if istioctl could not tell; analysis_problem says why.
    """

    charts: tuple[InstalledChart, ...]
    objects: dict[str, int]
    analysis: tuple[Analysis, ...] | None
    analysis_problem: str
    certificate: IssuedCertificate | None
    pods: tuple[ApplicationPod, ...]
    preflight: tuple[Result, ...]


def inspect(plane: ControlPlane, settings: Settings, *, endpoint_url: str) -> Inspection:
    """Reads all of it; waits a while for what the controllers still have to do."""
    objects = Objects(api=plane.api)
    try:
        certificate = _patiently(lambda: issued_certificate(objects), lambda found: found is not None)
        pods = _patiently(lambda: application_pods(objects, settings), lambda found: all(pod.pod for pod in found))
        analysis, problem = analyze(plane, settings.mesh.revision)
        return Inspection(
            charts=installed_charts(Helm(plane=plane, objects=objects)),
            objects=applied_objects(objects),
            analysis=analysis,
            analysis_problem=problem,
            certificate=certificate,
            pods=pods,
            preflight=run(
                settings,
                gather(settings, session_of(settings, endpoint_url), endpoint_url),
                Occasion(now=datetime.now(UTC)),
            ),
        )
    finally:
        objects.close()


def installed_charts(helm: Helm) -> tuple[InstalledChart, ...]:
    return tuple(
        InstalledChart(
            release=entry["name"],
            namespace=entry["namespace"],
            chart=entry["chart"],
            revision=str(entry["revision"]),
            status=entry["status"],
        )
        for entry in helm.releases()
    )


def applied_objects(objects: Objects) -> dict[str, int]:
    """kind -> count, sorted. An object that several API versions serve is counted once."""
    seen: dict[str, str] = {}
    for resource in objects.resources():
        for item in objects.applied(resource):
            seen[item["metadata"]["uid"]] = resource.kind
    return dict(sorted(Counter(seen.values()).items()))


def analyze(plane: ControlPlane, revision: str) -> tuple[tuple[Analysis, ...] | None, str]:
    """`istioctl analyze` on all namespaces. The revision is given: without it istioctl leaves out what carries one,
    the injection webhooks among them, and reports what follows from their absence."""
    finished = subprocess.run(
        [plane.toolchain.bin("istioctl"), "analyze", "--all-namespaces", "--revision", revision, "--output", "json"],
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(plane.state.root), **plane.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        findings = json.loads(finished.stdout or "[]")
    except json.JSONDecodeError:
        said = (finished.stderr or finished.stdout).strip().splitlines()
        return None, said[-1] if said else f"istioctl ended with {finished.returncode}"
    return tuple(
        Analysis(
            code=finding["code"],
            level=finding["level"],
            origin=finding.get("origin", ""),
            message=finding["message"],
        )
        for finding in findings
    ), ""


def issued_certificate(objects: Objects) -> IssuedCertificate | None:
    secret = objects.get(Key(api_version="v1", kind="Secret", namespace=ISTIO_INGRESS, name=GATEWAY_TLS_SECRET))
    if secret is None or not secret.get("data", {}).get("tls.crt"):
        return None
    return read_certificate(base64.b64decode(secret["data"]["tls.crt"]))


def read_certificate(pem: bytes) -> IssuedCertificate:
    certificate = x509.load_pem_x509_certificate(pem)
    public = certificate.public_key()
    kind = f"ECDSA {public.curve.name}" if isinstance(public, ec.EllipticCurvePublicKey) else "RSA or another"
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = tuple(alternative.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        names = ()
    common = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    itself = certificate.issuer == certificate.subject
    return IssuedCertificate(
        key=kind,
        lifetime=certificate.not_valid_after_utc - certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        issuer="itself (self-signed)" if itself else str(common[0].value) if common else "nameless",
        names=names,
    )


def application_pods(objects: Objects, settings: Settings) -> tuple[ApplicationPod, ...]:
    """One pod of each application that the stack itself deploys."""
    found = []
    for namespace in settings.namespaces:
        for application in namespace.applications:
            if application.workload == "managed":
                pods = objects.listed("v1", "Pod", namespace=namespace.name, labels=f"app={application.name}")
                found.append(_application_pod(namespace.name, application.name, pods))
    return tuple(found)


def _application_pod(namespace: str, application: str, pods: list[Document]) -> ApplicationPod:
    if not pods:
        return ApplicationPod(namespace=namespace, application=application)
    # The one without a sidecar, if there is one: that is what must not be overlooked.
    pod = min(pods, key=lambda candidate: (bool(_sidecar(candidate)), candidate["metadata"]["name"]))
    return ApplicationPod(
        namespace=namespace,
        application=application,
        pod=pod["metadata"]["name"],
        proxy_image=_sidecar(pod),
        revision=pod["metadata"].get("labels", {}).get("istio.io/rev", ""),
        phase=pod.get("status", {}).get("phase", ""),
    )


def _sidecar(pod: Document) -> str:
    """The image of its sidecar, which from Kubernetes 1.33 on is an init container that stays; empty without one."""
    for container in (*pod["spec"].get("initContainers", ()), *pod["spec"]["containers"]):
        if container["name"] == _SIDECAR:
            return container["image"]
    return ""


def _patiently(read: Callable[[], _T], enough: Callable[[_T], bool]) -> _T:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not enough(found := read()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return found
