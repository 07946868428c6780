"""The report at the end of `make lab`: pure over what `inspection` found. A failed line makes the exit code 1."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from configuration.settings import Settings
from lab.build.pins import DIFFERENCES
from lab.cluster.overrides import OVERRIDES
from lab.report.inspection import Analysis, ApplicationPod, Inspection, IssuedCertificate
from meshops.checks.result import Table
from meshops.checks.text import Style, table_lines

LineStatus = Literal["ok", "failed", "note"]
Section = Literal["From the cluster", "What stands in", "How the lab differs from the stack"]


_INDENT = " " * 9


@dataclass(frozen=True, kw_only=True)
class Understood:
    """A finding of istioctl that is expected, and why it is no defect."""

    code: str
    origin: str
    message: str
    why: str

    def covers(self, finding: Analysis) -> bool:
        """origin and message are regular expressions, matched from the beginning."""
        return (
            self.code == finding.code
            and re.match(self.origin, finding.origin) is not None
            and re.match(self.message, finding.message) is not None
        )


UNDERSTOOD: tuple[Understood, ...] = (
    Understood(
        code="IST0174",
        origin=r"DestinationRule istio-system/",
        message=r"The host \*\.",
        why="istioctl looks a rule's host up among exact names only; istiod does match a wildcard",
    ),
    Understood(
        code="IST0102",
        origin=r"Namespace (cert-manager|observability|default)$",
        message="",
        why="not in the mesh on purpose",
    ),
    Understood(
        code="IST0118",
        origin=r"Service cert-manager/",
        message="",
        why="cert-manager's chart names its ports; it has no sidecar",
    ),
    Understood(
        code="IST0133",
        origin=r"EnvoyFilter istio-system/",
        message=r"EnvoyFilter exposes internal implementation details",
        why="it is said of every EnvoyFilter; manifests/envoy_filters.py says why Istio's own API does not do",
    ),
)


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

    kinds: kind -> how many objects; releases: `<namespace>/<name>`; not_installed: release -> why
    real, recorded: AWS type -> how many; balancers: a line for each load balancer
    images: pattern of an image that is not its own program -> what plays it
    """

    kinds: Mapping[str, int]
    releases: tuple[str, ...]
    not_installed: Mapping[str, str]
    real: Mapping[str, int]
    recorded: Mapping[str, int]
    endpoint_url: str
    balancers: tuple[str, ...]
    images: Mapping[str, str]


def compose(found: Inspection, applied: Applied, settings: Settings) -> tuple[Line, ...]:
    """Every line, in the order a person reads them."""
    return (
        _charts(found, applied),
        _objects(found, applied),
        _analysis(found),
        _certificate(found.certificate, settings),
        _injection(found.pods, settings),
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


def _analysis(found: Inspection) -> Line:
    title = "istioctl analyze"
    if found.analysis is None:
        return Line(status="failed", title=title, text=found.analysis_problem)
    unexplained = [finding for finding in found.analysis if _why(finding) is None]
    if unexplained:
        details = tuple(f"{f.level} {f.code} {f.origin}: {f.message}" for f in unexplained)
        return Line(status="failed", title=title, text=f"{len(unexplained)} findings", details=details)
    reasons: dict[str, list[str]] = {}
    for finding in found.analysis:
        reasons.setdefault(f"{finding.code}: {_why(finding)}", []).append(finding.origin)
    details = tuple(f"{reason} ({', '.join(origins)})" for reason, origins in reasons.items())
    expected = f"; {len(found.analysis)} findings are understood" if details else ""
    return Line(status="ok", title=title, text=f"nothing wrong in any namespace{expected}", details=details)


def _why(finding: Analysis) -> str | None:
    return next((known.why for known in UNDERSTOOD if known.covers(finding)), None)


def _certificate(certificate: IssuedCertificate | None, settings: Settings) -> Line:
    title = "gateway certificate"
    if certificate is None:
        return Line(status="failed", title=title, text="cert-manager has not issued it")
    wanted = timedelta(hours=settings.certificates.duration_hours)
    wrong = []
    if certificate.key != "ECDSA secp256r1":
        wrong.append(f"its key is {certificate.key}, not ECDSA P-256")
    # cert-manager dates certificates back by nothing, but rounds to seconds.
    if abs(certificate.lifetime - wanted) > timedelta(minutes=1):
        wrong.append(f"it lives {_hours(certificate.lifetime)} h, not {_hours(wanted)} h")
    if wrong:
        return Line(status="failed", title=title, text="; ".join(wrong))
    curve = "ECDSA P-256 (secp256r1)"
    text = (
        f"{curve}, {_hours(certificate.lifetime)} h until {certificate.ends:%Y-%m-%d}, issued by {certificate.issuer}"
    )
    return Line(status="ok", title=title, text=text, details=(f"for {', '.join(certificate.names)}",))


def _hours(span: timedelta) -> int:
    return round(span.total_seconds() / 3600)


def _injection(pods: tuple[ApplicationPod, ...], settings: Settings) -> Line:
    in_mesh = {namespace.name for namespace in settings.namespaces if namespace.in_mesh}
    wrong = [
        problem for pod in pods if (problem := _pod_problem(pod, pod.namespace in in_mesh, settings.mesh.revision))
    ]
    rows = tuple(
        (
            f"{pod.namespace}/{pod.application}",
            pod.pod or "no pod",
            f"istio-proxy {pod.proxy_image}" if pod.proxy_image else "no sidecar",
            f"revision {pod.revision}" if pod.revision else "",
            pod.phase,
        )
        for pod in pods
    )
    details = tuple(table_lines(Table(header=("", "", "", "", ""), rows=rows))) if rows else ()
    if wrong:
        return Line(status="failed", title="sidecars", text="; ".join(wrong), details=details)
    text = f"in the running pod of each of {len(pods)} applications"
    return Line(status="ok", title="sidecars", text=text, details=details)


def _pod_problem(pod: ApplicationPod, in_mesh: bool, revision: str) -> str:
    name = f"{pod.namespace}/{pod.application}"
    if not pod.pod:
        return f"{name} has no pod"
    if pod.phase != "Running":
        return f"{name} has a pod that is {pod.phase}"
    if not in_mesh:
        return f"{name} has a sidecar outside the mesh" if pod.proxy_image else ""
    if not pod.proxy_image:
        return f"{name} has no sidecar"
    return "" if pod.revision == revision else f"{name} has a sidecar of revision {pod.revision!r}, not {revision!r}"


def _preflight(found: Inspection) -> Iterator[Line]:
    for result in found.preflight:
        verdict = result.verdict
        evidence = tuple(table_lines(verdict.evidence)) if verdict.evidence else ()
        remedy = (f"remedy: {result.remedy}",) if result.remedy else ()
        yield Line(
            status="ok" if verdict.status == "pass" else "failed",
            title=f"preflight {result.check.id}",
            text=verdict.summary,
            details=(*verdict.details, *evidence, *remedy),
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
            f"{sum(applied.recorded.values())} resources of types that moto does not implement",
            *_wrapped(_counted(applied.recorded)),
        )
    yield _stand_in("hosted zone", "the settings' own exists in moto under an id of moto's choice, and is translated")
    for balancer in applied.balancers:
        yield _stand_in("load balancer", balancer)
    for pattern, played_by in applied.images.items():
        yield _stand_in(f"image {pattern}", played_by)
    for release, why in applied.not_installed.items():
        yield _stand_in(f"release {release}", f"not installed: {why}")


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
