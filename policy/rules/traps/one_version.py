"""MR102: All charts and images of Istio are of a version that one istiod has."""

from __future__ import annotations

from collections.abc import Iterator

from policy.mesh import RELEASE, istiods
from policy.resources import Resource
from policy.rule import Flaw, rule
from policy.stack import Stack, chart_of

_CHARTS = ("base", "cni", "istiod", "gateway")


@rule(
    "MR102",
    "The seven traps",
    title="All charts and images of Istio are of a version that one istiod has.",
    why="A template of one minor fails in the injector of another: pods stay without a sidecar although their label "
    "is right.",
    source="docs/traps.md (2); https://istio.io/latest/docs/setup/upgrade/canary/",
    severity="critical",
    remedy="Set mesh.istioVersion; every chart and image follows from it.",
    about=(RELEASE,),
    alone=False,
)
def one_version(resource: Resource, stack: Stack) -> Iterator[Flaw]:
    chart = chart_of(resource)
    # Others have a chart called `base` or `gateway` too.
    if chart not in _CHARTS or not resource.release_name.startswith("istio"):
        return
    versions = {str(release.at("version")) for release in istiods(stack)}
    version = str(resource.at("version"))
    if version not in versions:
        yield Flaw(field="version", value=version, says=f"istiod is of {', '.join(sorted(versions)) or 'no version'}")
    tag = resource.at("values", "global", "tag")
    if tag is not None and str(tag) != version:
        yield Flaw(field="values.global.tag", value=str(tag), says=f"the chart is of {version}")
