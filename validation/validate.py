"""Validates everything a program registered, offline: what a real preview would let through and an API server refuse.

A preview of a cluster that does not exist yet checks nothing inside it. So the plan checks each object against its
schema (`validation.schemas`), its names (`validation.names`), what it refers to (`validation.references`) and the few
rules of the mesh that no schema knows; and each add-on of EKS against its own (`validation.addons`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from offline.objects import KubernetesObject, kubernetes_objects, releases
from offline.registration import Registration
from validation import addons, alb, schemas
from validation import names as validation_names
from validation import references as validation_references
from validation.findings import Finding, field_path, shown
from validation.port_names import names_protocol
from validation.references import Workload
from validation.tls_modes import without_mode


def validate(registrations: Sequence[Registration], *, elsewhere: Iterable[Workload] = ()) -> tuple[Finding, ...]:
    """Every finding, in registration order; empty if an API server would take it all.

    elsewhere: workloads that another pipeline deploys, which selectors may therefore name
    """
    objects = kubernetes_objects(registrations)
    findings = [*_duplicate_urns(registrations), *_duplicate_objects(objects)]
    for registration in registrations:
        findings += addons.check(registration)
    for item in objects:
        findings += schemas.check(item)
        findings += validation_names.check(item)
        findings += _mesh_rules(item)
    findings += validation_references.check(objects, releases(registrations), tuple(elsewhere))
    return tuple(findings)


def _duplicate_urns(registrations: Iterable[Registration]) -> Iterator[Finding]:
    for urn, count in Counter(registration.urn for registration in registrations).items():
        if count > 1:
            kind, name = urn.split("::")[2:4]
            yield Finding(
                subject=urn,
                field="urn",
                value=f"{kind}::{name}",
                rule=f"{count} resources have this URN; logical names are unique for each type and parent.",
            )


def _duplicate_objects(objects: Iterable[KubernetesObject]) -> Iterator[Finding]:
    first: dict[tuple[str, str | None, str], KubernetesObject] = {}
    for item in objects:
        if item.patch:
            continue
        earlier = first.setdefault((item.group_kind, item.namespace, item.name), item)
        if earlier is not item:
            yield Finding(
                subject=str(item),
                field="metadata.name",
                value=item.name,
                rule=f"The same object is registered twice, as {earlier.urn} and as {item.urn}.",
            )


def _mesh_rules(item: KubernetesObject) -> Iterator[Finding]:
    """What the API server would take, and Istio or the load balancer controller not, or do something else with."""
    if item.kind == "Service":
        yield from _service_ports(item)
    elif item.kind == "DestinationRule":
        yield from _destination_rule(item)
    elif item.kind == "Ingress" and item.at("spec", "ingressClassName") == "alb":
        yield from _load_balancer(item)


def _service_ports(item: KubernetesObject) -> Iterator[Finding]:
    for position, port in enumerate(item.at("spec", "ports") or ()):
        name, protocol = port.get("name", ""), port.get("appProtocol", "")
        field = f"spec.ports[{position}]"
        if not name:
            rule = "A port has a name: Istio takes its protocol from there, and NetworkPolicies refer to it."
            yield Finding(subject=str(item), field=f"{field}.name", value="(not set)", rule=rule)
        # 15021 is the gateway's own health port, which never passes a sidecar's protocol selection.
        elif not protocol and not names_protocol(name) and port.get("port") != 15021:
            rule = "Istio cannot tell the protocol: begin the name with one (http-…, grpc-…) or set appProtocol."
            yield Finding(subject=str(item), field=f"{field}.name", value=name, rule=rule)


_NO_TLS = (
    "A DestinationRule replaces the mesh-wide one whole and inherits nothing: without tls.mode, mTLS is only attempted."
)


def _destination_rule(item: KubernetesObject) -> Iterator[Finding]:
    for path in without_mode(item.at("spec") or {}):
        steps = ("spec", "trafficPolicy", "tls", "mode")
        value = shown(item.content, steps) if path == ".".join(steps) else "(not set)"
        yield Finding(subject=str(item), field=path, value=value, rule=_NO_TLS)


def _load_balancer(item: KubernetesObject) -> Iterator[Finding]:
    annotations = item.at("metadata", "annotations") or {}
    for name in alb.unknown_names(annotations):
        rule = "The load balancer controller knows no such annotation and passes over it."
        steps = ("metadata", "annotations", f"{alb.PREFIX}/{name}")
        yield Finding(subject=str(item), field=field_path(steps), value=shown(item.content, steps), rule=rule)
    try:
        alb.read(annotations)
    except alb.Refused as refused:
        steps = ("metadata", "annotations", f"{alb.PREFIX}/{refused.annotation}")
        rule = f"The load balancer controller or AWS would refuse it: {refused.rule}"
        yield Finding(subject=str(item), field=field_path(steps), value=shown(item.content, steps), rule=rule)
