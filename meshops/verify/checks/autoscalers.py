"""Configuration, the running side: what scales."""

from __future__ import annotations

from meshops.checks.model import Verdict
from meshops.verify.check import check
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally


@check(
    "MV632",
    "Configuration",
    name="Autoscalers see their metrics",
    shows="Each application with minReplicas and maxReplicas has its autoscaler, and every one of the mesh, istiod's "
    "and the gateway's too, has read what its pods use: without the metrics API none of them ever scales.",
    how="The HorizontalPodAutoscalers and what their controller says of them, for up to 75 s after they were made.",
    severity="high",
    remedy="See that `kubectl top pods` answers: the add-on metrics-server runs, and its API is available "
    "(kubectl get apiservice v1beta1.metrics.k8s.io). `pulumi up` sets the autoscalers again.",
    needs=("autoscalers",),
)
def autoscalers(subject: Subject) -> Verdict:
    tally = Tally()
    there = {(found.namespace, found.name): found for found in subject.autoscalers}
    for wanted in subject.stack.of_kind("HorizontalPodAutoscaler"):
        metadata, spec = wanted["metadata"], wanted["spec"]
        key = (metadata["namespace"], metadata["name"])
        limits = (spec["minReplicas"], spec["maxReplicas"])
        if key not in there:
            tally.failed(f"{'/'.join(key)} has no autoscaler")
        elif (there[key].least, there[key].most) != limits:
            found = there[key]
            tally.failed(f"{found} scales from {found.least} to {found.most}, not from {limits[0]} to {limits[1]}")
    for found in subject.autoscalers:
        if not found.active:
            tally.failed(f"{found} does not scale {found.target}: {found.why}")
        else:
            tally.passed(f"{found}: {found.target}, {found.replicas} of {found.least} to {found.most}")
        if found.limited:
            tally.note(f"{found} is at its most, {found.most}, and wants more")
    return tally.verdict(
        "{count} autoscalers read what their pods use.", nothing="Nothing of the mesh scales by itself."
    )
