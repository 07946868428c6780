"""What succeeds all the same, each with the wall that stands in front of it elsewhere, and why it is so here.

An entry counts only where its condition holds, which a run finds out by an attempt and never by a stack's name. One
that is refused although it stands here is reported too: it may have become superfluous.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from meshops.attack.model import Wall

Condition = Literal["always", "no NetworkPolicy engine", "no DNS firewall"]
CONDITIONS: Mapping[Condition, str] = {
    "always": "everywhere",
    "no NetworkPolicy engine": "where a pod that a NetworkPolicy lets nowhere reaches the API server all the same",
    "no DNS firewall": "where the cluster's DNS looks up a name that nobody declared",
}


@dataclass(frozen=True, kw_only=True)
class Known:
    """wall: what stops it where the condition does not hold; why: what it means that it succeeds."""

    id: str
    condition: Condition
    wall: Wall
    why: str


_UNENFORCED = "no NetworkPolicy engine"
KNOWN: tuple[Known, ...] = (
    Known(
        id="MA110", condition=_UNENFORCED, wall="NetworkPolicy",
        why="The kubelet's probes need 15020, which capture leaves out; the default-deny admits nobody else.",
    ),
    Known(
        id="MA111", condition=_UNENFORCED, wall="NetworkPolicy",
        why="15021 says whether the proxy is ready, and nothing else; capture leaves it out.",
    ),
    Known(
        id="MA211", condition="always", wall="policy",
        why="A process may ask its own sidecar: they are one pod. It can see its own configuration, no key, and "
            "change its "
        "own side only; what it may reach, the other side's proxy decides.",
    ),
    Known(
        id="MA704", condition="always", wall="security group",
        why="A sidecar believes the name that TLS carries. Which addresses can be reached, the VPC decides.",
    ),
    Known(
        id="MA712", condition=_UNENFORCED, wall="NetworkPolicy",
        why="Istio captures TCP only: datagrams are the node's business.",
    ),
    Known(id="MA713", condition=_UNENFORCED, wall="NetworkPolicy", why="As MA712."),
    Known(id="MA714", condition=_UNENFORCED, wall="NetworkPolicy", why="As MA712."),
)  # fmt: skip
