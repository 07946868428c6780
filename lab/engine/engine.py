"""The lab's engine: hands each resource that the program registers to the maker of its provider."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.aws.account import AccountOutdated, MotoAccount
from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Document, Key, Objects, Refused, UnknownKind
from lab.engine import aws_resources, helm_releases
from lab.engine.aws_resources import AwsResources
from lab.engine.helm_releases import HelmReleases
from lab.engine.kubernetes_objects import KubernetesObjects
from lab.engine.maker import Maker
from lab.engine.recorded import Recorded
from lab.engine.records import Records
from lab.errors import LabError
from offline.made_up import MadeUpOutputs
from offline.registration import EngineError, Registration
from offline.values import revealed

_REMOVAL_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """What was done to one resource. what: created, updated, unchanged, recorded or removed; seconds it took."""

    urn: str
    type: str
    what: str
    seconds: float


class LabEngine:
    """An `Engine` (see `offline.monitor`) for one run of the program; it may be called from several threads.

    All it does happens in turn, except for what takes long: charts are installed and Deployments roll side by side.

    changes:      what was done, in order
    records:      what the program has in the cluster
    problem:      why the run failed, while what was under way beside it says "interrupted"
    outdated:     the AWS account has to be made anew and the program run again; from there on nothing was made
    await_balancer: waits until the load balancer of a live object is played; raises LabError
    patience:     seconds that an object which is removed may take to be gone
    """

    def __init__(
        self,
        plane: ControlPlane,
        account: MotoAccount,
        *,
        region: str,
        objects: Objects | None = None,
        report: Callable[[Change], None] = lambda change: None,
        await_balancer: Callable[[Document], object] = lambda document: None,
        patience: float = _REMOVAL_SECONDS,
    ) -> None:
        self.account = account
        self.changes: list[Change] = []
        self.outdated = False
        self.problem = ""
        self.records = Records(plane.state.root / "applied.json")
        self._report, self._made_up = report, MadeUpOutputs(region)
        self._seen: set[str] = set()
        self._cancelled, self._turn = threading.Event(), threading.Lock()
        self._recorded = Recorded(self._made_up)
        self._objects = KubernetesObjects(
            objects or Objects(api=plane.api), self.records, await_balancer, patience, self._turn, self._cancelled
        )
        self._releases = HelmReleases(plane, self.records, self._made_up, self._turn, self._cancelled)
        self._aws = AwsResources(account, self._made_up, self._recorded.providers, plane.kubeconfig)

    def cancel(self) -> None:
        """Makes nothing any more; what is being made is finished, but not waited for."""
        self._cancelled.set()

    def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        try:
            with self._turn:
                return self._create(registration)
        except EngineError as problem:
            if not self._cancelled.is_set():
                self.problem = f"{registration.urn}: {problem}"
            self.cancel()
            raise

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            if token == aws_resources.CALLER_IDENTITY:
                return self._aws.caller_identity()
            return self._made_up.call(token, args)

    def finish(self) -> None:
        """Removes what the program no longer has, in the reverse of the order in which it was made.

        Raises EngineError; AccountOutdated if the account has to be made anew.
        """
        try:
            for maker in self._makers():
                began = time.monotonic()
                for urn, type_ in maker.remove_others(self._seen):
                    self._done(urn, type_, "removed", began)
                    began = time.monotonic()
        except (Refused, LabError) as problem:
            raise EngineError(str(problem)) from problem

    def destroy(self, order: Sequence[Registration]) -> None:
        """Removes these, one after the other, and waits for the end of each; see `destruction.order`.

        Raises EngineError at the first that does not go.
        """
        for registration in order:
            began = time.monotonic()
            try:
                removed = any(maker.remove(registration.urn) for maker in self._makers())
            except (Refused, LabError) as problem:
                raise EngineError(f"{registration.urn.split('$')[-1]}: {problem}") from problem
            except AccountOutdated as problem:
                raise EngineError(f"{registration.urn.split('$')[-1]}: something still holds on to it") from problem
            if removed:
                self._done(registration.urn, registration.type, "removed", began)

    def _makers(self) -> tuple[Maker, ...]:
        return (self._objects, self._releases, self._aws)

    def _create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        if self._cancelled.is_set():
            raise EngineError("interrupted")
        if self.outdated:
            return self._made_up.create(registration)
        began = time.monotonic()
        self._seen.add(registration.urn)
        inputs = revealed(registration.inputs)
        try:
            made = self._maker(registration.type).make(registration, inputs)
        except (Refused, UnknownKind) as problem:
            raise EngineError(f"the API server refused {_described(inputs)}: {problem}") from problem
        except LabError as problem:
            raise EngineError(str(problem)) from problem
        except AccountOutdated:
            # What was handed out so far is about to be void: this run is brought to its end without effect.
            self.outdated = True
            return self._made_up.create(registration)
        if made.change:
            self._done(registration.urn, registration.type, made.change, began)
        return made.id, made.outputs

    def _maker(self, type_: str) -> Maker:
        if type_ == helm_releases.TYPE:
            return self._releases
        if type_.startswith("kubernetes:"):
            return self._objects
        if type_.startswith("aws:") or type_ == aws_resources.EKS_CLUSTER:
            return self._aws
        return self._recorded

    def _done(self, urn: str, type_: str, what: str, began: float) -> None:
        change = Change(urn=urn, type=type_, what=what, seconds=time.monotonic() - began)
        self.changes.append(change)
        self._report(change)


def _described(inputs: Mapping[str, Any]) -> str:
    try:
        return str(Key.of(inputs))
    except KeyError:
        return "an object without kind or name"
