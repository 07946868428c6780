"""Which public hosts lose their DNS record between two plans while the gateway goes on serving them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from changes.plan_resources import Resources, inputs_of
from manifests.names import ISTIO_INGRESS

_RECORD = "aws:route53/record:Record"
_POLICY = "kubernetes:security.istio.io/v1:AuthorizationPolicy"


def lost(old: Resources, new: Resources) -> tuple[str, ...]:
    """Hosts, in the order of the old plan."""
    kept, served = {*_aliases(new)}, {*_served(new)}
    return tuple(host for host in _aliases(old) if host not in kept and host in served)


def _aliases(resources: Resources) -> Iterator[str]:
    """The names that lead to a load balancer: not a certificate's proof."""
    return (str(inputs["name"]) for inputs in inputs_of(resources, _RECORD) if inputs.get("aliases"))


def _served(resources: Resources) -> Iterator[str]:
    """What the gateway answers, by its own policy: the routes of a namespace that Git delivers are in no plan."""
    for inputs in inputs_of(resources, _POLICY):
        if inputs["metadata"].get("namespace") == ISTIO_INGRESS:
            for rule in (inputs.get("spec") or {}).get("rules") or ():
                yield from _hosts(rule)


def _hosts(rule: Mapping[str, Any]) -> Iterator[str]:
    for target in rule.get("to") or ():
        yield from target.get("operation", {}).get("hosts") or ()
    for condition in rule.get("when") or ():
        if condition.get("key") == "connection.sni":
            yield from condition.get("values") or ()
