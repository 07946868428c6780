"""From answers to the report: what each attempt's steps came to, and what the list of known ones makes of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from meshops.attack.ground import Ground
from meshops.attack.judging import outcome
from meshops.attack.known import CONDITIONS, KNOWN, Condition, Known
from meshops.attack.model import Answer, Attempt, Entry, Outcome, Step
from meshops.checks.model import Result, Verdict

_SHOWN = 12
Exchange = tuple[Step, Answer]


def result(
    entry: Entry, exchanges: Sequence[Exchange], ground: Ground, *, conditions: Collection[Condition],
    known: Mapping[str, Known] | None = None,
) -> Result:  # fmt: skip
    """conditions: those that hold on this cluster."""
    found = [(step, outcome(entry.judge, ground, step, answer)) for step, answer in exchanges]
    if isinstance(entry, Attempt):
        listed = (known if known is not None else {item.id: item for item in KNOWN}).get(entry.id)
        return Result(check=entry, verdict=_of_attempt(entry, found, listed, conditions))
    return Result(check=entry, verdict=_of_legitimate(found))


def _of_attempt(
    entry: Attempt, found: Sequence[tuple[Step, Outcome]], listed: Known | None, conditions: Collection[Condition]
) -> Verdict:
    evidence = _evidence(found, good="refused")
    worked = [item for _, item in found if item.result == "succeeded"]
    holds = listed is not None and listed.condition in conditions
    if worked:
        finding = f"SUCCEEDED, {len(worked)} of {len(found)}: {worked[0].why}"
        if holds and listed is not None:
            return Verdict(
                status="listed", finding=f"{finding} -- listed: {listed.wall}. {listed.why}", evidence=evidence
            )
        return Verdict(status="fail", finding=finding, evidence=evidence)
    if missing := [item for _, item in found if item.result == "unknown"]:
        return Verdict(
            status="unknown", finding=f"{len(missing)} of {len(found)} unknown: {missing[0].why}", evidence=evidence
        )
    common = Counter(item.why for _, item in found).most_common(1)
    finding = f"refused, {len(found)} of {len(found)}: {common[0][0] if common else 'nothing was sent'}"
    if holds and listed is not None:
        finding += f" -- though it is listed as one that succeeds {CONDITIONS[listed.condition]}"
    return Verdict(status="pass", finding=finding, evidence=evidence)


def _of_legitimate(found: Sequence[tuple[Step, Outcome]]) -> Verdict:
    evidence = _evidence(found, good="succeeded")
    refused = [item for _, item in found if item.result == "refused"]
    if refused:
        return Verdict(
            status="fail", finding=f"{len(refused)} of {len(found)} refused: {refused[0].why}", evidence=evidence
        )
    if missing := [item for _, item in found if item.result == "unknown"]:
        return Verdict(status="unknown", finding=missing[0].why, evidence=evidence)
    return Verdict(status="pass", finding=f"{len(found)} of {len(found)}: {found[0][1].why}", evidence=evidence)


def _evidence(found: Sequence[tuple[Step, Outcome]], *, good: str) -> tuple[str, ...]:
    """What was sent and what came back; what went wrong first, and not thousands of lines of what did not."""
    bad = [(step, item) for step, item in found if item.result != good]
    rest = [(step, item) for step, item in found if item.result == good]
    lines = [f"{item.result}: {step.said} -> {item.why}" for step, item in bad[: 4 * _SHOWN]]
    lines += [f"ok: {step.said} -> {item.why}" for step, item in rest[:_SHOWN]]
    left = len(found) - len(lines)
    return (*lines, f"ok: and {left} more") if left > 0 else tuple(lines)
