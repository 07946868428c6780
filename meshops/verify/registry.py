"""Every check, in the order of its id."""

from __future__ import annotations

from types import ModuleType

from meshops.verify.checks import authorization, client, documents, egress, gateway, mtls, pods, ports, rules
from meshops.verify.result import Check

MODULES: tuple[ModuleType, ...] = (
    client,
    gateway,
    mtls,
    authorization,
    egress,
    pods,
    ports,
    rules,
    documents,
)


def _checks() -> tuple[Check, ...]:
    # By module and name: a check cannot be written and forgotten.
    found = [value for module in MODULES for value in vars(module).values() if isinstance(value, Check)]
    return tuple(sorted(found, key=lambda check: check.id))


CHECKS: tuple[Check, ...] = _checks()
