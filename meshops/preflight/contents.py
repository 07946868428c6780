"""What an existing cluster has already: its add-ons as EKS lists them, and its objects as its API server does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from configuration.settings import Settings
from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools

_KINDS = ("deployments.apps", "daemonsets.apps")
_CLUSTER_KINDS = (
    "customresourcedefinitions.apiextensions.k8s.io",
    "ingressclasses.networking.k8s.io",
    "apiservices.apiregistration.k8s.io",
)


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """One EKS add-on. configuration: as its owner gave it; what is left out has its own default. tags: AWS's."""

    name: str
    version: str
    status: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"add-on {self.name} {self.version}"


@dataclass(frozen=True, kw_only=True)
class Container:
    """image: as the pods' template has it; arguments: command and args."""

    name: str
    image: str
    arguments: tuple[str, ...]

    @property
    def program(self) -> str:
        """`public.ecr.aws/eks/aws-load-balancer-controller:v3.6.0` -> `aws-load-balancer-controller`."""
        return self.image.partition("@")[0].rpartition("/")[2].partition(":")[0]

    @property
    def version(self) -> tuple[int, ...]:
        """`v3.6.0-rc1` -> (3, 6, 0); empty for what is no version."""
        tag = self.image.partition("@")[0].rpartition("/")[2].partition(":")[2].removeprefix("v").partition("-")[0]
        parts = tag.split(".")
        return tuple(map(int, parts)) if all(part.isdigit() for part in parts) else ()

    def option(self, name: str) -> str | None:
        """What `--name=value` says; None where it is not given."""
        head = f"--{name}="
        return next((text.removeprefix(head) for text in self.arguments if text.startswith(head)), None)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """kind: Deployment or DaemonSet. available: whether any pod of it is. release: Helm's, `namespace/name`."""

    kind: str
    namespace: str
    name: str
    available: bool
    containers: tuple[Container, ...]
    release: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """crds: name -> its served versions; ingress_classes: name -> its controller; apis: APIService -> whether it is
    available."""

    addons: tuple[AddOn, ...] = ()
    workloads: tuple[Workload, ...] = ()
    crds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ingress_classes: Mapping[str, str] = field(default_factory=dict)
    apis: Mapping[str, bool] = field(default_factory=dict)

    def running(self, program: str) -> Iterator[tuple[Workload, Container]]:
        """Who runs an image of this name, whatever registry it is from."""
        for workload in self.workloads:
            for container in workload.containers:
                if container.program == program:
                    yield workload, container


def _addons(cluster: str, eks: Any) -> tuple[AddOn, ...]:
    pages = eks.get_paginator("list_addons").paginate(clusterName=cluster)
    names = [name for page in pages for name in page["addons"]]
    return tuple(_addon(eks.describe_addon(clusterName=cluster, addonName=name)["addon"]) for name in sorted(names))


def _addon(raw: Mapping[str, Any]) -> AddOn:
    return AddOn(
        name=raw["addonName"],
        version=raw.get("addonVersion", ""),
        status=raw.get("status", ""),
        # JSON or YAML, as its owner wrote it.
        configuration=yaml.safe_load(raw.get("configurationValues") or "{}"),
        tags=raw.get("tags") or {},
    )


def read_contents(settings: Settings, eks: Any, tools: Tools) -> Contents | Unavailable | None:
    """By EKS's API, and by kubectl if its kubeconfig leads to the very cluster. None for one of the stack's own.

    Raises botocore's errors.
    """
    if settings.cluster.existing is None:
        return None
    name = settings.cluster.name
    endpoint = eks.describe_cluster(name=name)["cluster"]["endpoint"]
    login = f"aws eks update-kubeconfig --name {name} --region {settings.region}, or --kubeconfig FILE."
    try:
        server = tools.ask_kubectl("config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}")
        if server.strip().rstrip("/").lower() != endpoint.rstrip("/").lower():
            return Unavailable(
                reason=f"The kubeconfig leads to {server.strip() or 'no cluster'}, the cluster {name} is {endpoint}.",
                remedy=f"Choose its context: {login}",
            )
        return parse_contents(
            _addons(name, eks),
            json.loads(tools.ask_kubectl("get", ",".join(_KINDS), "--all-namespaces", "--output=json", seconds=60)),
            json.loads(tools.ask_kubectl("get", ",".join(_CLUSTER_KINDS), "--output=json", seconds=60)),
        )
    except ToolError as problem:
        return Unavailable(
            reason=f"What the cluster has could not be read: {problem}",
            remedy=f"Log in as somebody who may read workloads, CRDs and ingress classes: {login}",
        )
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as problem:
        return Unavailable(reason=f"kubectl's answer could not be read: {problem!r}", remedy=f"Log in: {login}")


def parse_contents(addons: tuple[AddOn, ...], *answers: Mapping[str, Any]) -> Contents:
    """answers: kubectl's Lists. Raises KeyError and the like for what is none."""
    items = [item for answer in answers for item in answer["items"]]
    return Contents(
        addons=addons,
        workloads=tuple(_workload(item) for item in items if item["kind"] in ("Deployment", "DaemonSet")),
        crds={
            _name(item): tuple(version["name"] for version in item["spec"]["versions"] if version["served"])
            for item in items
            if item["kind"] == "CustomResourceDefinition"
        },
        ingress_classes={
            _name(item): item["spec"].get("controller", "") for item in items if item["kind"] == "IngressClass"
        },
        apis={
            _name(item): _condition(item.get("status", {}).get("conditions") or (), "Available")
            for item in items
            if item["kind"] == "APIService"
        },
    )


def _name(item: Mapping[str, Any]) -> str:
    return item["metadata"]["name"]


def _condition(conditions: Sequence[Mapping[str, Any]], kind: str) -> bool:
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def _workload(item: Mapping[str, Any]) -> Workload:
    status = item.get("status") or {}
    notes = item["metadata"].get("annotations") or {}
    release = [notes.get(f"meta.helm.sh/release-{part}", "") for part in ("namespace", "name")]
    return Workload(
        kind=item["kind"],
        namespace=item["metadata"]["namespace"],
        name=_name(item),
        available=bool(status.get("availableReplicas") or status.get("numberAvailable")),
        release="/".join(filter(None, release)),
        containers=tuple(
            Container(
                name=container["name"],
                image=container["image"],
                arguments=(*(container.get("command") or ()), *(container.get("args") or ())),
            )
            for container in item["spec"]["template"]["spec"]["containers"]
        ),
    )
