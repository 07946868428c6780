"""What is read of the applications' variables: where they come from, and never what they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshops.tools import Tools
from meshops.verify.gather.environments import gather_environments
from meshops.verify.stack import Stack
from tests.unit.meshops.verify.world import settings

ENVIRONMENT = {"API_KEY": {"secretRef": "keys/api"}, "LEVEL": "debug"}


@pytest.fixture
def stack() -> Stack:
    application = {"name": "billing", "image": "ghcr.io/example/billing:v1", "replicas": 1, "environment": ENVIRONMENT}
    namespaces = [{"name": "shop", "phase": "strict", "applications": [application]}]
    return Stack(name="test", settings=settings(namespaces=namespaces))


def deployment(*variables: dict[str, Any], checksum: str = "new") -> str:
    template = {
        "metadata": {"annotations": {"checksum/environment": checksum}},
        "spec": {"containers": [{"name": "billing", "env": variables}, {"name": "another", "env": [{"name": "X"}]}]},
    }
    return json.dumps({"spec": {"template": template}})


def pod(name: str, checksum: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "annotations": {"checksum/environment": checksum}}}


def answering(monkeypatch: pytest.MonkeyPatch, made: str, keys: str, *pods: dict[str, Any]) -> list[tuple[str, ...]]:
    asked: list[tuple[str, ...]] = []

    def ask(self: Tools, *arguments: str) -> str:
        asked.append(arguments)
        return {"deployment": made, "pods": json.dumps({"items": pods}), "secret": keys}[arguments[1]]

    monkeypatch.setattr(Tools, "ask_kubectl", ask)
    return asked


def test_a_variable_of_a_secret_is_known_by_its_secret_and_key(monkeypatch: pytest.MonkeyPatch, stack: Stack) -> None:
    reference = {"name": "API_KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}}
    answering(monkeypatch, deployment(reference), "api\n", pod("billing-1", "new"))
    found = gather_environments(Tools(), stack)
    assert isinstance(found, tuple)
    assert found[0].sources == found[0].wanted == {"API_KEY": "keys/api"}
    assert (found[0].keys, found[0].behind) == ({"keys": ("api",)}, ())


def test_a_value_in_the_clear_is_no_source_and_is_kept_out(monkeypatch: pytest.MonkeyPatch, stack: Stack) -> None:
    answering(monkeypatch, deployment({"name": "API_KEY", "value": "hunter2"}), "api\n")
    found = gather_environments(Tools(), stack)
    assert isinstance(found, tuple)
    assert found[0].sources == {"API_KEY": ""}
    assert "hunter2" not in repr(found)


def test_a_pod_with_another_hash_runs_with_the_secrets_from_before(
    monkeypatch: pytest.MonkeyPatch, stack: Stack
) -> None:
    leaving = {"metadata": {**pod("billing-0", "old")["metadata"], "deletionTimestamp": "now"}}
    answering(monkeypatch, deployment(), "", pod("billing-1", "old"), pod("billing-2", "new"), leaving)
    found = gather_environments(Tools(), stack)
    assert isinstance(found, tuple)
    assert (found[0].behind, found[0].keys) == (("billing-1",), {"keys": ()})


def test_kubectl_is_asked_for_the_names_of_keys_and_for_no_value(monkeypatch: pytest.MonkeyPatch, stack: Stack) -> None:
    asked = answering(monkeypatch, deployment(), "api\n")
    gather_environments(Tools(), stack)
    (secret,) = (arguments for arguments in asked if arguments[1] == "secret")
    (output,) = (argument for argument in secret if argument.startswith("--output"))
    assert "{{$key}}" in output
    assert "{{$value}}" not in output
