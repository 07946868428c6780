"""Istio, the gateway and its certificate, and what observes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from configuration.kinds.quantities import Cpu, Memory
from configuration.problems import rejection
from configuration.section import section
from configuration.values import Cidr, Host, Label, VersionText, Whole, within
from versions import ISTIO


def _percent(value: float) -> float:
    if not 0 <= value <= 100:
        raise rejection("It must be a percentage from 0 to 100.", "Choose a number in that range.")
    return value


def _plaintext_reason(value: str) -> str:
    if len(value.strip()) < 10:
        raise rejection(
            "A service that is called in plaintext needs a reason that a reviewer can judge.",
            "Say in a sentence why it cannot have a sidecar.",
        )
    return value.strip()


def _service_host(value: Any) -> Any:
    if isinstance(value, str) and not value.endswith(".svc.cluster.local"):
        raise rejection(
            "It must be the full name of a Service in the cluster.",
            'Write it as "name.namespace.svc.cluster.local".',
        )
    return value


def revision_of(version: str) -> str:
    """Istio's name for the control plane of a version: `1.31.1` -> `1-31-1`."""
    return version.replace(".", "-")


def version_numbers(version: str) -> tuple[int, ...]:
    """`1.31.1` -> (1, 31, 1): as texts 1.9 would come after 1.31."""
    return tuple(map(int, version.split(".")))


@section
class Pilot:
    """istiod's size. `minReplicas: 1` and `maxReplicas: 1`, both, turn the autoscaler off."""

    cpu: Cpu = "500m"
    memory: Memory = "2048Mi"
    min_replicas: Annotated[Whole, within(1, 50, "replicas")] = 2
    max_replicas: Annotated[Whole, within(1, 50, "replicas")] = 5


@section
class PlaintextService:
    """A service without a sidecar that meshed pods call: exempt from the mesh-wide ISTIO_MUTUAL rule."""

    host: Annotated[Host, BeforeValidator(_service_host)]
    reason: Annotated[str, AfterValidator(_plaintext_reason)]


@section
class Mesh:
    istio_version: VersionText = ISTIO
    """Of the control plane that the gateway and every namespace are on, unless they name the second one. Charts, istiod
    and proxies follow from it (trap 2), and so does the injection label (trap 1)."""
    second_istio_version: VersionText | None = None
    """A second control plane beside it, for what names it in its own `istioVersion`: the new one before everything
    moves, the old one until no proxy calls it any more (docs/runbooks/istio-upgrade.md)."""
    mesh_id: Label = "mesh"
    network: Label = "vpc-main"
    trust_domain: Host = "cluster.local"
    peer_authentication: Literal["derived", "PERMISSIVE", "STRICT"] = "derived"
    """`derived`: STRICT as soon as every namespace is. The other two hold it, PERMISSIVE being a weakening."""
    plaintext_services: tuple[PlaintextService, ...] = ()
    issuer_networks: tuple[Cidr, ...] = ()
    """Private networks in which an OIDC issuer stands; istiod fetches keys from public addresses and from these."""
    pilot: Pilot = Pilot()

    @property
    def istio_versions(self) -> tuple[str, ...]:
        """Of each control plane, the older one first."""
        found = {self.istio_version, self.second_istio_version or self.istio_version}
        return tuple(sorted(found, key=version_numbers))

    @property
    def revisions(self) -> tuple[str, ...]:
        """Of each control plane, the older one first."""
        return tuple(map(revision_of, self.istio_versions))

    def revision(self, chosen: str | None = None) -> str:
        """The revision that serves a namespace or the gateway, e.g. `1-31-1`. chosen: its own `istioVersion`."""
        return revision_of(chosen or self.istio_version)


@section
class Gateway:
    min_replicas: Annotated[Whole, within(2, 100, "replicas")] = 2
    max_replicas: Annotated[Whole, within(2, 100, "replicas")] = 5
    cpu: Cpu = "100m"
    memory: Memory = "128Mi"
    istio_version: VersionText | None = None
    """One of the mesh's two, while it moves; `mesh.istioVersion` unless said otherwise."""


@section
class Certificates:
    issuer: Literal["selfSigned", "internalCa"] = "selfSigned"
    """`internalCa`: a self-signed root of our own that issues, for clients that pin a root."""
    duration_hours: Annotated[Whole, within(24, 8760, "hours")] = 2160
    renew_before_hours: Annotated[Whole, within(1, 8759, "hours")] = 720


@section
class Observability:
    tracing: bool = True
    """An OpenTelemetry collector that sends traces to X-Ray and CloudWatch (Transaction Search)."""
    sampling_percent: Annotated[float, AfterValidator(_percent)] = 1.0
    container_logs: bool = True
    """The add-on `amazon-cloudwatch-observability`: every sidecar's audit line reaches CloudWatch."""
