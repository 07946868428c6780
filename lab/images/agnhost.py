"""Kubernetes' own NetworkPolicy tests, and agnhost, the program that they run in their pods: built when asked for."""

from __future__ import annotations

from pathlib import Path

from lab.build import go_module
from lab.build.on_demand import OnDemand
from lab.images.image import Image
from lab.progress import Progress

_BUILD = OnDemand(
    name="network-policies",
    what="Kubernetes' NetworkPolicy tests",
    source=go_module.CONFORMANCE_SOURCE,
    packages=(".", "k8s.io/kubernetes/test/images/agnhost"),
    expected_packages=1400,
    expected_modules=150,
)
_TESTS = "network-policies"


def ensure(progress: Progress) -> Path:
    """The tests' program; builds both if need be, which takes minutes. Raises LabError."""
    return _BUILD.ensure(progress) / _TESTS


def row() -> Image:
    """The image; before `ensure` has run once its containers do not start."""
    program = "/agnhost"
    return Image(
        pattern="*/e2e-test-images/agnhost:*",
        entrypoint=(program,),
        command=("pause",),
        files={program: str(_BUILD.directory / "agnhost")},
        user=0,
    )
