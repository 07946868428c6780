"""Helm releases, really installed by helm."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Objects
from lab.cluster.overrides import values_for
from lab.errors import LabError
from lab.waiting import until

Change = Literal["created", "updated", "unchanged"]


class HelmError(LabError):
    """helm, or what it installed, did not do what was asked; one line."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release as the program asks for it.

    chart: its last word, such as `istiod`; directory: where the lab has it; timeout: seconds.
    """

    name: str
    namespace: str
    chart: str
    directory: Path
    values: dict[str, Any]
    create_namespace: bool
    skip_crds: bool
    timeout: float

    @property
    def digest(self) -> str:
        """Of everything that helm would be given."""
        parts = [self.name, self.namespace, str(self.directory), self.skip_crds, self.values]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Helm:
    """cancelled: once set, nothing is waited for any more."""

    plane: ControlPlane
    objects: Objects
    cancelled: threading.Event = field(default_factory=threading.Event)

    def install(self, release: Release, known_digest: str) -> tuple[Change, int]:
        """Installs or upgrades, and waits until what it installs is available. Returns the change and the revision.

        known_digest: of what the last run installed; if it is the same and still deployed, nothing is done.
        Raises LabError.
        """
        before = self.deployed_revision(release)
        if before and release.digest == known_digest:
            change: Change = "unchanged"
        else:
            self._upgrade(release)
            change = "updated" if before else "created"
        self._await(release)
        return change, self.deployed_revision(release)

    def uninstall(self, name: str, namespace: str) -> None:
        """Raises HelmError."""
        self._run("uninstall", name, "--namespace", namespace, "--ignore-not-found")

    def releases(self) -> list[dict[str, Any]]:
        """`helm list` of all namespaces: name, namespace, revision, status, chart, app_version."""
        return json.loads(self._run("list", "--all-namespaces", "--all", "--output", "json") or "[]")

    def deployed_revision(self, release: Release) -> int:
        """The revision that is deployed, 0 if none is: read from helm's own records in the cluster."""
        labels = f"owner=helm,name={release.name},status=deployed"
        secrets = self.objects.listed("v1", "Secret", namespace=release.namespace, labels=labels)
        return max((int(secret["metadata"]["labels"]["version"]) for secret in secrets), default=0)

    def _upgrade(self, release: Release) -> None:
        # A file of our own, closed to others: values may hold secrets and must not be seen in the process list.
        descriptor, path = tempfile.mkstemp(prefix="values-", suffix=".json", dir=self.plane.state.helm)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(release.values, file)
            self._run(
                "upgrade",
                "--install",
                release.name,
                str(release.directory),
                f"--namespace={release.namespace}",
                f"--values={path}",
                f"--timeout={release.timeout:.0f}s",
                "--history-max=3",
                *(["--create-namespace"] if release.create_namespace else []),
                *(["--skip-crds"] if release.skip_crds else []),
            )
        finally:
            Path(path).unlink()

    def _await(self, release: Release) -> None:
        """Until each Deployment and DaemonSet of the release is available.

        helm's own --wait looks every two seconds only, and lets as many pods of a DaemonSet be missing as an update may
        take away: on one node, all.
        """

        def available() -> bool:
            waiting = self._unavailable(release)
            if waiting and self.cancelled.is_set():
                raise HelmError(f"release {release.name}: interrupted while waiting for {', '.join(waiting)}")
            return not waiting

        what = f"release {release.name} to be available"
        until(available, seconds=release.timeout, what=what, seen=lambda: ", ".join(self._unavailable(release)))

    def _unavailable(self, release: Release) -> list[str]:
        return [
            f"{kind} {found['metadata']['name']}"
            for kind, available in (("Deployment", deployment_available), ("DaemonSet", daemon_set_available))
            for found in self.objects.listed("apps/v1", kind, namespace=release.namespace)
            if found["metadata"].get("annotations", {}).get("meta.helm.sh/release-name") == release.name
            if not available(found)
        ]

    def _run(self, *arguments: str) -> str:
        finished = subprocess.run(
            [self.plane.toolchain.bin("helm"), *arguments],
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.plane.state.helm), **self.plane.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            said = [line for line in finished.stderr.strip().splitlines() if not line.startswith(("W", "I"))]
            raise HelmError(f"helm {' '.join(arguments[:3])}: {said[-1] if said else finished.stderr.strip()}")
        return finished.stdout


def deployment_available(deployment: Mapping[str, Any]) -> bool:
    """Whether all of its replicas are of its newest template and available, and none of an older one is left."""
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    # While one rolls, what is available may be the old ones. This is what `kubectl rollout status` waits for.
    return _observed(deployment) and updated >= wanted and status.get("replicas", 0) <= updated <= available


def daemon_set_available(daemon_set: Mapping[str, Any]) -> bool:
    """Whether each node has a pod of its newest template, available."""
    status = daemon_set.get("status", {})
    # Before its controller has counted the nodes, the number of pods it wants is 0.
    wanted = max(status.get("desiredNumberScheduled", 0), 1)
    ready = min(status.get("numberAvailable", 0), status.get("updatedNumberScheduled", 0))
    return _observed(daemon_set) and ready >= wanted


def _observed(workload: Mapping[str, Any]) -> bool:
    return workload.get("status", {}).get("observedGeneration", 0) >= workload["metadata"]["generation"]


def release_of(name: str, inputs: Mapping[str, Any], *, chart: str, directory: Path) -> Release:
    """A `helm.v3.Release`'s inputs as the lab installs it. name: the logical one, if it names none."""
    return Release(
        name=inputs.get("name") or name,
        namespace=inputs.get("namespace") or "default",
        chart=chart,
        directory=directory,
        values=values_for(chart, inputs.get("values") or {}),
        create_namespace=bool(inputs.get("createNamespace")),
        skip_crds=bool(inputs.get("skipCrds")),
        timeout=float(inputs.get("timeout") or 300),
    )
