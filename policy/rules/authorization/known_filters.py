"""MR409: No EnvoyFilter but the program's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from manifests.envoy_filters import envoy_filters
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack


@rule(
    "MR409",
    "Authorization",
    title="No EnvoyFilter but the program's own.",
    why="It rewrites a proxy's configuration below every policy: it can take away the filter that refuses, and no "
    "other rule would see it.",
    source="https://istio.io/latest/docs/reference/config/networking/envoy-filter/",
    severity="critical",
    remedy="Write it in manifests/envoy_filters.py with its reason; its tests run a real Envoy.",
    about=("EnvoyFilter",),
)
def known_filters(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    known = _known().get((resource.namespace, resource.object_name))
    if known is None:
        yield Flaw(field="metadata.name", value=resource.object_name)
    elif resource.at("spec") != known:
        yield Flaw(field="spec", value="(changed)", says="it is not what manifests/envoy_filters.py says")


@cache
def _known() -> dict[tuple[str, str], Any]:
    return {(one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"] for one in envoy_filters()}
