"""What a stack registers, recorded once for all contract tests."""

from __future__ import annotations

import functools
import json
from typing import Any

import yaml

from configuration.settings import PROJECT
from meshops.plan import plan
from meshops.plan.plan import Plan
from offline.objects import KubernetesObject, kubernetes_objects, releases
from offline.stack_files import read_stack
from offline.values import revealed
from tests import ROOT

_MESH = f"{PROJECT}:mesh"
STACKS = ("dev", "prod", "lab")


@functools.cache
def plan_of(stack: str) -> Plan:
    return plan.make(stack, directory=ROOT)


@functools.cache
def plan_beside(stack: str, version: str) -> Plan:
    """The plan of a stack with a second control plane of this version of Istio."""
    config = read_stack(ROOT, stack).config
    mesh = {**json.loads(str(config.get(_MESH, "{}"))), "secondIstioVersion": version}
    return plan.make(stack, directory=ROOT, config={**config, _MESH: json.dumps(mesh)})


def objects_of(stack: str) -> tuple[KubernetesObject, ...]:
    return kubernetes_objects(plan_of(stack).run.registrations)


def releases_of(stack: str, *, beside: str = "") -> dict[str, dict[str, Any]]:
    """Release name -> its inputs. beside: a version of Istio, of which there is a second control plane then."""
    made = plan_beside(stack, beside) if beside else plan_of(stack)
    return {str(release.inputs["name"]): revealed(release.inputs) for release in releases(made.run.registrations)}


def documents(stack: str) -> str:
    """All objects of a stack as one YAML stream, namespaces first as the program has them."""
    return yaml.safe_dump_all([revealed(dict(item.content)) for item in objects_of(stack)], sort_keys=False)
