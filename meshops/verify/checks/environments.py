"""Configuration: what applications take from Secrets."""

from __future__ import annotations

from collections.abc import Iterator

from meshops.checks.model import Verdict
from meshops.verify.check import check
from meshops.verify.facts import Environment
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally


@check(
    "MV631",
    "Configuration",
    name="Secrets stand in Secrets only",
    shows="Each variable that the settings take from a secret comes from its Kubernetes Secret and stands in no "
    "Deployment in the clear, each key is there, and no pod runs with secrets from before a change.",
    how="The Deployments, the names of their Secrets' keys (no value is read), and the hash on each pod.",
    severity="critical",
    remedy="`pulumi up` sets the Deployment and the application's own Secret again; a Secret that secretRef names must "
    "be made by whoever owns it. A value that stood in a Deployment is known to whoever saw it: change it.",
    needs=("environments",),
)
def environments(subject: Subject) -> Verdict:
    tally = Tally()
    for found in subject.environments:
        if problems := list(_problems(found)):
            for problem in problems:
                tally.failed(f"{found}: {problem}")
        else:
            tally.passed(f"{found}: {', '.join(found.wanted)}")
    return tally.verdict("{count} applications, their secrets from Secrets.", nothing="No application has a secret.")


def _problems(found: Environment) -> Iterator[str]:
    for variable, wanted in found.wanted.items():
        name, _, key = wanted.partition("/")
        if variable not in found.sources:
            yield f"{variable} is missing"
        elif not found.sources[variable]:
            yield f"{variable} stands in the Deployment in the clear"
        elif found.sources[variable] != wanted:
            yield f"{variable} comes from {found.sources[variable]}, not from {wanted}"
        elif key not in found.keys[name]:
            yield f"there is no Secret {name} with the key {key}"
    if found.behind:
        yield f"{', '.join(found.behind)} runs with the secrets from before"
