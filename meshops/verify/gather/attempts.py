"""Attempts against one application of the stack: of the first namespace in which the policies refuse."""

from __future__ import annotations

from manifests.mesh_graph import Member
from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.attempt import Answer
from meshops.verify.attempts.asking import Asking
from meshops.verify.attempts.catalogue import Catalogue
from meshops.verify.facts import Objects
from meshops.verify.stack import Stack

_REMEDY = "See that the kubeconfig's user may bind roles in the stack's namespaces and impersonate users and groups."


def gather_attempts(tools: Tools, stack: Stack, objects: Objects, run: str) -> tuple[Answer, ...] | Unavailable:
    """Empty where the program deploys no application into such a namespace."""
    member = _against(stack)
    if member is None:
        return ()
    pods = objects.pods_of(member.namespace.name, {"app": member.name})
    catalogue = Catalogue(
        member=member, images=stack.images, pod=next((pod.name for pod in pods if pod.running and pod.sidecar), "")
    )
    try:
        for left in objects.leftovers:
            if left.kind == "RoleBinding":
                where = f"--namespace={left.namespace}"
                tools.ask_kubectl("delete", "rolebinding", left.name, where, "--ignore-not-found")
        return Asking(tools=tools, namespace=member.namespace.name, run=run).ask(catalogue.attempts())
    except ToolError as problem:
        return Unavailable(reason=f"Nobody could be impersonated: {problem}", remedy=_REMEDY)


def _against(stack: Stack) -> Member | None:
    """An application that listens, if there is any: its Service can be attempted too."""
    managed = [
        member
        for member in stack.members
        if member.application.workload == "managed" and member.namespace.admission == "enforce"
    ]
    return next((member for member in managed if member.application.port), next(iter(managed), None))
