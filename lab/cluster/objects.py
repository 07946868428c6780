"""Kubernetes objects, applied server-side over one kept connection: kubectl would start anew for each of a hundred."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

from lab.cluster.api import ApiServer
from lab.waiting import patiently

FIELD_MANAGER = "pulumi-lab"
APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
# How long a server that asks to be asked again later is asked.
_BUSY_SECONDS = 30.0
_PAUSE_SECONDS = 0.2
_TIMEOUT_SECONDS = 60.0
# A webhook that its chart has just installed answers once its endpoint is known; a kind, once its CRD is established.
_PATIENCE_SECONDS = 30.0
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

Document = dict[str, Any]
Change = Literal["created", "updated", "unchanged"]


class Refused(Exception):
    """The API server refused a request. status: HTTP's; reason: Kubernetes', e.g. `Invalid`.

    The message names the fields at fault where the API server does.
    """

    def __init__(self, status: int, body: Document) -> None:
        self.status = status
        self.reason = str(body.get("reason", ""))
        causes = (body.get("details") or {}).get("causes") or ()
        fields = [f"{cause['field']}: {cause.get('message', '')}" for cause in causes if cause.get("field")]
        message = str(body.get("message") or body)
        super().__init__("; ".join(fields) if fields and self.reason == "Invalid" else message)


@dataclass(frozen=True, kw_only=True)
class Key:
    """Which object: everything that identifies it."""

    api_version: str
    kind: str
    namespace: str
    """Empty for a cluster-scoped object."""
    name: str

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Key:
        metadata = document.get("metadata") or {}
        return cls(
            api_version=document["apiVersion"],
            kind=document["kind"],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
        )

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where} ({self.api_version})"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One kind as the API server serves it. path: below which its API group lies, e.g. `/apis/apps/v1`."""

    path: str
    plural: str
    kind: str
    namespaced: bool


@dataclass(kw_only=True)
class Objects:
    """The objects of one cluster. For one thread at a time."""

    api: ApiServer
    field_manager: str = FIELD_MANAGER
    _connection: http.client.HTTPSConnection | None = None
    _kinds: dict[tuple[str, str], Resource] = field(default_factory=dict)

    def apply(self, document: Document) -> tuple[Change, Document]:
        """Makes the object what `document` says; returns what was done, and the object. Raises Refused."""
        key = Key.of(document)
        path = self._path(key)
        before = self._get(path)
        query = urlencode({"fieldManager": self.field_manager, "force": "true"})
        after = patiently(
            lambda: self._patched(f"{path}?{query}", document),
            # The webhook's server is starting; whatever it decides is final, that it does not answer yet is not.
            lambda answer: not (isinstance(answer, Refused) and "failed calling webhook" in str(answer)),
            seconds=_PATIENCE_SECONDS,
            pause=_PAUSE_SECONDS,
        )
        if isinstance(after, Refused):
            raise after
        if before is None:
            return "created", after
        same = self._stated(before) == self._stated(after)
        return ("unchanged" if same else "updated"), after

    def _stated(self, document: Document) -> Document:
        """What an apply can change. A controller may write the status between the reading and the applying."""
        metadata = {key: value for key, value in document["metadata"].items() if key != "resourceVersion"}
        metadata["managedFields"] = [
            entry
            for entry in metadata.get("managedFields", ())
            if (entry["manager"], entry["operation"]) == (self.field_manager, "Apply")
        ]
        return {**document, "metadata": metadata, "status": None}

    def get(self, key: Key) -> Document | None:
        """The object, or None if there is none."""
        try:
            return self._get(self._path(key))
        except UnknownKind:
            return None

    def delete(self, key: Key) -> bool:
        """Removes the object, its dependents in the background; False if there was none. Raises Refused."""
        try:
            self._send("DELETE", f"{self._path(key)}?propagationPolicy=Background", None, "application/json")
        except UnknownKind:
            return False
        except Refused as refusal:
            if refusal.status == http.client.NOT_FOUND:
                return False
            raise
        return True

    def abandon(self, key: Key) -> None:
        """Removes an object without waiting for those who hold it: they have nothing left to do. Raises Refused."""
        if self.delete(key) and self.get(key) is not None:
            try:
                self._send("PATCH", self._path(key), {"metadata": {"finalizers": None}}, _MERGE)
            except Refused as refusal:
                if refusal.status != http.client.NOT_FOUND:
                    raise

    def listed(self, api_version: str, kind: str, *, namespace: str = "", labels: str = "") -> list[Document]:
        """Objects of a kind; in all namespaces if none is given. labels: a selector."""
        resource = self._resource(api_version, kind)
        base = f"{resource.path}/namespaces/{namespace}" if namespace else resource.path
        query = f"?{urlencode({'labelSelector': labels})}" if labels else ""
        return self._send("GET", f"{base}/{resource.plural}{query}").get("items") or []

    def resources(self) -> Iterator[Resource]:
        """Every kind that can be listed, once: in the version that its group prefers, if that one has it.

        Istio's EnvoyFilter, for one, has only an older version than the rest of its group.
        """
        yield from self._served("/api/v1")
        for group in self._send("GET", "/apis").get("groups", ()):
            preferred = group["preferredVersion"]["groupVersion"]
            others = (version["groupVersion"] for version in group["versions"])
            seen: set[str] = set()
            for version in (preferred, *(other for other in others if other != preferred)):
                for resource in self._served(f"/apis/{version}"):
                    if resource.kind not in seen:
                        seen.add(resource.kind)
                        yield resource

    def applied(self, resource: Resource) -> list[Document]:
        """The metadata of those objects of a kind that were applied by this field manager."""
        answer = self._send("GET", f"{resource.path}/{resource.plural}", accept=_METADATA_ONLY)
        return [
            item
            for item in (answer.get("items") or ())
            if any(entry.get("manager") == self.field_manager for entry in item["metadata"].get("managedFields", ()))
        ]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _path(self, key: Key) -> str:
        resource = self._resource(key.api_version, key.kind)
        if resource.namespaced:
            return f"{resource.path}/namespaces/{key.namespace or 'default'}/{resource.plural}/{quote(key.name)}"
        return f"{resource.path}/{resource.plural}/{quote(key.name)}"

    def _resource(self, api_version: str, kind: str) -> Resource:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"

        def look() -> Resource | None:
            if (api_version, kind) not in self._kinds:
                self._kinds.update({(api_version, resource.kind): resource for resource in self._served(path)})
            return self._kinds.get((api_version, kind))

        if found := patiently(look, bool, seconds=_PATIENCE_SECONDS / 3, pause=_PAUSE_SECONDS):
            return found
        raise UnknownKind(f"the API server serves no {kind} in {api_version}: its CRD is not installed")

    def _served(self, path: str) -> Iterator[Resource]:
        try:
            answer = self._send("GET", path)
        except Refused as refusal:
            if refusal.status == http.client.NOT_FOUND:
                return
            raise
        for entry in answer.get("resources", ()):
            if "/" not in entry["name"] and "list" in entry["verbs"]:
                yield Resource(
                    path=path, plural=entry["name"], kind=entry["kind"], namespaced=bool(entry["namespaced"])
                )

    def _get(self, path: str) -> Document | None:
        try:
            return self._send("GET", path)
        except Refused as refusal:
            if refusal.status == http.client.NOT_FOUND:
                return None
            raise

    def _patched(self, path: str, document: Document) -> Document | Refused:
        try:
            return self._send("PATCH", path, document, APPLY)
        except Refused as refusal:
            return refusal

    def _send(
        self,
        method: str,
        path: str,
        body: Document | None = None,
        content_type: str = "application/json",
        *,
        accept: str = "application/json",
    ) -> Document:
        payload = None if body is None else json.dumps(body)
        headers = {"Accept": accept, "Content-Type": content_type}
        status, text = patiently(
            lambda: self._exchange(method, path, payload, headers),
            # Said without having done anything, e.g. "storage is (re)initializing" just after a CRD was changed.
            lambda answer: answer[0] != http.client.TOO_MANY_REQUESTS,
            seconds=_BUSY_SECONDS,
            pause=_PAUSE_SECONDS,
        )
        try:
            answer = json.loads(text)
        except json.JSONDecodeError:
            answer = {"message": text}
        if status >= http.client.BAD_REQUEST:
            raise Refused(status, answer)
        return answer

    def _exchange(self, method: str, path: str, payload: str | None, headers: dict[str, str]) -> tuple[int, str]:
        """Status and body of one request. Every request here can be sent twice."""
        for attempt in (1, 2):
            try:
                connection = self._connected()
                connection.request(method, path, body=payload, headers=headers)
                response = connection.getresponse()
                return response.status, response.read().decode()
            except (http.client.HTTPException, OSError):
                # The server closes an idle connection when it likes.
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable: the second attempt returns or raises")

    def _connected(self) -> http.client.HTTPSConnection:
        if self._connection is None:
            context = ssl.create_default_context(cafile=str(self.api.authority))
            context.load_cert_chain(self.api.client.certificate, self.api.client.key)
            self._connection = http.client.HTTPSConnection(
                self.api.address, self.api.port, timeout=_TIMEOUT_SECONDS, context=context
            )
        return self._connection


class UnknownKind(Exception):
    """The API server serves no such kind."""
