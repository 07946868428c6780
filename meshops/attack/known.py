"""What succeeds all the same, each with the wall that stands in front of it elsewhere, and why it is so here.

An entry counts only where its condition holds, which a run finds out by an attempt and never by a stack's name. One
that is refused although it stands here is reported too: it may have become superfluous.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from meshops.attack.model import Wall

Condition = Literal["always", "no NetworkPolicy engine"]
CONDITIONS: Mapping[Condition, str] = {
    "always": "everywhere",
    "no NetworkPolicy engine": "where a pod that a NetworkPolicy lets nowhere reaches the API server all the same",
}


@dataclass(frozen=True, kw_only=True)
class Known:
    """wall: what stops it where the condition does not hold; why: what it means that it succeeds."""

    id: str
    condition: Condition
    wall: Wall
    why: str


_UNENFORCED: Condition = "no NetworkPolicy engine"
_PLATFORM = "It says how the platform is, and takes nothing; the platform's NetworkPolicies admit whom it is for."
_ROWS: tuple[tuple[str, Condition, Wall, str], ...] = (
    ("MA111", _UNENFORCED, "NetworkPolicy",
     "15021 says whether the proxy is ready, and nothing else; capture leaves it out."),
    ("MA116", _UNENFORCED, "NetworkPolicy", "15021 says whether the gateway is ready, and nothing else."),
    ("MA118", "always", "security group",
     "It is the node's, which no NetworkPolicy selects. The stack's own pods may not go there: MA725."),
    ("MA119", "always", "security group", "As MA118; a load balancer's health check may need it."),
    ("MA122", "always", "security group", "As MA118: the agent is on the node's network."),
    ("MA124", "always", "NetworkPolicy", "It says that it is well; kube-system is EKS's, and no policy closes it."),
    ("MA125", _UNENFORCED, "NetworkPolicy", _PLATFORM),
    ("MA126", "always", "NetworkPolicy",
     "A webhook answers whoever asks; what it says binds nobody but the API server, whose interfaces stand in the "
     "subnets of the pods: the policy admits both."),
    ("MA127", _UNENFORCED, "NetworkPolicy", "The collector has no sidecar: whoever reaches it can send it spans."),
    ("MA128", _UNENFORCED, "NetworkPolicy", _PLATFORM),
    ("MA211", "always", "policy",
     "A process may ask its own sidecar: they are one pod. It sees its own configuration, no key, and changes its own "
     "side only; what it may reach, the other side's proxy decides."),
    ("MA228", _UNENFORCED, "NetworkPolicy", _PLATFORM),
    ("MA231", "always", "NetworkPolicy",
     "As MA126. A webhook answers whoever asks: with the injection template, which holds no secret."),
    ("MA639", _UNENFORCED, "NetworkPolicy",
     "A gateway asks nobody for an identity, since an ALB has none; its NetworkPolicy admits the load balancer's "
     "subnets, and on AWS so does the security group of its pods' nodes."),
    ("MA704", "always", "security group",
     "A sidecar believes the name that TLS carries. Which addresses can be reached, the VPC decides."),
    ("MA705", "always", "sidecar",
     "What is inside an application's own TLS no proxy sees. Where the sidecar begins TLS itself it sees the host."),
    ("MA710", _UNENFORCED, "NetworkPolicy",
     "Istio's redirection leaves 15020 out in both directions; the NetworkPolicy admits declared ports only."),
    ("MA712", _UNENFORCED, "NetworkPolicy", "Istio captures TCP only: datagrams are the node's business."),
    ("MA713", _UNENFORCED, "NetworkPolicy", "As MA712."),
    ("MA714", _UNENFORCED, "NetworkPolicy", "As MA712."),
)  # fmt: skip
KNOWN: tuple[Known, ...] = tuple(
    Known(id=id, condition=condition, wall=wall, why=why) for id, condition, wall, why in _ROWS
)
