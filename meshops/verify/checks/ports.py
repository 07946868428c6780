"""The ports of the mesh's own parts: of no use to anybody in the cluster, and of use to whoever may forward a port."""

from __future__ import annotations

from meshops.checks.model import Unavailable, Verdict
from meshops.verify.calls import Purpose
from meshops.verify.check import Layer, check
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally

_LAYER: Layer = "Pod to pod"
_ANSWERS = range(200, 300)


@check(
    "MV306",
    _LAYER,
    name="Nobody reaches another pod's proxy",
    shows="Envoy's admin interface and metrics, and the agent's, give nothing to another pod: not under their own "
    "paths, nor under one that climbs out of them.",
    how="GETs of ports 15000, 15004, 15020 and 15090 of every gateway and sidecar from a pod outside the mesh.",
    severity="critical",
    remedy="METRICS_LOCALHOST_ACCESS_ONLY must be in the mesh's proxyMetadata; a pod that was made before it was has "
    "to be made anew (a workload of another pipeline: restart it).",
    needs=("traffic",),
    calls=("proxy-port",),
)
def proxy_ports(subject: Subject) -> Verdict:
    return _refused(subject, "proxy-port", "{count} requests got nothing.")


@check(
    "MV307",
    _LAYER,
    name="istiod gives nothing in plaintext",
    shows="istiod serves configuration over TLS to an identity only: no plaintext XDS, no metrics, no debug pages.",
    how="GETs of ports 8080, 15010 and 15014 of every istiod from a pod outside the mesh.",
    severity="critical",
    remedy="See istiod's arguments grpcAddr and monitoringAddr; `pulumi up` sets them again.",
    needs=("traffic",),
    calls=("control-plane-port",),
)
def control_plane_ports(subject: Subject) -> Verdict:
    return _refused(subject, "control-plane-port", "{count} requests got nothing.", listens="15010")


@check(
    "MV308",
    _LAYER,
    name="Metrics are had through the API server",
    shows="Each proxy's metrics are there for whoever Kubernetes lets forward a port into its pod.",
    how="istioctl x envoy-stats of one pod of each application, and of the gateway.",
    severity="medium",
    remedy="See that the kubeconfig's user may create pods/portforward, and that the proxy runs.",
    needs=("workloads",),
)
def metrics(subject: Subject) -> Verdict:
    tally = Tally()
    for workload in subject.workloads:
        where = f"{workload.namespace}/{workload.application}"
        if isinstance(workload.metrics, Unavailable):
            tally.unknown(f"{where}: {workload.metrics.reason}")
        elif workload.metrics:
            tally.passed(f"{where}: {workload.metrics} values")
        else:
            tally.failed(f"{where}: it gives none")
    return tally.verdict("{count} proxies gave their metrics.", nothing="No application in the mesh.")


def _refused(subject: Subject, purpose: Purpose, holds: str, *, listens: str = "") -> Verdict:
    """listens: a port that must not be open at all; gRPC there says nothing that curl takes for an answer."""
    tally = Tally()
    for exchange in subject.exchanges(purpose):
        answer, url = exchange.answer, exchange.call.url
        if isinstance(answer, Unavailable):
            tally.unknown(f"{url}: {answer.reason}")
        elif answer.http_code in _ANSWERS:
            tally.failed(f"{url}: {answer}")
        elif listens and f":{listens}/" in url and answer.local_address:
            tally.failed(f"{url}: the port is open ({answer})")
        else:
            tally.passed(f"{url}: {answer}")
    return tally.verdict(holds)
