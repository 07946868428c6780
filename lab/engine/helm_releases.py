"""Helm releases, installed by helm."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator

from lab.cluster.control_plane import ControlPlane
from lab.cluster.helm import Helm, release_of
from lab.cluster.objects import Objects
from lab.engine.maker import Inputs, Made
from lab.engine.records import Records
from offline.made_up import MadeUpOutputs
from offline.registration import Registration

TYPE = "kubernetes:helm.sh/v3:Release"


class HelmReleases:
    """A `Maker`.

    turn: held by the caller; others have it while a chart is installed, which takes long
    cancelled: once set, nothing is waited for any more
    """

    def __init__(
        self,
        plane: ControlPlane,
        records: Records,
        made_up: MadeUpOutputs,
        turn: threading.Lock,
        cancelled: threading.Event,
    ) -> None:
        self._plane, self._records, self._made_up = plane, records, made_up
        self._turn, self._cancelled = turn, cancelled

    def make(self, registration: Registration, inputs: Inputs) -> Made:
        repository = (inputs.get("repositoryOpts") or {}).get("repo") or ""
        chart = str(inputs["chart"]).rstrip("/").rsplit("/", 1)[-1]
        id_, outputs = self._made_up.create(registration)
        directory = self._plane.toolchain.chart(repository, str(inputs["chart"]))
        release = release_of(registration.name, inputs, chart=chart, directory=directory)
        known = self._records.releases.get(registration.urn, {}).get("digest", "")
        self._records.note_release(registration.urn, release.name, release.namespace)
        self._turn.release()
        try:
            change, revision = self._helm().install(release, known)
        finally:
            self._turn.acquire()
        self._records.note_release(registration.urn, release.name, release.namespace, release.digest)
        outputs["status"] = {**outputs.get("status", {}), "revision": revision}
        return Made(change=change, id=id_, outputs=outputs)

    def remove_others(self, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
        for urn in [urn for urn in reversed(self._records.releases) if urn not in wanted]:
            self.remove(urn)
            yield urn, TYPE

    def remove(self, urn: str) -> bool:
        if urn not in self._records.releases:
            return False
        record = self._records.releases.pop(urn)
        self._helm().uninstall(record["name"], record["namespace"])
        self._records.save()
        return True

    def _helm(self) -> Helm:
        # A connection of its own: `Objects` is for one thread at a time.
        return Helm(plane=self._plane, objects=Objects(api=self._plane.api), cancelled=self._cancelled)
