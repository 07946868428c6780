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
    """Of all four charts at once, so that charts and istiod cannot disagree (trap 2)."""
    revision_tag: Label = "stable"
    """The injection label of every namespace; the revision behind it follows from the version (trap 1)."""
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
    def revision(self) -> str:
        """The revision of istiod, e.g. `1-31-1`."""
        return self.istio_version.replace(".", "-")


@section
class Gateway:
    min_replicas: Annotated[Whole, within(2, 100, "replicas")] = 2
    max_replicas: Annotated[Whole, within(2, 100, "replicas")] = 5
    cpu: Cpu = "100m"
    memory: Memory = "128Mi"


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
