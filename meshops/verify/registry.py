"""Every check, in the order of its id."""

from __future__ import annotations

from types import ModuleType

from meshops.verify import (
    checks_authorization,
    checks_client,
    checks_documents,
    checks_egress,
    checks_gateway,
    checks_mtls,
    checks_pods,
    checks_rules,
)
from meshops.verify.result import Check

MODULES: tuple[ModuleType, ...] = (
    checks_client,
    checks_gateway,
    checks_mtls,
    checks_authorization,
    checks_egress,
    checks_pods,
    checks_rules,
    checks_documents,
)


def _checks() -> tuple[Check, ...]:
    # By module and name: a check cannot be written and forgotten.
    found = [value for module in MODULES for value in vars(module).values() if isinstance(value, Check)]
    return tuple(sorted(found, key=lambda check: check.id))


CHECKS: tuple[Check, ...] = _checks()
