"""Copies the charts that come with the modules into the toolchain, ready for helm."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Protocol

from lab.build import pins
from lab.errors import LabError

# Part of the toolchain's key: raise it when what is copied here changes.
REVISION = "charts-4"

# Where each chart lies below `manifests/charts` of the Istio module.
ISTIO_CHARTS: dict[str, str] = {
    "base": "base",
    "istiod": "istio-control/istio-discovery",
    "cni": "istio-cni",
    "gateway": "gateway",
}
ISTIO_MODULE = "istio.io/istio"
CERT_MANAGER_MODULE = "github.com/cert-manager/cert-manager"
METRICS_SERVER_MODULE = "sigs.k8s.io/metrics-server"
CONTROLLER_MODULE = "sigs.k8s.io/aws-load-balancer-controller"


class Modules(Protocol):
    """Says where a module's sources are."""

    def module_directory(self, module: str) -> Path:
        """The directory of one module."""
        ...


def collect(modules: Modules, controllers: Modules, target: Path) -> None:
    """Fills `target` with charts/ and the bootstrap template of the pinned modules.

    controllers: the modules of the load balancer controller's own build
    """
    istio = modules.module_directory(ISTIO_MODULE)
    cert_manager = modules.module_directory(CERT_MANAGER_MODULE)
    for name, place in ISTIO_CHARTS.items():
        _copy(istio / "manifests" / "charts" / place, target / "charts" / name)
    chart = target / "charts" / "cert-manager"
    _copy(cert_manager / "deploy" / "charts" / "cert-manager", chart)
    # Its release process writes these two; until then the images would be tagged v0.0.0.
    _set_version(chart / "Chart.yaml", pins.CERT_MANAGER)
    metrics_server = modules.module_directory(METRICS_SERVER_MODULE)
    _copy(metrics_server / "charts" / "metrics-server", target / "charts" / "metrics-server")
    of_controller = controllers.module_directory(CONTROLLER_MODULE) / "helm" / "aws-load-balancer-controller"
    _copy(of_controller, target / "charts" / "aws-load-balancer-controller")
    shutil.copy(istio / "tools" / "packaging" / "common" / "envoy_bootstrap.json", target / "envoy_bootstrap.json")


def _copy(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise LabError(f"the module no longer has {source}; the lab's chart list and its pins disagree")
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # the module cache is read-only


def _set_version(chart: Path, version: str) -> None:
    text = chart.read_text(encoding="utf-8")
    changed, count = re.subn(r"^(version|appVersion): v0\.0\.0$", rf"\1: {version}", text, flags=re.MULTILINE)
    if count != 2:
        raise LabError(f"{chart}: expected two placeholders for the version and found {count}")
    chart.write_text(changed, encoding="utf-8")
