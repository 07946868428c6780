"""The stack's configuration: read once, validated whole, frozen. The only reader of `pulumi.Config`.

    settings = load()

`parse` does the same for a plain mapping, without Pulumi: meshops and the tests use it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Annotated, Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env
from pydantic import Field, StringConstraints, TypeAdapter

from configuration import rules
from configuration.applications import Namespace
from configuration.cluster import Cluster
from configuration.load_balancer import LoadBalancer
from configuration.mesh import Certificates, Gateway, Mesh, Observability
from configuration.names import REFUSED_NAME, DeclaredNames
from configuration.network import Network
from configuration.problems import SettingsError
from configuration.salvage import SalvagingReader
from configuration.section import section
from configuration.values import ImageRegistry

PROJECT = "zero-trust-mesh"


@section
class Settings:
    """Everything a stack says, valid as a whole."""

    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    """`aws:region`, e.g. eu-west-1."""
    profile: str | None = None
    """`aws:profile`; named in the kubeconfig too, so that laptops and CI produce the same one."""
    environment: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    """A tag on every AWS resource and every trace, e.g. `prod`."""
    tags: dict[str, str] = Field(default_factory=dict)
    network: Network
    cluster: Cluster
    mesh: Mesh = Mesh()
    gateway: Gateway = Gateway()
    certificates: Certificates = Certificates()
    load_balancer: LoadBalancer
    observability: Observability = Observability()
    image_registry: ImageRegistry | None = None
    """Every image of every chart and application comes from here; nothing names a public registry then."""
    namespaces: tuple[Namespace, ...] = ()


def load() -> Settings:
    """Reads the settings of the stack that is running.

    Raises `pulumi.RunError` with every problem at once, before any resource is registered.
    """
    try:
        return parse(pulumi.get_stack(), {**get_config_env(), **CONFIG.get()})
    except SettingsError as error:
        # The one exception that the language host prints as it is, without a traceback.
        raise pulumi.RunError(str(error)) from None


def parse(stack: str, config: Mapping[str, Any]) -> Settings:
    """Validates a stack's configuration.

    config: `{"aws:region": …, "zero-trust-mesh:network": …}`, structured values as such or as JSON text, the way
    the engine hands them over. Raises `SettingsError`.
    """
    raw = _tree(config)
    names = DeclaredNames.of(raw)
    reader = SalvagingReader(TypeAdapter(Settings), placeholders=_PLACEHOLDERS)
    settings, problems = reader.read(raw)
    if settings is not None:
        refused = tuple(problem.path for problem in problems)
        problems += rules.check(settings, names=names, refused=refused)
    if problems or settings is None:
        raise SettingsError(stack, problems)
    return settings


# What stands in for a refused value of a setting that has no default, while the rest is being checked.
_PLACEHOLDERS: dict[tuple[str, ...], Any] = {
    ("region",): "xx-none-1",
    ("environment",): "none",
    ("network",): {},
    ("cluster",): {"name": "none"},
    ("cluster", "name"): "none",
    ("loadBalancer",): {"domain": "none.invalid"},
    ("loadBalancer", "domain"): "none.invalid",
    ("namespaces", "name"): REFUSED_NAME,
    ("namespaces", "phase"): "permissive",
    ("namespaces", "applications", "name"): REFUSED_NAME,
}


def _tree(config: Mapping[str, Any]) -> dict[str, Any]:
    """The flat configuration of the engine as one tree; what is left empty counts as not set."""
    tree: dict[str, Any] = {}
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        if namespace == PROJECT:
            tree[name] = _decode(value)
        elif key in ("aws:region", "aws:profile"):
            tree[name] = value
    return {name: value for name, value in tree.items() if value not in ("", None)}


def _decode(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value  # the section's own type refuses it, with the text that stands there
    # A copy: reading cuts refused values out, and the caller's tree is not ours to change.
    return copy.deepcopy(value)
