"""Writes a plan's directory: resources and documents, what the policies find, the summary in words, the picture."""

from __future__ import annotations

import json
from pathlib import Path

from meshops.plan import files, summary
from meshops.plan.picture import topology
from meshops.plan.plan import Plan
from policy import report


def write(plan: Plan, target: Path) -> None:
    """Writes the plan's files in place of `target`, all or nothing."""
    with files.swapped_in(target) as directory:
        files.write(directory, plan.run)
        (directory / "policy.json").write_text(json.dumps(report.data(plan.verdict), indent=2) + "\n", encoding="utf-8")
        (directory / "summary.md").write_text(summary.render(plan), encoding="utf-8")
        picture = topology.render(plan.mesh, plan.platform, title=f"Stack {plan.stack}")
        (directory / "topology.svg").write_text(picture, encoding="utf-8")
