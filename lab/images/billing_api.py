"""Rows of the lab's image table for the applications of the examples billing-api and quarkus-app.

They are the real programs of `examples/`, billing-api and its neighbours run by this machine's Node.js. What npm
fetches goes into the lab's cache and not into the checkout; the sources are mounted from the checkout, so that a
restarted pod has the newest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.images import node_js, quarkus_app
from lab.images.image import Image
from lab.images.node_js import NodeJs
from lab.progress import Progress, Silent

_EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "billing-api"
_SERVICE = _EXAMPLE / "service"
_NEIGHBOURS = _EXAMPLE / "neighbours"
_SERVICE_FILES = ("server.js", "ending.js", "package.json")
_NPM_SECONDS = 300
# The `node` user of the images named in the Dockerfiles; the program's own pods name another.
_USER = 1000
_NODE = "/usr/local/bin/node"


def ensure(progress: Progress) -> Path:
    """billing-api's node_modules, as its lock file says; fetched from npm's registry once. Raises LabError."""
    return _modules(node_js.find(progress), progress)


def rows(progress: Progress | None = None) -> tuple[Image, ...]:
    """The four applications that Pulumi.lab.yaml names, and quarkus-app's. Raises LabError as `ensure` does.

    quarkus-app is not built here: its example does that, and its containers start only then.
    """
    shown = progress if progress is not None else Silent()
    node = node_js.find(shown)
    service = {f"/app/service/{name}": str(_SERVICE / name) for name in _SERVICE_FILES}
    modules = {"/app/service/node_modules": str(_modules(node, shown))}
    neighbours = {"/app/neighbours": str(_NEIGHBOURS)}
    return (
        _image("billing-api", "/app/service/server.js", node, {**service, **modules}),
        _image("frontend-ui", "/app/neighbours/frontend-ui.js", node, {**service, **neighbours}),
        _image("inventory-job", "/app/neighbours/inventory-job.js", node, neighbours),
        _image("ledger", "/app/neighbours/ledger.js", node, {**service, **neighbours}),
        quarkus_app.row(),
    )


def _image(name: str, script: str, node: NodeJs, files: dict[str, str]) -> Image:
    return Image(
        pattern=f"ghcr.io/example/{name}:*",
        entrypoint=(_NODE, script),
        files={_NODE: str(node.node), **files},
        user=_USER,
        env={"NODE_ENV": "production"},
    )


def _modules(node: NodeJs, progress: Progress) -> Path:
    """Keyed by the lock file: another lock file is another directory, and nothing is ever half there."""
    wanted = (_SERVICE / "package.json", _SERVICE / "package-lock.json")
    key = sha256(b"".join(path.read_bytes() for path in wanted)).hexdigest()[:16]
    target = paths.cache_directory().parent / "examples" / f"billing-api-{key}"
    if target.is_dir():
        return target / "node_modules"
    progress.line("fetching billing-api's packages from npm's registry into the lab's cache")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        built = Path(scratch) / "image"
        built.mkdir()
        for path in wanted:
            shutil.copyfile(path, built / path.name)
        _install(node, built)
        try:
            built.rename(target)
        except OSError:
            # Another lab was faster; its directory is the same.
            if not target.is_dir():
                raise
    return target / "node_modules"


def _install(node: NodeJs, directory: Path) -> None:
    command = [node.node, node.npm, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        answer = subprocess.run(
            command, cwd=directory, capture_output=True, text=True, check=False, timeout=_NPM_SECONDS,
            # npm looks for its node in PATH; pods of any user read what it writes.
            env={**os.environ, "PATH": f"{node.node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}, umask=0o022,
        )  # fmt: skip
    except (subprocess.TimeoutExpired, OSError) as problem:
        raise LabError(f"npm ci for examples/billing-api/service: {problem}") from problem
    if answer.returncode != 0:
        lines = [line for line in answer.stderr.splitlines() if line.startswith(("npm error", "npm ERR!"))]
        reason = lines[0] if lines else f"exit code {answer.returncode}"
        raise LabError(
            f"npm ci for examples/billing-api/service: {reason}; it needs npm's registry, or what `npm config get "
            "registry` names"
        )
