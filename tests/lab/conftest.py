"""A control plane of the tests' own, in a temporary state directory, next to any lab that may be running."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import paths
from lab.build import build
from lab.build.toolchain_files import Toolchain
from lab.cluster import network
from lab.cluster.control_plane import ControlPlane
from lab.lifecycle.up import down, up_control_plane
from lab.progress import TerminalProgress
from tests.lab.cluster.scratch_pods import MANIFEST, NAMESPACE, ScratchPods, eventually
from tests.whole_lab import WholeLab

REVISION = "1-31-1"
TAG = "stable"


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    """Built if need be: cold, that takes minutes."""
    return build.ensure(TerminalProgress())


@pytest.fixture(scope="session")
def lab_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this session's lab lives."""
    # Without the privilege these tests fail and say what is missing: skipped, they would count as passed.
    network.require_privilege()
    state = tmp_path_factory.mktemp("lab") / "state"
    before = os.environ.get(paths.STATE_VARIABLE)
    os.environ[paths.STATE_VARIABLE] = str(state)
    yield state
    if before is None:
        del os.environ[paths.STATE_VARIABLE]
    else:
        os.environ[paths.STATE_VARIABLE] = before


@pytest.fixture(scope="session")
def control_plane(lab_state: Path, toolchain: Toolchain) -> Iterator[ControlPlane]:
    """etcd, the API server, the controller manager and the node, and nothing else."""
    yield up_control_plane(TerminalProgress(), toolchain)
    down()


@pytest.fixture(scope="session")
def mesh(control_plane: ControlPlane) -> ControlPlane:
    """With istiod of one revision behind a tag, and cert-manager, each by its chart."""
    helm(
        control_plane, "install", "base", chart(control_plane, "base"), "--namespace=istio-system",
        "--create-namespace", f"--set=defaultRevision={REVISION},base.validationFailurePolicy=Fail",
    )  # fmt: skip
    helm(
        control_plane, "install", "istiod", chart(control_plane, "istiod"), "--namespace=istio-system",
        f"--set=revision={REVISION},revisionTags={{{TAG}}},base.validationFailurePolicy=Fail",
        "--set=global.hub=docker.io/istio,global.tag=1.31.1,cni.enabled=true",
        "--set=autoscaleEnabled=false,replicaCount=1,telemetry.enabled=false", "--wait", "--timeout=90s",
    )  # fmt: skip
    helm(
        control_plane, "install", "cert-manager", chart(control_plane, "cert-manager"), "--namespace=cert-manager",
        "--create-namespace", "--set=crds.enabled=true,crds.keep=true", "--wait", "--timeout=90s",
    )  # fmt: skip
    return control_plane


def chart(lab: ControlPlane, name: str) -> str:
    """The directory of a chart."""
    return str(lab.toolchain.chart("", name))


def helm(lab: ControlPlane, *arguments: str) -> str:
    """Runs helm against the lab; its error is the test's."""
    return run(lab, "helm", *arguments)


def kubectl(lab: ControlPlane, *arguments: str, stdin: str | None = None) -> str:
    """Runs kubectl against the lab; its error is the test's."""
    return run(lab, "kubectl", *arguments, stdin=stdin)


def run(lab: ControlPlane, program: str, *arguments: str, stdin: str | None = None) -> str:
    """Runs one of the toolchain's programs with the lab's environment."""
    finished = subprocess.run(
        [lab.toolchain.bin(program), *arguments],
        input=stdin, capture_output=True, text=True, check=False, env={**os.environ, **lab.environment},
    )  # fmt: skip
    assert finished.returncode == 0, f"{program} {' '.join(arguments)}: {finished.stderr}"
    return finished.stdout


@pytest.fixture(scope="session")
def scratch_pods(whole_lab: WholeLab) -> Iterator[ScratchPods]:
    """The pods of kubelet_pods.yaml, the first of them running; gone again afterwards."""
    pods = ScratchPods(lab=whole_lab)
    created = whole_lab.tool("kubectl", "apply", f"--filename={MANIFEST}")
    assert created.returncode == 0, created.stderr
    eventually(lambda: pods.pod("talker")["status"]["phase"] == "Running")
    yield pods
    # Not waited for: one of them ignores SIGTERM, and the lab goes next.
    deleted = whole_lab.tool("kubectl", "delete", "namespace", NAMESPACE, "--wait=false")
    assert deleted.returncode == 0, deleted.stderr
