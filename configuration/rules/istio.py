"""Rules on the versions of Istio: which may run, side by side, on which Kubernetes, and who is on which of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from configuration.breaches import Breach, breach
from configuration.mesh import version_numbers
from configuration.settings import Settings
from versions import ISTIO_KUBERNETES

FIRST, SECOND = "mesh.istioVersion", "mesh.secondIstioVersion"


def control_planes_are_known_and_fit_kubernetes(settings: Settings) -> Iterator[Breach]:
    kubernetes = settings.cluster.kubernetes_version
    for path, version in _control_planes(settings):
        minor = version.rpartition(".")[0]
        supported = ISTIO_KUBERNETES.get(minor)
        # 1.31.01 is a number, and no chart.
        if supported is None or version != ".".join(map(str, version_numbers(version))):
            yield breach(
                path,
                version,
                f"This program installs Istio {', '.join(ISTIO_KUBERNETES)} in full versions only: charts of other "
                "minors take other values.",
                "Choose one of these, e.g. by leaving the setting out.",
            )
        elif kubernetes not in supported:
            yield breach(
                "cluster.kubernetesVersion",
                kubernetes,
                f"Istio {minor} supports Kubernetes {supported[0]} to {supported[-1]}.",
                f"Choose one of {', '.join(supported)}.",
                path,
            )


def two_control_planes_are_neighbours(settings: Settings) -> Iterator[Breach]:
    first, second = settings.mesh.istio_version, settings.mesh.second_istio_version
    if second is None:
        return
    if version_numbers(first) == version_numbers(second):
        yield breach(
            SECOND,
            second,
            "It is the first one's version: a revision is made of its version, and there cannot be two of one name.",
            "Name the version to move to, or the one to move away from; remove it once only one is in use.",
            FIRST,
        )
    (one, minor), (other, beside) = version_numbers(first)[:2], version_numbers(second)[:2]
    if one != other or abs(minor - beside) > 1:
        # https://istio.io/latest/docs/setup/additional-setup/cni/#upgrade: "within one minor version"
        yield breach(
            SECOND,
            second,
            f"It is more than one minor away from {first}: the nodes' CNI agent, of which there is one, serves control "
            "planes of one minor more or less.",
            "Go through the minors one after the other.",
            FIRST,
        )


def everything_is_on_one_of_them(settings: Settings) -> Iterator[Breach]:
    mesh = settings.mesh
    places = [("gateway.istioVersion", settings.gateway.istio_version)]
    places += [(f"namespaces[{item.name}].istioVersion", item.istio_version) for item in settings.namespaces]
    for path, version in places:
        if version is not None and version not in mesh.istio_versions:
            yield breach(
                path,
                version,
                f"No control plane of this version is installed, only {' and '.join(mesh.istio_versions)}: its pods "
                "would start without a sidecar.",
                f"Remove it, or name {version} as {SECOND}.",
                FIRST,
                SECOND,
            )


def _control_planes(settings: Settings) -> Iterator[tuple[str, str]]:
    yield FIRST, settings.mesh.istio_version
    if settings.mesh.second_istio_version is not None:
        yield SECOND, settings.mesh.second_istio_version


RULES: tuple[Callable[[Settings], Iterator[Breach]], ...] = (
    control_planes_are_known_and_fit_kubernetes,
    two_control_planes_are_neighbours,
    everything_is_on_one_of_them,
)
