"""The facts that the checks judge: typed, frozen, gathered once. One that could not be had is `Unavailable`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meshops.checks.model import Unavailable
from meshops.verify.access_log import LogLine
from meshops.verify.attempt import Answer as AttemptAnswer
from meshops.verify.calls import Call

MANAGED_BY = "meshops-verify"
"""Of `app.kubernetes.io/managed-by`, on everything that a run makes in the cluster."""
RUN_LABEL = "meshops.verify/run"


@dataclass(frozen=True, kw_only=True)
class LiveObject:
    """One object as the API server has it. namespace: empty for what is of the whole cluster."""

    kind: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    content: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.namespace, self.name

    @property
    def spec(self) -> Mapping[str, Any]:
        """Empty where the object has none."""
        return self.content.get("spec") or {}

    def at(self, *path: str) -> Any:
        """The value at a path of keys; None if there is none."""
        value: Any = self.content
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Pod:
    """images: of every container, init containers too. sidecar: whether it has a container `istio-proxy`.

    revision: of the control plane that injected it (annotation istio.io/rev); empty without.
    aws_identity: whether EKS has told its containers where they have credentials of AWS.
    """

    namespace: str
    name: str
    labels: Mapping[str, str]
    service_account: str
    phase: str
    ip: str
    ready: bool
    leaving: bool
    sidecar: bool
    revision: str
    images: tuple[str, ...]
    host_network: bool = False
    made: datetime | None = None
    aws_identity: bool = False

    @property
    def running(self) -> bool:
        return self.phase == "Running" and not self.leaving

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The API server's objects of the kinds that matter. What verify itself made is in neither."""

    pods: tuple[Pod, ...]
    others: Mapping[tuple[str, str, str], LiveObject]
    """(kind, namespace, name) -> object."""
    leftovers: tuple[LiveObject, ...] = ()
    """What verify itself made: pods and namespaces of other runs."""

    def find(self, kind: str, namespace: str, name: str) -> LiveObject | None:
        return self.others.get((kind, namespace, name))

    def of_kind(self, kind: str) -> tuple[LiveObject, ...]:
        """Sorted by namespace and name."""
        return tuple(self.others[key] for key in sorted(self.others) if key[0] == kind)

    def pods_of(self, namespace: str, labels: Mapping[str, str]) -> tuple[Pod, ...]:
        """The pods that carry these labels and are not on their way out."""
        return tuple(
            pod
            for pod in self.pods
            if pod.namespace == namespace and not pod.leaving and labels.items() <= pod.labels.items()
        )


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """One row of `istioctl proxy-status`. stale: the kinds of configuration that are not in sync."""

    pod: str
    """`namespace/name`."""
    version: str
    control_plane: str
    """The version of the istiod that it is connected to."""
    stale: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Autoscaler:
    """A HorizontalPodAutoscaler. target: `Deployment name`; least, most, replicas: pods.

    active: whether it reads its metrics; why: the reason where it does not. limited: it wants more than `most`.
    """

    namespace: str
    name: str
    target: str
    least: int
    most: int
    replicas: int
    active: bool
    why: str = ""
    limited: bool = False

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where the variables of one application come from that the settings take from secrets. No value of them.

    wanted: variable -> `name/key` of its Secret; sources: the same as the Deployment has it, empty where it has a value
    or another source. keys: Secret -> its keys, none where it does not exist. behind: pods that began with others.
    """

    namespace: str
    application: str
    wanted: Mapping[str, str]
    sources: Mapping[str, str]
    keys: Mapping[str, tuple[str, ...]]
    behind: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.namespace}/{self.application}"


@dataclass(frozen=True, kw_only=True)
class AnalysisMessage:
    """One message of `istioctl analyze`. level: Error, Warning or Info; origin: `<Kind> <namespace>/<name>`."""

    code: str
    level: str
    origin: str
    text: str

    @property
    def kind(self) -> str:
        return self.origin.partition(" ")[0]

    @property
    def namespace(self) -> str:
        """Empty for what is of the whole cluster."""
        return self.origin.partition(" ")[2].rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.origin.partition(" ")[2].rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.level} {self.code} {self.origin}: {self.text}"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What istioctl reads from the proxy of one pod of an application, or of the gateway.

    certificate: PEM of its own certificate (proxy-config secret); of the gateway nothing else is asked.
    policies: `name.namespace` of the ALLOW policies in force (x authz check).
    mtls: the effective mode (x describe pod), e.g. STRICT.
    metrics: how many it gives to whoever may forward a port into its pod (x envoy-stats).
    """

    namespace: str
    application: str
    pod: str
    certificate: str | Unavailable
    policies: tuple[str, ...] | Unavailable
    mtls: str | Unavailable
    metrics: int | Unavailable


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """One TLS connection. version: e.g. `TLSv1.3`; empty where it failed, and then problem says why."""

    version: str = ""
    cipher: str = ""
    certificate: str = ""
    """PEM of the leaf that was served."""
    problem: str = ""
    refused: bool = False
    """The other side refused the handshake itself; False also when it could not be reached at all."""


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    """status 0: no answer, and problem says why. agent: the User-Agent that was sent, by which logs know it."""

    host: str
    status: int = 0
    location: str = ""
    agent: str = ""
    problem: str = ""
    forged: bool = False
    """Whether a token was sent that nobody signed."""
    lines: tuple[LogLine, ...] = ()
    """What sidecars and gateway wrote about it."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    """The load balancer as this machine sees it. modern: TLS 1.3 only; older: TLS 1.2 only."""

    address: str
    modern: Handshake
    older: Handshake
    redirect: HttpAnswer
    answers: tuple[HttpAnswer, ...]
    """Of each public host, over HTTPS."""


@dataclass(frozen=True, kw_only=True)
class Passthrough:
    """The NLB as this machine sees it: host -> the TLS of whoever answers under that name.

    terminated: the same for the hosts that are the ALB's, at which nobody may answer here.
    """

    address: str
    handshakes: Mapping[str, Handshake]
    terminated: Mapping[str, Handshake] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What curl says about one call. exit_code: 0 if there was an answer; http_code: 0 without one."""

    exit_code: int
    http_code: int
    error: str = ""
    local_address: str = ""
    remote_ip: str = ""
    certificates: tuple[str, ...] = ()
    """PEM, the leaf first."""

    def __str__(self) -> str:
        if self.exit_code == 0:
            return f"HTTP {self.http_code}"
        status = f"HTTP {self.http_code}" if self.http_code else "no answer"
        return f"{status}, curl exit {self.exit_code}{f' ({self.error})' if self.error else ''}"


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One call of a probe pod, what came back, and what the proxies on its way wrote."""

    call: Call
    answer: Answer | Unavailable
    lines: tuple[LogLine, ...] = ()

    def line_of(self, namespace: str, application: str) -> LogLine | None:
        """The line of that application's sidecar about this call, or of the gateway."""
        return line_of(self.lines, namespace, application)

    @property
    def client_line(self) -> LogLine | None:
        """The line of the probe pod's own sidecar."""
        return next((line for line in self.lines if line.client), None)


def line_of(lines: tuple[LogLine, ...], namespace: str, application: str) -> LogLine | None:
    """The first line that this application's own sidecar wrote."""
    return next(
        (line for line in lines if not line.client and (line.namespace, line.application) == (namespace, application)),
        None,
    )


@dataclass(frozen=True, kw_only=True)
class Traffic:
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """objects and what else was asked for; the rest is `Unavailable` and no chosen check looks at it."""

    now: datetime
    objects: Objects | Unavailable
    secret: str | Unavailable
    """PEM of the gateway's public certificate, from its secret. The key is never read."""
    acm: str | Unavailable
    """PEM of the certificate that the Ingress names, from ACM."""
    edge: Edge | Unavailable
    passthrough: Passthrough | Unavailable
    proxies: tuple[Proxy, ...] | Unavailable
    workloads: tuple[Workload, ...] | Unavailable
    analysis: tuple[AnalysisMessage, ...] | Unavailable
    attempts: tuple[AttemptAnswer, ...] | Unavailable
    """What somebody with rights in one namespace asked for, and got; empty where there was nobody to ask against."""
    environments: tuple[Environment, ...] | Unavailable
    autoscalers: tuple[Autoscaler, ...] | Unavailable
    traffic: Traffic | Unavailable
    timings: tuple[tuple[str, float], ...] = field(default=())
