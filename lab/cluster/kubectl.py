"""`kubectl` on the lab's cluster, as an operator has it."""

from __future__ import annotations

from lab.cluster.control_plane import ControlPlane
from lab.errors import LabError
from meshops.tools import ToolError, Tools

# A drain takes as long as the pods that leave.
_SECONDS = 300.0


def kubectl(plane: ControlPlane, *arguments: str, stdin: str | None = None) -> str:
    """What it prints. Raises LabError with what it says instead."""
    tools = Tools(kubectl=str(plane.toolchain.bin("kubectl")), kubeconfig=plane.kubeconfig)
    try:
        return tools.ask_kubectl(*arguments, stdin=stdin, seconds=_SECONDS)
    except ToolError as problem:
        raise LabError(str(problem)) from problem
