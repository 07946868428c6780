"""From a stack's flat configuration to its settings: every problem at once, or a value that is valid as a whole."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr, TypeAdapter

from configuration import rules
from configuration.kinds.keys import AWS_KEYS, unread
from configuration.kinds.leaves import unreadable
from configuration.kinds.secrets import SECRETS, misplaced, sealed
from configuration.names import REFUSED_NAME, DeclaredNames
from configuration.problems import Problem, SettingsError
from configuration.salvage import SalvagingReader
from configuration.settings import PROJECT, Settings


def parse(stack: str, config: Mapping[str, Any]) -> Settings:
    """Validates a stack's configuration.

    config: `{"aws:region": …, "zero-trust-mesh:network": …}`, structured values as such or as JSON text, the way
    the engine hands them over; what the engine holds encrypted is a `SecretStr` of that. Raises `SettingsError`, which
    never shows a secret.
    """
    raw, problems = _tree(config)
    if problems:
        # Whatever follows would trip over them.
        raise SettingsError(stack, problems)
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
    ("region",): "eu-west-1",
    ("environment",): "none",
    ("network",): {},
    ("network", "existing", "vpcId"): "vpc-00000000",
    ("cluster",): {"name": "none"},
    ("cluster", "name"): "none",
    ("loadBalancer",): {"domain": "none.invalid"},
    ("loadBalancer", "domain"): "none.invalid",
    ("namespaces", "name"): REFUSED_NAME,
    ("namespaces", "phase"): "permissive",
    ("namespaces", "applications", "name"): REFUSED_NAME,
}


def _tree(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The flat configuration of the engine as one tree, and what in it nothing reads, or nothing can.

    What is left empty counts as not set.
    """
    tree: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        problem = unread(key, value) or misplaced(key, value)
        if problem is not None:
            problems.append(problem)
        elif isinstance(value, SecretStr) and namespace == PROJECT:
            tree[SECRETS] = sealed(decoded(value.get_secret_value()))
        elif namespace == PROJECT:
            tree[name] = decoded(value)
        elif key in AWS_KEYS:
            tree[AWS_KEYS[key]] = decoded(value)
    problems += unreadable(tree)
    if problems:
        return {}, problems
    # A copy: reading cuts refused values out, and the caller's tree is not ours to change.
    return {name: copy.deepcopy(value) for name, value in tree.items() if value not in ("", None)}, []


def decoded(value: Any) -> Any:
    """An object or a list as the engine hands it over, which is as JSON text; anything else as it is."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            return value  # the section's own type refuses it, with the text that stands there
    return value
