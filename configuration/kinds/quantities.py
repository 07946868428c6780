"""Amounts of processor and memory, in the forms in which a person means what he writes."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from configuration.problems import rejection

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_UNITS: dict[str, int] = {
    "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_MEMORY = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(k|M|G|T|Ki|Mi|Gi|Ti)", re.ASCII)
_CPU = re.compile(r"(\d{1,6})m|(\d{1,3}(?:\.\d{1,3})?)", re.ASCII)


def bytes_of(memory: str) -> Decimal:
    """`256Mi` in bytes. memory: a `Memory`."""
    found = _MEMORY.fullmatch(memory)
    if found is None:
        raise ValueError(f"{memory!r} is not an amount of memory")
    return Decimal(found[1]) * _UNITS[found[2]]


def _memory(value: str) -> str:
    # Kubernetes takes "128" (bytes) and "128m" (an eighth of a byte) as well: no container starts with either.
    if not _MEMORY.fullmatch(value) or bytes_of(value) < 2**20:
        raise rejection(
            "It must be an amount of memory with its unit, a MiB at least.",
            'Write it as "256Mi" or "2Gi"; "m" would be thousandths of a byte.',
        )
    return value


def _cpu(value: str) -> str:
    found = _CPU.fullmatch(value)
    if not found or not Decimal(found[1] or found[2]):
        raise rejection(
            "It must be an amount of processor above zero: thousandths, or whole ones with at most three decimals.",
            'Write it as "250m" or "2".',
        )
    return value


def _as_text(value: Any) -> Any:
    # `cpu: 2` in YAML is a number, and means what it says.
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}"
    return value


Cpu = Annotated[str, BeforeValidator(_as_text), AfterValidator(_cpu)]
Memory = Annotated[str, AfterValidator(_memory)]
