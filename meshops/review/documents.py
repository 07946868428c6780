"""The changed resources of two plans, sorted by what they are for, and told in as few lines as say all of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from changes.comparison import Change, Comparison, name_of, type_of
from meshops.review.text import LONGEST, both, code, counted, listed

NAMES, FIELDS = 12, 30
"""Of resources that change alike, and of one resource; the whole review has all of them."""
WALLS = 10
"""So many times as much of walls: what is left out of these could be what somebody wanted to hide."""

_WALLS = frozenset(
    {
        *("AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication", "NetworkPolicy", "Sidecar"),
        *("ServiceEntry", "Gateway", "EnvoyFilter", "DestinationRule", "VirtualService", "WorkloadEntry"),
        *("WorkloadGroup", "WasmPlugin", "ProxyConfig", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"),
        *("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy"),
        *("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration", "Certificate", "Issuer", "ClusterIssuer"),
    }
)
_DOORS = frozenset(
    {
        *("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "EnvoyFilter", "WasmPlugin", "Gateway"),
        *("WorkloadEntry", "WorkloadGroup", "MutatingWebhookConfiguration", "MutatingAdmissionPolicy"),
    }
)
"""New ones of these open; new policies only close, unless a sentence says what they admit."""
_WALLS_OF_AWS = (
    "aws:iam/",
    "aws:wafv2/",
    "aws:vpc/securityGroup",
    "aws:ec2/securityGroup",
    "aws:ec2/defaultSecurityGroup",
    "aws:ec2/networkAcl",
    "aws:ec2/vpcEndpoint",
    "aws:route53/resolverFirewall",
    "aws:eks/accessEntry",
    "aws:eks/accessPolicyAssociation",
    "aws:kms/",
    "aws:sqs/queuePolicy",
    "aws:s3/bucketPolicy",
    "aws:s3/bucketPublicAccessBlock",
)
_WORDS = re.compile(
    r"securityContext|serviceAccountName|automountServiceAccountToken|host(?:Network|PID|IPC|Path)|istio\.io"
    r"|istio-injection|pod-security|admission|meshConfig|endpointP|publicAccess|encryption|deletionProtection"
    r"|alb\.ingress\.kubernetes\.io|aws-load-balancer|loadBalancerSourceRanges|[Mm]etadataOptions|httpTokens"
)
"""Fields of any other resource that are a wall's."""
_METADATA = ("inputs.metadata.labels", "inputs.metadata.annotations", "inputs.tags")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Resources that change alike. names: `<type> <name>`."""

    keys: tuple[str, ...]
    changes: tuple[Change, ...]


def walls(comparison: Comparison) -> dict[str, tuple[Change, ...]]:
    """Of what is changed, the fields that decide who may do what."""
    found: dict[str, tuple[Change, ...]] = {}
    for key, changes in comparison.changed.items():
        mine = tuple(change for change in changes if _is_wall(type_of(key), change.path))
        if mine:
            found[key] = mine
    return found


def doors(comparison: Comparison) -> tuple[str, ...]:
    """The new resources that give somebody something, and of which no sentence tells."""
    return tuple(
        key
        for key in comparison.added
        if type_of(key).startswith(_WALLS_OF_AWS) or type_of(key).rpartition(":")[2] in _DOORS
    )


def rest(comparison: Comparison) -> dict[str, tuple[Change, ...]]:
    """What changes and is no wall's."""
    waiting = set(comparison.waiting)
    found: dict[str, tuple[Change, ...]] = {}
    for key, changes in comparison.changed.items():
        mine = tuple(
            change
            for change in changes
            if not _is_wall(type_of(key), change.path) and not change.path.startswith("depends_on")
        )
        if mine and key not in waiting:
            found[key] = mine
    return found


def grouped(changed: Mapping[str, tuple[Change, ...]]) -> tuple[Group, ...]:
    """Resources with the very same changes together, in the order of the plan."""
    together: dict[tuple[Change, ...], list[str]] = {}
    for key, changes in changed.items():
        together.setdefault(changes, []).append(key)
    return tuple(Group(keys=tuple(keys), changes=changes) for changes, keys in together.items())


def told(group: Group, *, whole: bool, times: int = 1) -> list[str]:
    """A group as a Markdown list. whole: every name and value, however long; times: so many names and fields."""
    limit = 100_000 if whole else LONGEST
    shown = group.changes if whole else group.changes[: FIELDS * times]
    lines = [
        f"- {_names(group.keys, most=len(group.keys) if whole else NAMES * times)}",
        *(f"  - {_change(change, limit=limit)}" for change in shown),
    ]
    left = len(group.changes) - len(shown)
    return [*lines, f"  - **and {counted(left, 'field')} more, in the whole review**"] if left else lines


def by_type(keys: Iterable[str], *, whole: bool) -> Iterator[str]:
    """Resources that come or go: a line for each type."""
    types: dict[str, list[str]] = {}
    for key in keys:
        types.setdefault(type_of(key), []).append(name_of(key))
    for type_, names in types.items():
        most = len(names) if whole else NAMES
        yield f"- {counted(len(names), 'resource')} of type {code(type_)}: {listed(names, most=most)}"


def component_of(key: str) -> str:
    """The component of the program that a resource belongs to: `Network`, `MeshPolicies`; empty for the stack's own."""
    chain = key.partition("::")[0].split("$")
    mine = [part.rpartition(":")[2] for part in chain[:-1] if part.startswith("mesh:")]
    if not mine:
        return ""
    # It becomes a heading, where no code span is: what no class is called is not repeated.
    return mine[-1] if re.fullmatch(r"[A-Za-z0-9]{1,60}", mine[-1]) else "a component with an odd name"


def _is_wall(type_: str, path: str) -> bool:
    if path.startswith(("depends_on", "options.aliases", "parent", "provider")) or path.endswith('/tags"]'):
        return False
    if _kind_is_wall(type_) and not path.startswith(_METADATA):
        return True
    return _WORDS.search(path) is not None or path.startswith(("options.protect", "options.ignore_changes"))


def _kind_is_wall(type_: str) -> bool:
    return type_.startswith(_WALLS_OF_AWS) or (
        type_.startswith("kubernetes:") and type_.rpartition(":")[2].removesuffix("Patch") in _WALLS
    )


def _names(keys: tuple[str, ...], *, most: int) -> str:
    if len(keys) == 1:
        return f"{code(name_of(keys[0]))} ({code(type_of(keys[0]))})"
    types: dict[str, list[str]] = {}
    for key in keys:
        types.setdefault(type_of(key), []).append(name_of(key))
    parts = [f"{len(names)} {code(type_)}: {listed(names, most=most)}" for type_, names in types.items()]
    if len(parts) > most // 2:
        parts = [*parts[: most // 2], f"{len(parts) - most // 2} more types"]
    return f"**{len(keys)} resources alike**: {'; '.join(parts)}"


def _change(change: Change, *, limit: int) -> str:
    path = code(change.path, limit=limit)
    if change.old is None:
        return f"{path}: {code(change.new or '', limit=limit)}; before: not set"
    if change.new is None:
        return f"{path}: taken away; before: {code(change.old, limit=limit)}"
    old, new = both(change.old, change.new, limit=limit)
    return f"{path}: {code(new, limit=limit)}; before: {code(old, limit=limit)}"
