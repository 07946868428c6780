"""The Go module of the lab's programs: what is built of it and how, and the lock under which that happens."""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from lab.build import pins
from lab.progress import Progress

SOURCE = Path(__file__).resolve().parents[1] / "toolchain"
PACKAGES: tuple[str, ...] = (
    "./cmd/kubernetes",
    "./cmd/istio",
    "./cmd/coredns",
    "./cmd/lab-netpol",
    "./cmd/lab-collector",
    "./cmd/load",
    "github.com/cert-manager/cert-manager/lab/cmd/cert-manager",
    "istio.io/istio/pilot/cmd/pilot-agent",
    "istio.io/istio/cni/cmd/istio-cni",
    "istio.io/istio/cni/cmd/install-cni",
    "helm.sh/helm/v3/cmd/helm",
    "sigs.k8s.io/metrics-server/cmd/metrics-server",
    "github.com/containernetworking/plugins/plugins/main/ptp",
    "github.com/containernetworking/plugins/plugins/ipam/host-local",
)
CONTROLLER_SOURCE = SOURCE / "load_balancer_controller"
"""A module of its own: it needs an older client-go than the rest."""
CONTROLLER_PACKAGES: tuple[str, ...] = ("sigs.k8s.io/aws-load-balancer-controller",)
RUNTIME_SOURCE = SOURCE / "container_runtime"
"""A module of its own: it needs newer libraries than the rest."""
RUNTIME_PACKAGES: tuple[str, ...] = (
    "github.com/containerd/containerd/v2/cmd/containerd",
    "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
)
RUNTIME_TAGS = "no_btrfs,no_devmapper,no_zfs"
RUNC_PACKAGES: tuple[str, ...] = ("github.com/opencontainers/runc",)
RUNC_TAGS = "seccomp"
GITOPS_SOURCE = SOURCE / "gitops"
CONFORMANCE_SOURCE = SOURCE / "network_policies"
ON_DEMAND_SOURCES = (GITOPS_SOURCE, CONFORMANCE_SOURCE)
"""Flux, and Kubernetes' own tests: built when asked for. What every lab needs is not made anew when they change."""
PAUSE_SOURCE = ("k8s.io/kubernetes", "build/pause/linux/pause.c")
"""A module and a file of it: the program that holds a pod's namespaces, in C so that it takes next to no memory."""
KUBECTL_PACKAGE = "k8s.io/kubernetes/cmd/kubectl"
# What `go build -v` will name, near enough for a progress display; measured when the pins were made.
EXPECTED_PACKAGES = 4100
EXPECTED_MODULES = 300
EXPECTED_CONTROLLER_PACKAGES = 800
EXPECTED_RUNTIME_PACKAGES = 700

_ISTIO_VERSION = "istio.io/istio/pkg/version"
_KUBERNETES_VERSION = "k8s.io/component-base/version"
BUILD_FLAGS: tuple[str, ...] = (
    "-trimpath",
    "-buildvcs=false",
    "-pgo=off",
    "-gcflags=all=-dwarf=false -l",
    # Clients parse the version that the API server gives, and the module alone does not carry it.
    "-ldflags=-s -w"
    f" -X {_KUBERNETES_VERSION}.gitVersion={pins.KUBERNETES}"
    f" -X {_KUBERNETES_VERSION}.gitMajor={pins.KUBERNETES[1:].split('.')[0]}"
    f" -X {_KUBERNETES_VERSION}.gitMinor={pins.KUBERNETES.split('.')[1]}"
    f" -X {_ISTIO_VERSION}.buildVersion={pins.ISTIO}"
    f" -X {_ISTIO_VERSION}.buildGitRevision={pins.ISTIO_COMMIT}"
    f" -X {_ISTIO_VERSION}.buildStatus=Clean"
    f" -X github.com/cert-manager/cert-manager/pkg/util.AppVersion={pins.CERT_MANAGER}"
    f" -X sigs.k8s.io/aws-load-balancer-controller/pkg/version.GitVersion={pins.LOAD_BALANCER_CONTROLLER}",
)


def digest(*words: str, source: Path = SOURCE) -> str:
    """Of a module's sources and these words: what it stands for is made anew when one of them changes."""
    found = hashlib.sha256()
    others = {path for path in ON_DEMAND_SOURCES if path != source}
    sources = (path for path in source.rglob("*") if path.suffix in {".go", ".mod", ".sum"})
    for path in sorted(path for path in sources if others.isdisjoint(path.parents)):
        found.update(str(path.relative_to(source)).encode() + b"\0" + path.read_bytes() + b"\0")
    for word in words:
        found.update(word.encode() + b"\0")
    return found.hexdigest()[:16]


@contextmanager
def only_one(lock: Path, progress: Progress) -> Generator[None]:
    with lock.open("w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.line("another build of the toolchain is under way: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
