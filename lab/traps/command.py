"""`python -m lab traps`: measures traps 3 and 5 on the running lab and prints the tables."""

from __future__ import annotations

from pathlib import Path

from configuration.settings import Settings
from lab.cluster import lifecycle
from lab.errors import LabError
from lab.images import web_servers
from lab.progress import Progress
from lab.traps import destination_rules, documents, named_hosts
from lab.traps.cluster import Scratch
from lab.traps.table import markdown, matrix, replaced

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "traps.md"
TRAP_3, TRAP_5 = "trap 3", "trap 5"


def measured(settings: Settings, progress: Progress) -> dict[str, str]:
    """Trap -> its table as Markdown. The lab's mesh is changed for it, and then what it was. Raises LabError."""
    with lifecycle.alone(lifecycle.current_state()):
        plane = lifecycle.running()
        web_servers.prepare(progress)
        scratch = Scratch(plane=plane, revision=settings.mesh.revision)
        try:
            progress.line("making a caller, a server with a sidecar and one without")
            scratch.apply(*documents.namespace(settings.mesh.revision_tag))
            scratch.apply(*documents.workloads())
            scratch.wait_running((documents.CALLER, documents.MESHED, documents.BARE))
            progress.line("trap 3: a connection without SNI")
            trap_3 = markdown(("the Gateway's hosts", "the client", "the answer"), named_hosts.measure(scratch))
            trap_5 = matrix("the DestinationRule", destination_rules.measure(scratch, progress.line))
        finally:
            progress.line("removing all of it")
            scratch.close()
    return {TRAP_3: trap_3, TRAP_5: trap_5}


def run(settings: Settings, progress: Progress, *, write: bool) -> int:
    """Prints the tables; with `write` they also replace those of docs/traps.md. Raises LabError."""
    tables = measured(settings, progress)
    for name, table in tables.items():
        print(f"\n{name}\n\n{table}")
    if write:
        text = DOCUMENT.read_text(encoding="utf-8")
        for name, table in tables.items():
            try:
                text = replaced(text, name, table)
            except KeyError as problem:
                raise LabError(f"{DOCUMENT.name} has no place for the table of {name}") from problem
        DOCUMENT.write_text(text, encoding="utf-8")
    return 0
