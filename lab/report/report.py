"""The report at the end of `make lab`: pure over what `inspection` found. A failed line makes the exit code 1.

That the mesh holds is not its business: `meshops verify` proves that, right after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from lab.build.pins import DIFFERENCES
from lab.cluster.overrides import OVERRIDES
from lab.engine.engine import LabEngine
from lab.load_balancer.report import Standing
from lab.report.inspection import Inspection
from meshops.checks.model import Table
from meshops.checks.text import Style, table_lines

LineStatus = Literal["ok", "failed", "note"]
Section = Literal["From the cluster", "What stands in", "How the lab differs from the stack"]


_INDENT = " " * 9


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the report, and what supports it. A note has no verdict: it says what is not the real thing."""

    status: LineStatus
    title: str
    text: str
    details: tuple[str, ...] = ()
    section: Section = "From the cluster"


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What the engine did, to compare the cluster with.

    kinds: kind -> how many objects; releases: `<namespace>/<name>`
    real, recorded: AWS type -> how many; balancers: a line for each load balancer
    images: pattern of an image that is not its own program -> what plays it
    """

    kinds: Mapping[str, int]
    releases: tuple[str, ...]
    real: Mapping[str, int]
    recorded: Mapping[str, int]
    endpoint_url: str
    balancers: tuple[str, ...]
    images: Mapping[str, str]


def applied_by(
    engine: LabEngine, endpoint_url: str, standings: Iterable[Standing], images: Mapping[str, str]
) -> Applied:
    """What an engine that has ended did."""
    real: Counter[str] = Counter()
    for change in ("created", "unchanged", "updated"):
        real.update(engine.account.types(change))
    return Applied(
        kinds=engine.records.kinds(),
        releases=engine.records.release_names(),
        real=dict(sorted(real.items())),
        recorded=engine.account.types("recorded"),
        endpoint_url=endpoint_url,
        balancers=tuple(map(str, standings)),
        images=images,
    )


def compose(found: Inspection, applied: Applied) -> tuple[Line, ...]:
    """Every line, in the order a person reads them."""
    return (
        _charts(found, applied),
        _objects(found, applied),
        *_preflight(found),
        *_stand_ins(applied),
        *_differences(),
    )


def failed(lines: tuple[Line, ...]) -> bool:
    return any(line.status == "failed" for line in lines)


def render(lines: tuple[Line, ...], *, style: Style | None = None) -> str:
    style = style or Style()
    marks = {"ok": style.paint("ok    ", "32"), "failed": style.paint("FAILED", "1;31"), "note": "-     "}
    text: list[str] = []
    section = ""
    for line in lines:
        if line.section != section:
            section = line.section
            text += ["", style.paint(section, "1")] if text else [style.paint(section, "1")]
        text.append(f"{marks[line.status]} {style.paint(line.title, '1')}: {line.text}")
        text += [_INDENT + style.paint(detail, "2") for detail in line.details]
    return "\n".join(text)


def _charts(found: Inspection, applied: Applied) -> Line:
    rows = tuple(
        (f"{chart.namespace}/{chart.release}", chart.chart, f"revision {chart.revision}", chart.status)
        for chart in found.charts
    )
    deployed = {f"{chart.namespace}/{chart.release}" for chart in found.charts if chart.status == "deployed"}
    missing = [name for name in applied.releases if name not in deployed]
    details = tuple(table_lines(Table(header=("", "", "", ""), rows=rows))) if rows else ()
    if missing or not rows:
        return Line(
            status="failed", title="charts", text=f"not deployed: {', '.join(missing) or 'any'}", details=details
        )
    return Line(status="ok", title="charts", text=f"{len(rows)} deployed, by helm list", details=details)


def _objects(found: Inspection, applied: Applied) -> Line:
    total = sum(found.objects.values())
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.objects.items())
    wrong = [
        f"{kind}: {found.objects.get(kind, 0)} in the cluster, {applied.kinds.get(kind, 0)} registered"
        for kind in sorted({*found.objects, *applied.kinds})
        if found.objects.get(kind, 0) != applied.kinds.get(kind, 0)
    ]
    if wrong or not total:
        return Line(status="failed", title="objects", text="the cluster and the program disagree", details=tuple(wrong))
    text = f"{total} applied, counted in the cluster by their field manager"
    return Line(status="ok", title="objects", text=text, details=tuple(_wrapped(kinds)))


def _preflight(found: Inspection) -> Iterator[Line]:
    for result in found.preflight:
        verdict = result.verdict
        table = tuple(table_lines(verdict.table)) if verdict.table else ()
        remedy = (f"remedy: {result.remedy}",) if result.remedy else ()
        yield Line(
            status="ok" if verdict.status == "pass" else "failed",
            title=f"preflight {result.check.id}",
            text=verdict.finding,
            details=(*verdict.evidence, *table, *remedy),
        )


def _stand_ins(applied: Applied) -> Iterator[Line]:
    yield _stand_in(
        "AWS",
        f"moto at {applied.endpoint_url}, in memory; {sum(applied.real.values())} resources really exist in it",
        *_wrapped(_counted(applied.real)),
    )
    if applied.recorded:
        yield _stand_in(
            "AWS, recorded only",
            f"{sum(applied.recorded.values())} resources of types that nothing in the lab reads",
            *_wrapped(_counted(applied.recorded)),
        )
    yield _stand_in("hosted zone", "the settings' own exists in moto under an id of moto's choice, and is translated")
    for balancer in applied.balancers:
        yield _stand_in("load balancer", balancer)
    for pattern, played_by in applied.images.items():
        yield _stand_in(f"image {pattern}", played_by)


def _stand_in(title: str, text: str, *details: str) -> Line:
    return Line(status="note", title=title, text=text, details=details, section="What stands in")


def _differences() -> Iterator[Line]:
    for difference in DIFFERENCES:
        yield _difference(difference.part, difference.lab, f"in place of: {difference.real}")
    for override in OVERRIDES:
        yield _difference("chart value", str(override), f"because {override.reason}")


def _difference(title: str, text: str, *details: str) -> Line:
    return Line(status="note", title=title, text=text, details=details, section="How the lab differs from the stack")


def _counted(types: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {type_.rsplit(':', 1)[-1]}" for type_, count in types.items())


def _wrapped(text: str, width: int = 96) -> Iterator[str]:
    line = ""
    for word in text.split(", "):
        if line and len(line) + len(word) > width:
            yield line + ","
            line = word
        else:
            line = f"{line}, {word}" if line else word
    yield line
