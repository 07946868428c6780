"""Writes a plan's directory: resources and documents, what the policies find, the summary in words, the picture."""

from __future__ import annotations

import json
from pathlib import Path

from manifests.git_files import git_files
from manifests.stack import StackDocuments
from meshops.plan import files, summary
from meshops.plan.picture import topology
from meshops.plan.plan import Plan
from policy import report


def write(plan: Plan, target: Path) -> None:
    """Writes the plan's files in place of `target`, all or nothing."""
    with files.swapped_in(target) as directory:
        files.write(directory, plan.run)
        _for_git(plan, directory)
        (directory / "policy.json").write_text(json.dumps(report.data(plan.verdict), indent=2) + "\n", encoding="utf-8")
        (directory / "summary.md").write_text(summary.render(plan), encoding="utf-8")
        picture = topology.render(plan.mesh, plan.platform, title=f"Stack {plan.stack}")
        (directory / "topology.svg").write_text(picture, encoding="utf-8")


def _for_git(plan: Plan, directory: Path) -> None:
    """`git/<namespace>/`: what the owners of these namespaces put into their repositories."""
    if plan.settings is None:
        return
    made = StackDocuments(settings=plan.settings)
    for namespace in plan.settings.namespaces:
        if namespace.delivery == "git":
            target = directory / "git" / namespace.name
            target.mkdir(parents=True)
            for name, documents in git_files(made.of((namespace,))).items():
                text = "---\n".join(map(files.to_yaml, documents))
                (target / name).write_text(text, encoding="utf-8")
