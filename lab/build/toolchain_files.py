"""What a finished build gives to the rest of the lab: programs and charts by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

# Programs that are one file under several names (see toolchain/cmd); the name called chooses the part.
ALIASES: dict[str, str] = {
    "etcd": "kubernetes",
    "kube-apiserver": "kubernetes",
    "kube-controller-manager": "kubernetes",
    "kube-scheduler": "kubernetes",
    "kubelet": "kubernetes",
    "kube-proxy": "kubernetes",
    "pilot-discovery": "istio",
    "istioctl": "istio",
}
PROGRAMS: tuple[str, ...] = (
    "kubernetes",
    "istio",
    "pilot-agent",
    "coredns",
    "istio-cni",
    "install-cni",
    "helm",
    "cert-manager",
    "lab-netpol",
    "lab-collector",
    "load",
    "metrics-server",
    "aws-load-balancer-controller",
    "containerd",
    "containerd-shim-runc-v2",
    "runc",
    "pause",
    "ptp",
    "host-local",
)
CHARTS: tuple[str, ...] = (
    "base",
    "istiod",
    "cni",
    "gateway",
    "cert-manager",
    "metrics-server",
    "aws-load-balancer-controller",
)


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """One finished build; `directory` holds bin/ and charts/."""

    directory: Path
    kubectl: Path

    def bin(self, name: str) -> Path:
        """The program `name` (etcd, kube-apiserver, istioctl, helm, kubectl, …).

        Raises LabError for a name that the toolchain does not build.
        """
        if name == "kubectl":
            return self.kubectl
        if name not in ALIASES and name not in PROGRAMS:
            known = ", ".join(sorted({*ALIASES, *PROGRAMS, "kubectl"}))
            raise LabError(f"the lab's toolchain has no program {name!r}; it has {known}")
        return self.directory / "bin" / name

    def chart(self, repository: str, chart: str) -> Path:
        """The directory of a chart that the stack names by `repository` and `chart`.

        Charts are found by their name alone: the lab has one build of each, whatever the stack's registry.
        An OCI reference (`oci://…/istiod`) is understood. Raises LabError.
        """
        name = chart.rstrip("/").rsplit("/", 1)[-1]
        if name not in CHARTS:
            raise LabError(
                f"chart {name!r} of {repository or chart} is not in the lab's toolchain; it has {', '.join(CHARTS)}"
            )
        return self.directory / "charts" / name

    @property
    def bootstrap_template(self) -> Path:
        """Envoy's bootstrap template that pilot-agent renders; used when the data plane runs."""
        return self.directory / "envoy_bootstrap.json"
