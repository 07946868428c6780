"""Every check, in the order of its id."""

from __future__ import annotations

from types import ModuleType

from meshops.verify.check import ClusterCheck
from meshops.verify.checks import (
    admission,
    analysis,
    authorization,
    autoscalers,
    client,
    documents,
    egress,
    environments,
    gateway,
    mtls,
    network,
    pods,
    ports,
    private,
    revisions,
    rules,
    users,
)

MODULES: tuple[ModuleType, ...] = (
    client,
    gateway,
    mtls,
    authorization,
    egress,
    pods,
    ports,
    network,
    private,
    revisions,
    rules,
    documents,
    analysis,
    admission,
    users,
    autoscalers,
    environments,
)


def _checks() -> tuple[ClusterCheck, ...]:
    # By module and name: a check cannot be written and forgotten.
    found = [value for module in MODULES for value in vars(module).values() if isinstance(value, ClusterCheck)]
    return tuple(sorted(found, key=lambda check: check.id))


CHECKS: tuple[ClusterCheck, ...] = _checks()
