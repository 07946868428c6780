"""The documents of the examples encryption-in-transit and tls-passthrough, against the schemas of their kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.documents import as_yaml, filled
from examples.onboarding import onboarded
from examples.passthrough_documents import entry_documents, gateway_network_policy, gateway_policy, nlb, settings_entry
from offline.objects import kubernetes_objects
from tests import ROOT
from tests.unit.validation.validation_objects import registered
from validation import schemas

EXAMPLES = ROOT / "examples"
FILES = sorted(
    path for name in ("encryption-in-transit", "tls-passthrough") for path in EXAMPLES.glob(f"{name}/*.yaml")
)


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    if "${" in text:  # the others hold an nginx configuration, whose own variables are none of ours
        host = "https-nginx.tls-passthrough.svc.cluster.local"
        text = filled(path, DOMAIN="lab.example.com", HOSTS="*", DESTINATION=host)
    yield from yaml.safe_load_all(text)


def _findings(documents: list[dict[str, Any]]) -> list[str]:
    registrations = [registered(one, name=str(position)) for position, one in enumerate(documents)]
    return [str(finding) for item in kubernetes_objects(registrations) for finding in schemas.check(item)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_an_api_server_would_take_every_file(path: Path) -> None:
    documents = list(_documents(path))
    assert documents
    assert _findings(documents) == []


def test_an_api_server_would_take_what_is_made_for_the_settings_entry() -> None:
    entry = entry_documents(settings_entry("lab.example.com"), revision="1-31-1")
    own = [gateway_policy("lab.example.com"), gateway_network_policy(), nlb("lab.example.com")]
    assert _findings([*entry, *own]) == []


def test_no_rule_of_an_example_leaves_its_tls_mode_out() -> None:
    rules = [one for path in FILES for one in _documents(path) if one["kind"] == "DestinationRule"]
    rules += [
        one
        for one in entry_documents(settings_entry("lab.example.com"), revision="1-31-1")
        if one["kind"] == "DestinationRule"
    ]
    assert [rule["spec"]["trafficPolicy"]["tls"]["mode"] for rule in rules] == ["SIMPLE", "SIMPLE", "ISTIO_MUTUAL"]


def test_the_passthrough_server_stands_on_a_gateway_of_the_example_s_own() -> None:
    entry = entry_documents(settings_entry("lab.example.com"), revision="1-31-1")
    by_kind = {one["kind"]: one for one in entry}
    metadata = by_kind["Gateway"]["metadata"]
    assert (metadata["namespace"], metadata["name"]) == ("istio-ingress", "example-tls-passthrough")
    assert [server["tls"]["mode"] for server in by_kind["Gateway"]["spec"]["servers"]] == ["PASSTHROUGH"]
    assert by_kind["VirtualService"]["spec"]["gateways"] == ["istio-ingress/example-tls-passthrough"]


def test_an_onboarded_namespace_is_labelled_with_the_revision_and_strict() -> None:
    documents = onboarded(settings_entry("lab.example.com"), revision="1-31-2")
    assert documents[0]["metadata"]["labels"]["istio.io/rev"] == "1-31-2"
    # The mesh is STRICT as a whole: the namespace needs no mode of its own.
    assert "PeerAuthentication" not in {one["kind"] for one in documents}


def test_a_file_without_a_value_for_a_place_is_refused() -> None:
    with pytest.raises(KeyError, match="DESTINATION"):
        filled(EXAMPLES / "tls-passthrough" / "04-terminate.yaml", DOMAIN="lab.example.com")


def test_several_documents_become_one_stream() -> None:
    assert list(yaml.safe_load_all(as_yaml([{"kind": "A"}, {"kind": "B"}]))) == [{"kind": "A"}, {"kind": "B"}]
