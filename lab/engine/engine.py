"""The lab's engine: each resource that the program registers is really made as it is registered.

Kubernetes objects go to the lab's API server, Helm releases through helm, AWS resources into the stand-in's account.
What no stand-in implements is recorded, with the outputs that the offline plan would make up.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.aws.account import MAKERS, UNTAGGED, AccountOutdated, AwsError, MotoAccount
from lab.aws.made import Made
from lab.cluster.control_plane import ControlPlane
from lab.cluster.helm import Helm, HelmError, release_of
from lab.cluster.objects import Document, Key, Objects, Refused, UnknownKind
from lab.errors import ChartUnavailable, LabError
from lab.load_balancer.report import HOSTS
from offline.made_up import MadeUpOutputs
from offline.registration import EngineError, Registration
from offline.values import Secret, revealed

_REMOVAL_SECONDS = 90.0
_RELEASE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource after it was made. change: created, updated, unchanged, recorded or removed; seconds it took."""

    urn: str
    type: str
    change: str
    seconds: float


@dataclass(kw_only=True)
class _Records:
    """What earlier runs made in the cluster, by URN; kept beside the lab's other state."""

    path: Path
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)

    def load(self) -> None:
        if self.path.exists():
            document = json.loads(self.path.read_text(encoding="utf-8"))
            self.objects, self.releases = document["objects"], document["releases"]

    def save(self) -> None:
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"objects": self.objects, "releases": self.releases}), encoding="utf-8")
        unfinished.replace(self.path)


class LabEngine:
    """An `Engine` (see `offline.monitor`) for one run of the program; it may be called from several threads.

    All it does happens in turn, except for what takes long: charts are installed side by side.

    steps:        what was done, in order
    not_installed: release -> why the lab has no such chart
    await_balancer: waits until the live object has its load balancer; raises LabError
    outdated:     the AWS account has to be made anew and the program run again; from there on nothing was made
    """

    def __init__(
        self,
        plane: ControlPlane,
        account: MotoAccount,
        *,
        region: str,
        report: Callable[[Step], None] | None = None,
        await_balancer: Callable[[Document], object] | None = None,
    ) -> None:
        self.objects = Objects(api=plane.api)
        self.helm = Helm(plane=plane, objects=self.objects)
        self.account = account
        self.steps: list[Step] = []
        self.not_installed: dict[str, str] = {}
        self.outdated = False
        self._plane, self._report = plane, report or (lambda step: None)
        self._await_balancer = await_balancer or (lambda document: None)
        self._recorder = MadeUpOutputs(region)
        self._providers: dict[str, Mapping[str, Any]] = {}
        self._records = _Records(path=plane.state.root / "applied.json")
        self._records.load()
        self._seen: set[str] = set()
        self._cancelled = threading.Event()
        self._turn = threading.Lock()

    def cancel(self) -> None:
        """Makes nothing any more; what is being made is finished, but not waited for."""
        self._cancelled.set()

    def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        try:
            with self._turn:
                return self._create(registration)
        except EngineError:
            self.cancel()
            raise

    def _create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        if self._cancelled.is_set():
            raise EngineError("interrupted")
        if self.outdated:
            return self._recorder.create(registration)
        began = time.monotonic()
        self._seen.add(registration.urn)
        inputs = revealed(registration.inputs)
        try:
            if registration.type == _RELEASE:
                change, answer = self._release(registration, inputs)
            elif registration.type.startswith("kubernetes:"):
                change, answer = self._object(registration, inputs)
            elif registration.type.startswith("aws:") or registration.type == "eks:index:Cluster":
                change, answer = self._aws(registration, inputs)
            else:
                self._providers[registration.urn] = inputs
                return self._recorder.create(registration)
        except (Refused, UnknownKind) as problem:
            raise EngineError(f"the API server refused {_described(inputs)}: {problem}") from problem
        except (HelmError, AwsError) as problem:
            raise EngineError(str(problem)) from problem
        except AccountOutdated:
            # What was handed out so far is about to be void: this run is brought to its end without effect.
            self.outdated = True
            return self._recorder.create(registration)
        self._done(registration.urn, registration.type, change, began)
        return answer

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            return self._call(token, args)

    def _call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token == "aws:index/getCallerIdentity:getCallerIdentity":
            answer = self.account.aws.client("sts").get_caller_identity()
            return {"id": token, "accountId": answer["Account"], "arn": answer["Arn"], "userId": answer["UserId"]}
        return self._recorder.call(token, args)

    def kinds(self) -> dict[str, int]:
        """How many objects of each kind the program has in the cluster, by this engine's own records; sorted."""
        counted = Counter(record["key"]["kind"] for record in self._records.objects.values())
        return dict(sorted(counted.items()))

    def releases(self) -> tuple[str, ...]:
        """`<namespace>/<name>` of every release that was installed, sorted."""
        return tuple(sorted(f"{record['namespace']}/{record['name']}" for record in self._records.releases.values()))

    def finish(self) -> None:
        """Removes what the program no longer has, in the reverse of the order in which it was made.

        Raises EngineError; AccountOutdated if the account has to be made anew.
        """
        try:
            for urn in [urn for urn in reversed(self._records.objects) if urn not in self._seen]:
                began = time.monotonic()
                record = self._records.objects[urn]
                self._take_back(Key(**record["key"]), patch=record["patch"])
                del self._records.objects[urn]
                self._records.save()
                self._done(urn, urn.split("::")[2].rsplit("$", 1)[-1], "removed", began)
            for urn in [urn for urn in reversed(self._records.releases) if urn not in self._seen]:
                began = time.monotonic()
                record = self._records.releases.pop(urn)
                self.helm.uninstall(record["name"], record["namespace"])
                self._records.save()
                self._done(urn, _RELEASE, "removed", began)
        except (Refused, HelmError) as problem:
            raise EngineError(str(problem)) from problem
        self.account.finish()

    # --- Kubernetes --------------------------------------------------------------------------------------------

    def _object(self, registration: Registration, inputs: Document) -> tuple[str, tuple[str, dict[str, Any]]]:
        if not (inputs.get("metadata") or {}).get("name"):
            raise EngineError("the object has no metadata.name: the lab makes no names up")
        key = Key.of(inputs)
        patch = registration.type.endswith("Patch")
        if registration.urn not in self._records.objects:
            self._require_new(key, patch=patch)
        # Written down first: if this process dies in between, the next run still knows that the object is ours.
        self._records.objects[registration.urn] = {"key": asdict(key), "patch": patch}
        self._records.save()
        change, document = self.objects.apply(inputs)
        if _balanced(document):
            try:
                self._await_balancer(document)
            except LabError as problem:
                raise EngineError(str(problem)) from problem
        return change, (f"{key.namespace}/{key.name}" if key.namespace else key.name, _object_outputs(document))

    def _require_new(self, key: Key, *, patch: bool) -> None:
        existing = self.objects.get(key)
        if patch and existing is None:
            raise EngineError(f"{key} does not exist, and a patch does not make it")
        if not patch and existing is not None:
            # As pulumi-kubernetes does since 4.29: what somebody else made is not quietly taken over.
            raise EngineError(f"{key} exists already and is not this stack's (AlreadyExists)")

    def _take_back(self, key: Key, *, patch: bool) -> None:
        if not patch:
            self.objects.delete(key)
            self._await_gone(key)
        elif self.objects.get(key) is not None:
            # An apply that names no field gives back all that were ours.
            self.objects.apply({"apiVersion": key.api_version, "kind": key.kind, "metadata": {"name": key.name}})

    def _await_gone(self, key: Key) -> None:
        """A Namespace takes all it holds with it, and a finalizer may have to be answered first."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        while (left := self.objects.get(key)) is not None:
            if time.monotonic() > deadline:
                waiting = ", ".join(left["metadata"].get("finalizers", ())) or "what it holds"
                raise EngineError(f"{key} is not gone after {_REMOVAL_SECONDS:.0f} s: it waits for {waiting}")
            time.sleep(0.2)

    def _release(self, registration: Registration, inputs: Document) -> tuple[str, tuple[str, dict[str, Any]]]:
        repository = (inputs.get("repositoryOpts") or {}).get("repo") or ""
        chart = str(inputs["chart"]).rstrip("/").rsplit("/", 1)[-1]
        id_, outputs = self._recorder.create(registration)
        try:
            directory = self._plane.toolchain.chart(repository, str(inputs["chart"]))
        except ChartUnavailable as problem:
            self.not_installed[f"{inputs.get('namespace')}/{inputs.get('name') or registration.name}"] = str(problem)
            return "recorded", (id_, outputs)
        release = release_of(registration.name, inputs, chart=chart, directory=directory)
        known = self._records.releases.get(registration.urn, {}).get("digest", "")
        record = {"name": release.name, "namespace": release.namespace, "digest": ""}
        self._records.releases[registration.urn] = record
        self._records.save()
        self._turn.release()
        try:
            # A connection of its own: `Objects` is for one thread at a time.
            helm = Helm(plane=self._plane, objects=Objects(api=self._plane.api), cancelled=self._cancelled)
            change, revision = helm.install(release, known)
        finally:
            self._turn.acquire()
        record["digest"] = release.digest
        self._records.save()
        outputs["status"] = {**outputs.get("status", {}), "revision": revision}
        return change, (id_, outputs)

    # --- AWS ---------------------------------------------------------------------------------------------------

    def _aws(self, registration: Registration, inputs: Document) -> tuple[str, tuple[str, dict[str, Any]]]:
        made_up_id, made_up = self._recorder.create(registration)
        if registration.type in MAKERS and registration.type not in UNTAGGED:
            tags = {**self._default_tags(registration.provider), **(inputs.get("tags") or {})}
            inputs = {**inputs, **({"tags": tags} if tags else {})}
        made = self.account.make(
            registration.urn,
            registration.type,
            registration.name,
            inputs,
            stand_in=lambda: Made(id=made_up_id, outputs=revealed(made_up)),
        )
        change = self.account.changes[registration.urn]
        if registration.type == "eks:index:Cluster":
            return change, ("", self._cluster_outputs(made, made_up))
        return change, (made.id, made.outputs)

    def _cluster_outputs(self, made: Made, made_up: dict[str, Any]) -> dict[str, Any]:
        """What the component gives out; the kubeconfig leads to the lab's own API server."""
        text = self._plane.kubeconfig.read_text(encoding="utf-8")
        kubeconfig = yaml.safe_load(text)
        known = {key: made.outputs[key] for key in made.outputs.keys() & made_up.keys()}
        return {
            **made_up,
            **known,
            "kubeconfig": Secret(kubeconfig),
            "kubeconfigJson": Secret(json.dumps(kubeconfig)),
        }

    def _default_tags(self, provider: str) -> Mapping[str, str]:
        inputs = self._providers.get(provider.rpartition("::")[0], {})
        given = inputs.get("defaultTags") or {}
        # A provider's structured inputs travel as JSON text.
        return (json.loads(given) if isinstance(given, str) else given).get("tags") or {}

    def _done(self, urn: str, type_: str, change: str, began: float) -> None:
        step = Step(urn=urn, type=type_, change=change, seconds=time.monotonic() - began)
        self.steps.append(step)
        self._report(step)


def _described(inputs: Mapping[str, Any]) -> str:
    try:
        return str(Key.of(inputs))
    except KeyError:
        return "an object without kind or name"


def _object_outputs(document: Document) -> dict[str, Any]:
    """What the provider gives out: the live object, less the bookkeeping of its fields; a Secret's data as secrets."""
    metadata = {key: value for key, value in document["metadata"].items() if key != "managedFields"}
    outputs: dict[str, Any] = {"metadata": metadata}
    for key in ("spec", "status"):
        if key in document:
            outputs[key] = document[key]
    if _balanced(document):
        # As the provider gives it: AWS has no address for it, only the name.
        outputs["status"] = {"loadBalancer": {"ingress": [{"hostname": HOSTS[document["kind"]]}]}}
    return outputs


def _balanced(document: Document) -> bool:
    """Whether a load balancer is made for it, which the provider waits for."""
    if document["kind"] == "Service":
        return document["spec"].get("type") == "LoadBalancer"
    return document["kind"] == "Ingress"
