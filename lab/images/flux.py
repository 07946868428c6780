"""Flux's source-controller and kustomize-controller, as they are: built when asked for.

The Go module proxy has not all modules of their newest releases: docs/adr/0035-flux-in-the-lab.md.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.build import go_module
from lab.build.go_commands import GoRunner
from lab.build.on_demand import OnDemand
from lab.errors import LabError
from lab.images.image import Image
from lab.progress import Progress

# Controller -> its version, as toolchain/gitops/go.mod has it.
CONTROLLERS: dict[str, str] = {"source-controller": "v1.9.3", "kustomize-controller": "v1.9.5"}
_MODULE = "github.com/fluxcd/"
# Of a module's `config`: its kinds, its rights, its Deployment.
_PARTS = ("crd", "rbac", "manager")
# The user of their Dockerfiles.
_USER = 65534


def _configurations(runner: GoRunner, into: Path) -> None:
    for name in CONTROLLERS:
        module = runner.module_directory(_MODULE + name)
        target = into / "config" / name
        for part in _PARTS:
            source = module / "config" / part
            if not source.is_dir():
                raise LabError(f"{source} is no more, and Flux is installed from it")
            shutil.copytree(source, target / part)
        for path in (target, *target.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)  # the module cache is read-only


_BUILD = OnDemand(
    name="gitops",
    what="Flux's controllers",
    source=go_module.GITOPS_SOURCE,
    packages=tuple(_MODULE + name for name in CONTROLLERS),
    expected_packages=2560,
    expected_modules=380,
    collect=_configurations,
)


def ensure(progress: Progress) -> None:
    """Builds them if need be, which takes many minutes. Raises LabError."""
    _BUILD.ensure(progress)


def configuration(name: str) -> Path:
    """A controller's own manifests, its module's `config`; there once `ensure` has run."""
    return _BUILD.directory / "config" / name


def image(name: str) -> str:
    """The reference of a controller's image, as Flux's own manifests have it."""
    return f"ghcr.io/fluxcd/{name}:{CONTROLLERS[name]}"


def rows() -> tuple[Image, ...]:
    """The images; before `ensure` has run once their containers do not start."""
    return tuple(
        Image(
            pattern=f"*/fluxcd/{name}:*",
            entrypoint=(f"/{name}",),
            files={f"/{name}": str(_BUILD.directory / name)},
            user=_USER,
        )
        for name in CONTROLLERS
    )
