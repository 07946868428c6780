"""The way back at once, on the cluster, while the patch of the settings is still under review."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from configuration.applications import Namespace
from configuration.settings import Settings
from manifests.document import Document
from manifests.names import INJECTION_LABEL, ISTIO_SYSTEM
from manifests.stack import StackDocuments
from meshops.progress import Progress
from meshops.tools import Tools, as_list
from meshops.waves.order import Step
from meshops.waves.stages import settings_of

FIELD_MANAGER = "meshops-waves"
"""By which the API server knows who changed it (metadata.managedFields)."""
_PULUMI = "pulumi-"
"""How the managers begin that the provider makes up, one for each resource; the lab's is `pulumi-lab`."""

# What decides how traffic flows. Never what holds a secret's value or an image: those change with `pulumi up` alone.
_FOUND_BY: Mapping[str, str] = {
    "PeerAuthentication": "MV606",
    "Namespace": "MV607",
    "AuthorizationPolicy": "MV608",
    "RequestAuthentication": "MW101",
    "VirtualService": "MV609",
    "Sidecar": "MV611",
    "ServiceEntry": "MV611",
    "DestinationRule": "MV615",
    "NetworkPolicy": "MV616",
}
_PUSH_SECONDS = 5.0
"""From the API server by istiod to every proxy: seconds at most in a mesh of this size."""
_ROLLOUT_SECONDS = 600.0

Key = tuple[str, str, str]
MADE = "made: `up` ends with AlreadyExists until it is imported"
"""pulumi-kubernetes makes nothing that is there (4.29 and later): https://github.com/pulumi/pulumi-kubernetes/pull/4278"""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Objects that are set or removed together; then the proxies are given time to hear of it.

    restart: namespaces whose workloads are restarted after it.
    """

    apply: tuple[Document, ...] = ()
    delete: tuple[Key, ...] = ()
    restart: tuple[str, ...] = ()


def turns(settings: Settings, step: Step) -> tuple[Turn, ...]:
    """What to do on a cluster that is as the settings say, in an order in which no side speaks what the other refuses
    (ADR 5): first whoever is to leave takes plaintext, then its callers speak it, then its pods lose their sidecars."""
    leaving = tuple(name for name, stage in step.moves.items() if stage == "outside")
    softened = moved(settings, step, meanwhile=True)
    first, gone = _difference(settings, softened)
    found = [
        # Each namespace's own mode before the mesh's, which held for those that stay strict.
        Turn(apply=tuple(item for item in first if _where(item) != ISTIO_SYSTEM)),
        Turn(apply=tuple(item for item in first if _where(item) == ISTIO_SYSTEM)),
        Turn(delete=gone),
    ]
    if leaving:
        second, gone = _difference(softened, moved(settings, step))
        rules = tuple(item for item in second if item["kind"] == "DestinationRule")
        others = tuple(item for item in second if item["kind"] != "DestinationRule")
        found += [Turn(apply=rules), Turn(apply=others, restart=leaving), Turn(delete=gone)]
    return tuple(turn for turn in found if turn.apply or turn.delete or turn.restart)


def moved(settings: Settings, step: Step, *, meanwhile: bool = False) -> Settings:
    """The settings after the step; meanwhile: with whoever leaves the mesh still in it, and taking plaintext."""

    def placed(namespace: Namespace) -> Namespace:
        stage = step.moves.get(namespace.name)
        if stage is None:
            return namespace
        if stage == "outside" and meanwhile:
            return replace(namespace, phase="permissive")
        phase, authorization = settings_of(stage)
        records = "always" if namespace.name in step.named else namespace.dns_records
        return replace(namespace, phase=phase, authorization=authorization, dns_records=records)

    return replace(settings, namespaces=tuple(map(placed, settings.namespaces)))


def _difference(old: Settings, new: Settings) -> tuple[tuple[Document, ...], tuple[Key, ...]]:
    """What differs or is new, in the order of the documents; and what is gone, the narrowest first."""
    before, after = ({_key(item): item for item in _documents(settings)} for settings in (old, new))
    changed = tuple(item for key, item in after.items() if before.get(key) != item)
    return changed, tuple(key for key in reversed(before) if key not in after)


def _documents(settings: Settings) -> Iterable[Document]:
    made = StackDocuments(settings=settings)
    return (item for item in (*made.platform(), *made.of(settings.namespaces)) if item["kind"] in _FOUND_BY)


def _key(item: Document) -> Key:
    return item["kind"], _where(item), item["metadata"]["name"]


def _where(item: Document) -> str:
    return item["metadata"].get("namespace", "")


def apply(tools: Tools, settings: Settings, step: Step, progress: Progress) -> tuple[str, ...]:
    """Takes the step on the cluster. Gives what it left there that the settings do not say. Raises ToolError: what
    was done by then stays done, and each turn by itself leaves traffic flowing."""
    known = {_key(item) for item in _documents(settings)}
    done: list[str] = []
    for turn in turns(settings, step):
        _set(tools, turn.apply, settings)
        done += [_told(*_key(item), "changed" if _key(item) in known else MADE) for item in turn.apply]
        for kind, namespace, name in turn.delete:
            where = (f"--namespace={namespace}",) if namespace else ()
            tools.ask_kubectl("delete", kind, name, *where, "--ignore-not-found")
            done.append(_told(kind, namespace, name, "removed"))
        if turn.apply or turn.delete:
            progress.update(f"{len(done)} objects changed; the proxies are told")
            time.sleep(_PUSH_SECONDS)
        for namespace in turn.restart:
            done += [f"{name} of {namespace} restarted" for name in restart(tools, namespace, progress)]
    return tuple(done)


def _set(tools: Tools, documents: Sequence[Document], settings: Settings) -> None:
    objects = [item for item in documents if item["kind"] != "Namespace"]
    owners = _owners(tools, objects) if objects else {}
    shares: dict[str, list[Document]] = {}
    for item in objects:
        shares.setdefault(owners.get(_key(item), FIELD_MANAGER), []).append(item)
    for manager, share in sorted(shares.items()):
        tools.ask_kubectl(
            "apply",
            "--server-side",
            "--force-conflicts",
            f"--field-manager={manager}",
            "--filename=-",
            stdin=as_list(share),
        )
    for item in documents:
        if item["kind"] == "Namespace":
            _label(tools, item, settings)


def _owners(tools: Tools, objects: Sequence[Document]) -> dict[Key, str]:
    """The manager by which Pulumi applied each object that is there: another one's value would be a conflict that ends
    the next `up` (https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/).
    """
    text = tools.ask_kubectl(
        "get", "--filename=-", "--show-managed-fields", "--ignore-not-found", "--output=json",
        stdin=as_list(objects),
    )  # fmt: skip
    found = json.loads(text) if text.strip() else {"items": []}
    return {
        _key(item): entry["manager"]
        for item in found.get("items", [found])
        for entry in item["metadata"].get("managedFields", ())
        if entry["operation"] == "Apply" and entry["manager"].startswith(_PULUMI)
    }


def _label(tools: Tools, item: Document, settings: Settings) -> None:
    """To the labels of the document; those that the settings gave it before and do not any more are taken away."""
    name, wanted = item["metadata"]["name"], item["metadata"].get("labels", {})
    made = StackDocuments(settings=settings).of(settings.namespaces)
    before = next((one for one in made if _key(one) == ("Namespace", "", name)), item)
    gone = [key for key in before["metadata"].get("labels", {}) if key not in wanted]
    pairs = [*(f"{key}={value}" for key, value in wanted.items()), *(f"{key}-" for key in gone)]
    tools.ask_kubectl("label", "namespace", name, "--overwrite", f"--field-manager={FIELD_MANAGER}", *pairs)


def restart(tools: Tools, namespace: str, progress: Progress) -> tuple[str, ...]:
    """Every workload of a namespace without a sidecar, one after the other, each waited for. Raises ToolError.

    A pod that names a revision itself is injected in a namespace without a label too: that label goes.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    metadata = {"labels": {INJECTION_LABEL: None}, "annotations": {"kubectl.kubernetes.io/restartedAt": now}}
    body = json.dumps({"spec": {"template": {"metadata": metadata}}})
    where = f"--namespace={namespace}"
    names = tools.ask_kubectl("get", "deployments,statefulsets,daemonsets", where, "--output=name").split()
    for name in names:
        progress.update(f"{namespace}: {name} restarts")
        tools.ask_kubectl("patch", name, where, "--type=merge", f"--field-manager={FIELD_MANAGER}", f"--patch={body}")
        limit = f"--timeout={_ROLLOUT_SECONDS:.0f}s"
        tools.ask_kubectl("rollout", "status", name, where, limit, seconds=_ROLLOUT_SECONDS + 10)
    return tuple(names)


def _told(kind: str, namespace: str, name: str, what: str) -> str:
    return f"{kind} {namespace}{'/' if namespace else ''}{name} {what}"


def taken_back(settings: Settings, step: Step) -> tuple[str, ...]:
    """The namespaces whose own objects change in the step, and which Git delivers: there it does not last."""
    changed = {
        namespace or name
        for turn in turns(settings, step)
        for kind, namespace, name in (*map(_key, turn.apply), *turn.delete)
        if namespace or kind == "Namespace"
    }
    return tuple(one.name for one in settings.namespaces if one.delivery == "git" and one.name in changed)


def found_by(settings: Settings, step: Step) -> tuple[str, ...]:
    """The checks that will say so until the settings do."""
    kinds = {
        kind
        for turn in turns(settings, step)
        for kind in (*(item["kind"] for item in turn.apply), *(key[0] for key in turn.delete))
    }
    return tuple(sorted({"MW101", *(_FOUND_BY[kind] for kind in kinds)}))
