"""What an attempt is, what it sends, and what came of it. Data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from manifests.document import Document
from meshops.attack.ground import Ground
from meshops.attack.place import Place
from meshops.checks.model import Check

Position = Literal["internet", "outsider", "neighbour", "tenant"]
POSITIONS: Mapping[Position, str] = {
    "internet": "a client before the load balancer",
    "outsider": "a pod of the cluster that is not in the mesh",
    "neighbour": "a compromised application: its identity, its place, its sidecar or past it",
    "tenant": "somebody with the right to deploy in one namespace",
}

Wall = Literal[
    "sidecar", "gateway", "policy", "admission", "control plane", "load balancer", "NetworkPolicy", "security group",
    "DNS firewall",
]  # fmt: skip
WALLS: Mapping[Wall, str] = {
    "sidecar": "the application's own proxy: mutual TLS, what it normalises, what it lets out",
    "gateway": "the shared gateway's proxy: TLS, hosts, headers",
    "policy": "an AuthorizationPolicy, by identity, method, path or host",
    "admission": "the API server: RBAC, Pod Security, ValidatingAdmissionPolicies, Istio's webhook",
    "control plane": "istiod's own rules: who may have which certificate and which configuration",
    "load balancer": "the ALB or the NLB: listeners, header rules, targets",
    "NetworkPolicy": "the node, by address and label; only where an engine enforces them (the VPC CNI)",
    "security group": "AWS, by address and port",
    "DNS firewall": "the VPC's resolver, by name",
}

Family = Literal[
    "Plaintext and ports",
    "Admin and control plane",
    "Identities and tokens",
    "Methods, paths and hosts",
    "Headers and the audit log",
    "Protocols and smuggling",
    "Egress",
    "Opt-outs and tenants",
    "Generated",
]
FAMILIES: tuple[Family, ...] = get_args(Family)
"""In the order of the first digit of their attempts' ids."""

Result = Literal["refused", "succeeded", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One exchange. task: as meshops/attack/wire/exchange.py has it, without its id. said: for the evidence.

    mark: by which the proxies' logs know it (its User-Agent), where a log is looked at.
    """

    place: Place
    task: Mapping[str, Any] = field(hash=False)
    said: str
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One kubectl call, or a document that is created without being kept.

    user: who is impersonated: the tenant, with the tenant's groups, or a service account.
    then: asked if this one was granted, and then its answer is the answer: what a controller makes of a template that
    was taken must still be taken itself.
    """

    said: str
    arguments: tuple[str, ...] = ()
    stdin: str = ""
    document: Document | None = None
    user: str = ""
    then: Ask | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back of a shot or an ask. unavailable: why it could not be made at all.

    ended: eof, reset, quiet, timeout; of an ask `ok` or `refused`. lines: what proxies wrote about it, as they are.
    """

    connected: bool = False
    received: bytes = b""
    ended: str = ""
    error: str = ""
    tls: str = ""
    alpn: str = ""
    certificate: str = ""
    unavailable: str = ""
    lines: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of one shot. why: in a few words, what came back."""

    result: Result
    why: str


Step = Shot | Ask
Judge = Callable[["Ground", Step, Answer], Outcome]


@dataclass(frozen=True, kw_only=True)
class Attempt(Check):
    """id: `MA` and three digits, the first the family's; never reused. section: its Family.

    how: what it tries; shows: what must happen.
    reads_only: it changes nothing wherever it arrives, so that it may run on a real cluster.
    logs: workloads (namespace, name) whose audit lines about it are looked at.
    steps: what it does on this ground; nothing where the stack has nothing to try it on.
    stage: what must be in the cluster meanwhile.
    """

    position: Position
    wall: Wall
    steps: Callable[[Ground], Sequence[Step]]
    judge: Judge
    reads_only: bool = True
    reads_logs: bool = False
    stage: Callable[[Ground], Sequence[Document]] | None = None


@dataclass(frozen=True, kw_only=True)
class Legitimate(Check):
    """What must pass, or the run failed. id: `ML` and three digits. `succeeded` of its judge is a pass."""

    position: Position
    steps: Callable[[Ground], Sequence[Step]]
    judge: Judge
    reads_only: bool = True


Entry = Attempt | Legitimate
