"""What a stack registers, recorded once for all contract tests."""

from __future__ import annotations

import functools
from typing import Any

import yaml

from meshops.plan import plan
from meshops.plan.plan import Plan
from offline.objects import KubernetesObject, kubernetes_objects, releases
from offline.values import revealed
from tests import ROOT

STACKS = ("dev", "prod", "lab")


@functools.cache
def plan_of(stack: str) -> Plan:
    return plan.make(stack, directory=ROOT)


def objects_of(stack: str) -> tuple[KubernetesObject, ...]:
    return kubernetes_objects(plan_of(stack).run.registrations)


def releases_of(stack: str) -> dict[str, dict[str, Any]]:
    """Release name -> its inputs."""
    return {
        str(release.inputs["name"]): revealed(release.inputs) for release in releases(plan_of(stack).run.registrations)
    }


def documents(stack: str) -> str:
    """All objects of a stack as one YAML stream, namespaces first as the program has them."""
    return yaml.safe_dump_all([revealed(dict(item.content)) for item in objects_of(stack)], sort_keys=False)
