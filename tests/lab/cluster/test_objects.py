"""Server-side apply against a real API server: what counts as a change, and what another writer does beside it."""

from __future__ import annotations

from typing import Any

import pytest

from lab.cluster.control_plane import ControlPlane
from lab.cluster.objects import Objects


def ingress(name: str, *, port: int) -> dict[str, Any]:
    """Of a kind whose status no controller of the lab's control plane writes."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"defaultBackend": {"service": {"name": name, "port": {"number": port}}}},
    }


@pytest.fixture
def objects(control_plane: ControlPlane) -> Objects:
    return Objects(api=control_plane.api)


def test_the_same_again_is_unchanged_and_another_value_is_an_update(objects: Objects) -> None:
    changes = [objects.apply(ingress("values", port=port))[0] for port in (1, 1, 2)]

    assert changes == ["created", "unchanged", "updated"]


def test_a_status_that_a_controller_writes_in_between_is_no_change_of_ours(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = ingress("status", port=1)
    objects.apply(document)
    read, written = objects._get, []

    def read_and_interfered_with(path: str) -> dict[str, Any] | None:
        before = read(path)
        if not written:
            written.append(path)
            status = {"status": {"loadBalancer": {"ingress": [{"hostname": "somewhere"}]}}}
            objects._send("PATCH", f"{path}/status", status, "application/merge-patch+json")
        return before

    monkeypatch.setattr(objects, "_get", read_and_interfered_with)
    change, after = objects.apply(document)

    assert written
    assert after["status"]["loadBalancer"]["ingress"], "the status was written before the apply"
    assert change == "unchanged"


def test_a_value_that_somebody_else_took_over_and_put_back_is_taken_over_again(
    objects: Objects, control_plane: ControlPlane
) -> None:
    document = ingress("taken", port=1)
    objects.apply(document)
    somebody = Objects(api=control_plane.api, field_manager="somebody")
    for port in (2, 1):
        somebody.apply(ingress("taken", port=port))

    assert [objects.apply(document)[0], objects.apply(document)[0]] == ["updated", "unchanged"]
