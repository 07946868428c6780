"""What the policies that are tried out would have refused: real requests, by caller, method, path and policy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from meshops.checks.model import Table
from meshops.verify.access_log import LogLine
from meshops.waves.traffic import Window

_DENIED = "denied"
_RULE = re.compile(r"ns\[(?P<namespace>[^\]]+)\]-policy\[(?P<policy>[^\]]+)\]-rule\[(?P<rule>\d+)\]")
NO_RULE = "no rule of it allows this"


@dataclass(frozen=True, kw_only=True, order=True)
class Refusal:
    """callee: `namespace/application`. policy: the rule that would refuse, or that none of the callee's would allow."""

    callee: str
    caller: str
    method: str
    path: str
    policy: str


def judged(line: LogLine) -> bool:
    """Whether a policy that is tried out was asked about it."""
    return bool(line.shadow_allow or line.shadow_deny or line.shadow_connection)


def refusals(window: Window, namespace: str) -> Counter[Refusal]:
    """Each with how many requests it would have hit."""
    return Counter(_refusals(window, namespace))


def _refusals(window: Window, namespace: str) -> Iterator[Refusal]:
    for line in window.inbound(namespace):
        if _DENIED in (line.shadow_allow, line.shadow_deny, line.shadow_connection):
            yield Refusal(
                callee=f"{line.namespace}/{line.application}",
                caller=window.caller(line),
                method=line.method or line.protocol or "TCP",
                path=line.path,
                policy=_policy(line),
            )


def _policy(line: LogLine) -> str:
    if line.shadow_deny == _DENIED and (match := _RULE.search(line.shadow_deny_policy)):
        return f"{match['namespace']}/{match['policy']} rule {match['rule']}"
    return f"{line.namespace}/{line.application}: {NO_RULE}"


def as_table(found: Counter[Refusal]) -> Table:
    """The most frequent first."""
    ranked = sorted(found.items(), key=lambda entry: (-entry[1], entry[0]))
    return Table(
        header=("Requests", "Caller", "Callee", "Method", "Path", "Policy"),
        rows=tuple(
            (str(count), one.caller, one.callee, one.method, one.path or "-", one.policy) for one, count in ranked
        ),
    )
