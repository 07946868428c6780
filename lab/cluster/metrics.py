"""The metrics API: the real metrics-server in kube-system, where EKS has it from its community add-on of that name."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import yaml

from lab.cluster.control_plane import ControlPlane
from lab.cluster.dns import FIELD_MANAGER, NAMESPACE
from lab.cluster.objects import Document, Objects
from lab.errors import LabError

NAME = "metrics-server"
# The Go module's version (toolchain/go.mod).
VERSION = "v0.9.0"
CHART_REPOSITORY = "https://kubernetes-sigs.github.io/metrics-server/"
_VALUES: dict[str, Any] = {
    # A kubelet of EKS has a certificate of the cluster's authority too, and the add-on asks for it likewise.
    "args": [
        "--kubelet-certificate-authority=/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
        # The add-on's 15 s: a lab is used sooner after it began than a cluster is.
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    ],
    # The module's own chart is of the version before.
    "image": {"tag": VERSION},
    # The port that EKS sets, which the stack's NetworkPolicy names.
    "containerPort": 10251,
    "readinessProbe": {"initialDelaySeconds": 2, "periodSeconds": 2},
}


def apply(plane: ControlPlane) -> None:
    """Installs or updates it; its pod comes up while the program is applied. Raises LabError and Refused."""
    objects = Objects(api=plane.api, field_manager=FIELD_MANAGER)
    try:
        for document in documents(plane):
            objects.apply(document)
    finally:
        objects.close()


def documents(plane: ControlPlane) -> tuple[Document, ...]:
    """As its own chart writes them."""
    chart = plane.toolchain.chart(CHART_REPOSITORY, NAME)
    command = [plane.toolchain.bin("helm"), "template", NAME, chart, f"--namespace={NAMESPACE}", "--values=-"]
    done = subprocess.run(
        command, input=json.dumps(_VALUES), capture_output=True, text=True, check=False, env={}, timeout=60
    )
    if done.returncode != 0:
        raise LabError(f"the chart of {NAME} could not be rendered: {done.stderr.strip()}")
    return tuple(document for document in yaml.safe_load_all(done.stdout) if document)
