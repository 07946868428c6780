"""Rules of who gets into the cluster, and where to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from configuration.applications import RESERVED_NAMESPACES
from configuration.breaches import Breach, breach
from configuration.settings import Settings


def somebody_administers_the_cluster(settings: Settings) -> Iterator[Breach]:
    cluster = settings.cluster
    if not cluster.existing and not any(
        entry.policy == "ClusterAdmin" and not entry.namespaces for entry in cluster.access
    ):
        yield breach(
            "cluster.access",
            [entry.principal_arn for entry in cluster.access],
            "Nobody is ClusterAdmin, and who creates a cluster has no access by that: `up` would be refused at its "
            "first Kubernetes object.",
            "Give ClusterAdmin to the principal that runs `up`; `meshops preflight` says which one you are.",
        )


def access_is_given_once(settings: Settings) -> Iterator[Breach]:
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(settings.cluster.access):
        key = (entry.principal_arn, entry.policy)
        if key in seen:
            yield breach(
                f"cluster.access[{index}]",
                entry.principal_arn,
                f"This principal has {entry.policy} already: EKS keeps one entry per principal and policy.",
                "Merge the two, with the namespaces of both.",
            )
        seen.add(key)


def access_is_to_namespaces_that_are_there(settings: Settings) -> Iterator[Breach]:
    known = {namespace.name for namespace in settings.namespaces}
    for index, entry in enumerate(settings.cluster.access):
        for namespace in entry.namespaces:
            if namespace in known:
                continue
            if entry.policy in ("Edit", "View"):
                yield breach(
                    f"cluster.access[{index}].namespaces",
                    namespace,
                    f"{entry.policy} is a role of the program's own, which it binds in the stack's namespaces; this is "
                    "none of them.",
                    f"Name a namespace of the stack ({', '.join(sorted(known)) or 'it has none'}).",
                    "namespaces",
                )
            elif namespace not in RESERVED_NAMESPACES:
                # EKS takes any name: nobody would notice that the access leads nowhere, or later into another's.
                yield breach(
                    f"cluster.access[{index}].namespaces",
                    namespace,
                    "It is no namespace of the stack and none of the platform: the access would lead nowhere.",
                    f"Name one of {', '.join((*sorted(known), *RESERVED_NAMESPACES))}.",
                    "namespaces",
                )


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    somebody_administers_the_cluster,
    access_is_given_once,
    access_is_to_namespaces_that_are_there,
)
