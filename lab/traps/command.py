"""`python -m lab traps`: measures traps 3 and 5 on the running lab and prints the tables."""

from __future__ import annotations

import argparse

from configuration.settings import Settings
from lab.errors import LabError
from lab.images import web_servers
from lab.lifecycle.running import alone, current_state, running
from lab.paths import PROGRAM, STACK
from lab.progress import Progress, TerminalProgress
from lab.traps import destination_rules, documents, named_hosts
from lab.traps.cluster import Scratch
from lab.traps.table import markdown, matrix, replaced
from meshops.stack_settings import stack_settings

DOCUMENT = PROGRAM / "docs" / "traps.md"
TRAP_3, TRAP_5 = "trap 3", "trap 5"


def measured(settings: Settings, progress: Progress) -> dict[str, str]:
    """Trap -> its table as Markdown. The lab's mesh is changed for it, and then what it was. Raises LabError."""
    with alone(current_state()):
        plane = running()
        web_servers.prepare(progress)
        scratch = Scratch(plane=plane, revision=settings.mesh.revision())
        try:
            progress.line("making a caller, a server with a sidecar and one without")
            scratch.apply(*documents.namespace(settings.mesh.revision()))
            scratch.apply(*documents.workloads())
            scratch.wait_running((documents.CALLER, documents.MESHED, documents.BARE))
            progress.line("trap 3: a connection without SNI")
            trap_3 = markdown(("the Gateway's hosts", "the client", "the answer"), named_hosts.measure(scratch))
            trap_5 = matrix("the DestinationRule", destination_rules.measure(scratch, progress.line))
        finally:
            progress.line("removing all of it")
            scratch.close()
    return {TRAP_3: trap_3, TRAP_5: trap_5}


def run(options: argparse.Namespace) -> int:
    """Prints the tables; with --write they also replace those of docs/traps.md. Raises LabError."""
    tables = measured(stack_settings(PROGRAM, STACK), TerminalProgress())
    for name, table in tables.items():
        print(f"\n{name}\n\n{table}")
    if options.write:
        text = DOCUMENT.read_text(encoding="utf-8")
        for name, table in tables.items():
            try:
                text = replaced(text, name, table)
            except KeyError as problem:
                raise LabError(f"{DOCUMENT.name} has no place for the table of {name}") from problem
        DOCUMENT.write_text(text, encoding="utf-8")
    return 0
