"""Extracts from the pinned Go modules into `schemas/` what `plan` validates against, and the CRDs that `up` applies.

    python -m validation.build.write

Sources: the CustomResourceDefinitions of Istio, cert-manager, Karpenter and the Secrets Store driver, Kubernetes'
OpenAPI, and the Go types of its API for the enums, which that OpenAPI leaves out. Go fetches the modules and checks
them against its checksum database.
The schemas are JSON Schema: an object takes the fields its schema names and no others, as the API server's strict field
validation has it. The CRDs (`schemas/crds`) are the AWS Load Balancer Controller's, whole but for descriptions: its
chart has them in `crds/`, where Helm upgrades nothing. Run it again after raising a version in `versions.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import versions
from validation.build.enums import enums_of
from validation.build.translate import custom_resource, definition

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"

# The newest patch of the pinned minor whose source the Go proxy has; fields do not change within a minor.
KUBERNETES_PATCH = 4

# What this program, its charts' surroundings and ordinary applications submit; not all of Kubernetes.
KUBERNETES_KINDS: dict[str, tuple[str, ...]] = {
    "v1": (
        "ConfigMap",
        "LimitRange",
        "Namespace",
        "PersistentVolumeClaim",
        "Pod",
        "ResourceQuota",
        "Secret",
        "Service",
        "ServiceAccount",
    ),
    "apiextensions.k8s.io/v1": ("CustomResourceDefinition",),
    "admissionregistration.k8s.io/v1": (
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ),
    "apps/v1": ("DaemonSet", "Deployment", "StatefulSet"),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "batch/v1": ("CronJob", "Job"),
    "networking.k8s.io/v1": ("Ingress", "IngressClass", "NetworkPolicy"),
    "policy/v1": ("PodDisruptionBudget",),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    "scheduling.k8s.io/v1": ("PriorityClass",),
    "storage.k8s.io/v1": ("StorageClass",),
}


def modules() -> dict[str, str]:
    """Schema group -> the Go module and version it must come from, as `versions.py` pins it."""
    return {
        "istio": f"istio.io/api@v{versions.ISTIO}",
        "cert-manager": f"github.com/cert-manager/cert-manager@{versions.CERT_MANAGER}",
        "karpenter": f"github.com/aws/karpenter-provider-aws@v{versions.KARPENTER}",
        "secrets-store": f"sigs.k8s.io/secrets-store-csi-driver@v{versions.SECRETS_STORE_DRIVER}",
        "kubernetes": f"k8s.io/kubernetes@v{versions.KUBERNETES}.{KUBERNETES_PATCH}",
    }


def main() -> int:
    sources = modules()
    istio = _fetch(sources["istio"]) / "kubernetes" / "customresourcedefinitions.gen.yaml"
    cert_manager = _fetch(sources["cert-manager"]) / "deploy" / "crds"
    karpenter = _archive(sources["karpenter"]) / "pkg" / "apis" / "crds"
    secrets_store = _fetch(sources["secrets-store"]) / "config" / "crd" / "bases"
    minor = versions.KUBERNETES.removeprefix("1.")
    api_types = _fetch(f"k8s.io/api@v0.{minor}.{KUBERNETES_PATCH}")
    openapi = _fetch(sources["kubernetes"]) / "api" / "openapi-spec" / "v3"
    groups = {
        "istio": _custom_resources((istio,)),
        "cert-manager": _custom_resources(sorted(cert_manager.glob("*.yaml"))),
        "karpenter": _custom_resources(
            [karpenter / f"{name}.yaml" for name in ("karpenter.k8s.aws_ec2nodeclasses", "karpenter.sh_nodepools")]
        ),
        "secrets-store": _custom_resources([secrets_store / "secrets-store.csi.x-k8s.io_secretproviderclasses.yaml"]),
        "kubernetes": _built_in(openapi, enums_of(api_types)),
    }
    SCHEMAS.mkdir(exist_ok=True)
    for group, content in groups.items():
        path = SCHEMAS / f"{group}.json"
        path.write_text(_render({"module": sources[group], **content}), encoding="utf-8")
        print(f"{path.name}: {len(content['kinds'])} kinds of {sources[group]}, {path.stat().st_size // 1024} KiB")
    _write_crds(versions.LOAD_BALANCER_CONTROLLER_MODULE)
    return 0


# Those of the Gateway API lie beside it: the program uses none, and without them the controller leaves it off.
_CONTROLLER_CRDS = "helm/aws-load-balancer-controller/crds/crds.yaml"


def _write_crds(module: str) -> None:
    text = (_fetch(module) / _CONTROLLER_CRDS).read_text(encoding="utf-8")
    documents = [_undescribed(document) for document in yaml.safe_load_all(text) if document]
    path = SCHEMAS / "crds" / "aws-load-balancer-controller.json"
    path.parent.mkdir(exist_ok=True)
    head = {
        "module": module,
        "file": _CONTROLLER_CRDS,
        "license": "Apache-2.0, The Kubernetes Authors. Changed: descriptions are left out.",
    }
    lines = [json.dumps(document, sort_keys=True, separators=(",", ":")) for document in documents]
    parts = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    parts.append('"documents": [\n' + ",\n".join(lines) + "\n]")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    print(f"crds/{path.name}: {len(documents)} CRDs of {module}, {path.stat().st_size // 1024} KiB")


def _undescribed(node: Any) -> Any:
    if isinstance(node, Mapping):
        # A property may be called `description` too: then it is no text.
        return {
            key: _undescribed(value)
            for key, value in node.items()
            if not (key == "description" and isinstance(value, str))
        }
    return [_undescribed(item) for item in node] if isinstance(node, list) else node


def _fetch(module: str) -> Path:
    """The directory of a module in Go's cache. Raises `SystemExit` if Go cannot get it."""
    answer = _download(module)
    if "Dir" not in answer:
        raise SystemExit(f"{module}: {answer.get('Error')}")
    return Path(answer["Dir"])


def _archive(module: str) -> zipfile.Path:
    """The root of a module in its archive, as Go has fetched and checked it; raises as `_fetch`.

    Of a module that asks for a newer Go than is installed Go unpacks no directory, and it is only read here.
    """
    answer = _download(module)
    if "Zip" not in answer:
        raise SystemExit(f"{module}: {answer.get('Error')}")
    return zipfile.Path(answer["Zip"], at=f"{module}/")


def _download(module: str) -> dict[str, str]:
    """What Go says of it: Dir, Zip, Error."""
    try:
        # In /: no go.mod above may change what is resolved.
        done = subprocess.run(
            ["go", "mod", "download", "-json", module], cwd="/", capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise SystemExit("Go is not installed; it fetches and checks the modules the schemas come from.") from None
    answer = json.loads(done.stdout or "{}")
    return {"Error": done.stderr.strip(), **answer}


def _custom_resources(files: Sequence[Path | zipfile.Path]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    for file in files:
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            if not document:
                continue
            spec = document["spec"]
            served = [version for version in spec["versions"] if version["served"]]
            # One version per kind, the stable one if there is any: the program writes no other.
            newest = next((version for version in served if version["name"] == "v1"), served[0])
            key = f"{spec['group']}/{newest['name']}/{spec['names']['kind']}"
            kinds[key] = {
                "namespaced": spec["scope"] == "Namespaced",
                "schema": custom_resource(newest["schema"]["openAPIV3Schema"]),
            }
    return {"kinds": kinds}


def _built_in(openapi: Path, enums: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    kinds: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for api_version, names in KUBERNETES_KINDS.items():
        file = f"{'api' if api_version == 'v1' else 'apis'}__{api_version.replace('/', '__')}_openapi.json"
        document = json.loads((openapi / file).read_text(encoding="utf-8"))
        group, _, version = api_version.rpartition("/")
        known = {
            (entry["group"], entry["version"], entry["kind"]): name
            for name, schema in document["components"]["schemas"].items()
            for entry in schema.get("x-kubernetes-group-version-kind", ())
        }
        for kind in names:
            root = known[(group, version, kind)]
            kinds[f"{api_version}/{kind}"] = {
                "namespaced": _namespaced(document, group, version, kind),
                "schema": {"$ref": f"#/$defs/{root}"},
            }
            _collect(root, document["components"]["schemas"], enums, definitions)
    return {"kinds": kinds, "$defs": definitions}


def _namespaced(document: Mapping[str, Any], group: str, version: str, kind: str) -> bool:
    identity = {"group": group, "version": version, "kind": kind}
    return any(
        "{namespace}" in path and item.get("post", {}).get("x-kubernetes-group-version-kind") == identity
        for path, item in document["paths"].items()
    )


def _collect(
    name: str, schemas: Mapping[str, Any], enums: Mapping[str, Mapping[str, Any]], definitions: dict[str, Any]
) -> None:
    """Adds a definition and all it refers to."""
    if name in definitions:
        return
    definitions[name] = translated = definition(name, schemas[name], enums.get(name, {}))
    for reference in _references(translated):
        _collect(reference, schemas, enums, definitions)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, Mapping):
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield reference.removeprefix("#/$defs/")
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def _render(content: Mapping[str, Any]) -> str:
    """Compact JSON with a line for each kind and definition, so that a raised version gives a readable diff."""
    parts = [f'"module": {json.dumps(content["module"])}']
    for section in ("kinds", "$defs"):
        if section in content:
            lines = (
                f"{json.dumps(key)}: {json.dumps(value, sort_keys=True, separators=(',', ':'))}"
                for key, value in sorted(content[section].items())
            )
            parts.append(f'"{section}": {{\n' + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
