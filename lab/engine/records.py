"""What earlier runs made in the cluster, by URN; kept beside the lab's other state."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.cluster.objects import Key
from lab.files import replace


class Records:
    """objects: URN -> its key, and whether it is a patch; releases: URN -> name, namespace and digest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"objects": {}, "releases": {}}
        self.objects: dict[str, dict[str, Any]] = document["objects"]
        self.releases: dict[str, dict[str, Any]] = document["releases"]

    def note_object(self, urn: str, key: Key, *, patch: bool) -> None:
        self.objects[urn] = {"key": asdict(key), "patch": patch}
        self.save()

    def note_release(self, urn: str, name: str, namespace: str, digest: str = "") -> None:
        """digest: of what was installed; empty until that is known."""
        self.releases[urn] = {"name": name, "namespace": namespace, "digest": digest}
        self.save()

    def save(self) -> None:
        replace(self._path, {"objects": self.objects, "releases": self.releases})

    def kinds(self) -> dict[str, int]:
        """How many objects of each kind the program has in the cluster; sorted."""
        return dict(sorted(Counter(record["key"]["kind"] for record in self.objects.values()).items()))

    def release_names(self) -> tuple[str, ...]:
        """`<namespace>/<name>` of every release that was installed, sorted."""
        return tuple(sorted(f"{record['namespace']}/{record['name']}" for record in self.releases.values()))
