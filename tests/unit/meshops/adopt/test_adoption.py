"""From a recorded cluster and its traffic to settings whose policies allow that traffic, and nothing else."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.document import Document
from manifests.names import principal
from manifests.stack import StackDocuments
from meshops.adopt.adoption import Adoption, adopt, with_entries
from meshops.adopt.gather import of_directory
from meshops.adopt.inventory import inventory
from meshops.adopt.paths import LEAST_IDS
from meshops.adopt.registry import CHECKS
from meshops.adopt.sightings import read_lines
from meshops.adopt.yaml_lines import namespaces_yaml
from meshops.checks.model import Verdict
from meshops.plan import plan
from offline.stack_files import for_parsing, read_stack
from tests import ROOT
from tests.unit.meshops.adopt import starting_state as state
from tests.unit.meshops.adopt.evaluator import Request, allowed

NAMES = ("shop", "orders")
ACCOUNTS = {
    "shop/front": "front",
    "shop/cart": "cart-sa",
    "shop/db": "db",
    "orders/orders": "orders",
    "orders/nightly": "nightly",
}
PORTS = {"shop/front": 8080, "shop/cart": 8080, "shop/db": 5432, "orders/orders": 9000}


def adopted(
    *lines: str,
    objects: list[state.Object] | None = None,
    phase: Any = None,
    names: tuple[str, ...] = NAMES,
    stack: str = "dev",
) -> Adoption:
    return adopt(
        for_parsing(read_stack(ROOT, stack).config),
        inventory(objects or state.OBJECTS),
        tuple(read_lines("\n".join(lines))),
        stack=stack,
        namespaces=names,
        phase=phase,
    )


def verdict(adoption: Adoption, id: str) -> Verdict:
    return next(check.judge(adoption) for check in CHECKS if check.id == id)


def policies(adoption: Adoption) -> list[Document]:
    made = StackDocuments(settings=adoption.settings).of(adoption.settings.namespaces)
    return [document for document in made if document["kind"] == "AuthorizationPolicy"]


def identity(name: str) -> str:
    namespace, _, application = name.partition("/")
    return principal(state.TRUST, namespace, ACCOUNTS.get(name, application))


def request(caller: str, callee: str, port: int, method: str = "", path: str = "", host: str = "") -> Request:
    namespace, _, name = callee.partition("/")
    who = identity(caller) if caller else ""
    return Request(namespace=namespace, application=name, principal=who, port=port, method=method, path=path, host=host)


SEEN = {
    *(("shop/front", "shop/cart", 8080, "GET", f"/items/{number}") for number in (7, 19, 23, 4711)),
    ("shop/front", "shop/cart", 8080, "POST", "/items"),
    ("shop/front", "shop/cart", 8080, "GET", "/health"),
    ("shop/front", "orders/orders", 9000, "GET", "/orders"),
    ("orders/nightly", "orders/orders", 9000, "DELETE", "/orders/old"),
}
CONNECTIONS = {("shop/front", "shop/db", 5432), ("orders/nightly", "shop/cart", 8080)}
UNSEEN_PATHS = ("/", "/items", "/items/7/price", "/admin", "/orders/new", "/itemsX/7")


def everything() -> Iterator[tuple[str, str, int, str, str]]:
    callers = (*ACCOUNTS, state.GATEWAY, "monitoring/prometheus", "")
    paths = (*UNSEEN_PATHS, *(path for *_, path in SEEN))
    ports = (*PORTS.values(), 15000)
    yield from itertools.product(callers, PORTS, ports, ("GET", "POST", "DELETE", "PATCH"), paths)


@pytest.fixture(scope="module")
def strict() -> Adoption:
    return adopted(*state.TRAFFIC, phase="strict")


def test_what_was_seen_would_be_refused(strict: Adoption) -> None:
    for seen in SEEN:
        assert allowed(policies(strict), request(*seen)), seen
    for seen in CONNECTIONS:
        assert allowed(policies(strict), request(*seen)), seen
    asked = request(state.GATEWAY, "shop/front", 8080, "GET", "/", "shop.dev.example.com")
    assert allowed(policies(strict), asked)


def test_what_was_never_seen_would_be_allowed(strict: Adoption) -> None:
    found = policies(strict)
    for asked in everything():
        opaque = asked[:3] in CONNECTIONS
        assert allowed(found, request(*asked)) == (opaque or asked in SEEN), asked


def test_the_documents_of_a_plan_would_say_something_else(strict: Adoption) -> None:
    config = with_entries(for_parsing(read_stack(ROOT, "dev").config), strict.entries)
    whole = json.loads(json.dumps(config["zero-trust-mesh:namespaces"]))
    made = plan.make("dev", config={**read_stack(ROOT, "dev").config, "zero-trust-mesh:namespaces": json.dumps(whole)})

    assert made.verdict.stopping == ()
    submitted = [item for item in made.objects if item.kind == "AuthorizationPolicy" and item.namespace in NAMES]
    own = {(item["metadata"]["namespace"], item["metadata"]["name"]): item["spec"] for item in policies(strict)}
    assert {(item.namespace, item.name) for item in submitted} == {key for key in own if key[0] == "shop"}, (
        "the program submits nothing into a namespace that Git delivers"
    )
    assert all(item.at("spec") == own[item.namespace, item.name] for item in submitted)


def test_before_its_pods_have_sidecars_a_caller_would_be_refused() -> None:
    found = policies(adopted(*state.TRAFFIC, phase="permissive"))
    for caller, callee, port, method, path in SEEN:
        assert allowed(found, request(caller, callee, port, method, path))
        assert allowed(found, request("", callee, port, method, path)), "in plaintext, with no identity"


def test_the_entry_says_what_its_lines_rest_on_and_what_was_never_seen(strict: Adoption) -> None:
    text = namespaces_yaml(strict.entries)
    assert "# 5 requests, as recorded" in text
    assert "paths: [/health, '/items/{*}']  # /items/{*}: 4 seen, such as /items/19, /items/23" in text
    assert "# 1 time, as a connection on the node: no method and no path was seen, so any is allowed" in text
    assert "none of them answered well: does it exist?" in text
    assert "# callers: nobody was seen to call it" in text
    assert "# egress: never seen to leave the cluster" in text
    assert yaml.safe_load(text) == json.loads(json.dumps(strict.entries))


def test_a_namespace_of_fluxs_would_be_labelled_past_its_repository(strict: Adoption) -> None:
    shop, orders = (one for one in strict.settings.namespaces if one.name in NAMES)
    assert (shop.delivery, orders.delivery) == ("pulumi", "git")
    assert shop.existing
    assert orders.existing


def test_what_the_cluster_has_is_taken_over(strict: Adoption) -> None:
    (shop,) = (one for one in strict.settings.namespaces if one.name == "shop")
    cart, database, front = shop.applications
    assert (cart.port, cart.service_port, cart.identity) == (8080, 80, "cart-sa")
    assert cart.stickiness is not None
    assert (cart.stickiness.cookie, cart.stickiness.cookie_ttl_seconds) == ("basket", 600)
    assert (database.protocol, database.service_name) == ("tcp", "postgres")
    assert front.hosts == ("shop.dev.example.com",)
    assert [(str(one.cidr), one.port, one.protocol) for one in cart.egress] == [("10.61.0.7/32", 6379, "TCP")]


def test_a_caller_whose_namespace_nobody_adopts_would_be_cut_off_in_silence() -> None:
    found = verdict(adopted(*state.TRAFFIC, state.STRANGER), "MT201")
    assert found.status == "fail"
    assert found.finding == (
        "monitoring/prometheus calls shop/cart:8080, 1 times. Namespace monitoring is neither in the stack nor "
        "adopted: adopt it too, it may stay in phase outside."
    )


UNSAYABLE = {
    "a method that no rule knows": (state.recorded("shop/front", "shop/cart", "PROPFIND", "/dav"), "PROPFIND"),
    "a path that never arrives in that form": (state.recorded("shop/front", "shop/cart", "GET", "/a//b"), "/a//b"),
    "an address without a name": (state.tracked("10.20.1.2", "203.0.113.5", 443), "203.0.113.5:443"),
    "an address among the cluster's own": (state.tracked("10.20.1.2", "10.20.5.5", 5432), "10.20.5.5/32"),
    "somebody from outside the cluster": (state.tracked("192.0.2.7", "10.20.1.2", 8080), "192.0.2.7"),
    "the Kubernetes API": (
        state.tracked("10.20.1.2", "10.20.0.2", 443, service="172.20.0.1").replace("ESTABLISHED", "[UNREPLIED]"),
        "kubernetes.default.svc.cluster.local:443",
    ),
    "a Service that is gone": (state.tracked("10.20.1.2", "172.20.0.99", 443), "172.20.0.99:443"),
    "a host that nothing routes": (
        state.recorded(state.GATEWAY, "shop/front", "GET", "/", host="old.dev.example.com"),
        "through the gateway as old.dev.example.com",
    ),
    "a port that the entry does not have": (state.tracked("10.20.1.1", "10.20.1.2", 9999), "at port 9999"),
}


@pytest.mark.parametrize("what", UNSAYABLE)
def test_what_settings_cannot_say_would_be_lost_without_a_word(what: str) -> None:
    line, named = UNSAYABLE[what]
    found = verdict(adopted(*state.TRAFFIC, line), "MT201")
    assert found.status == "fail"
    assert any(named in evidence for evidence in found.evidence if evidence.startswith("FAIL")), found.evidence


def test_a_call_to_what_the_stack_has_already_would_be_forgotten() -> None:
    ledger = [
        state.namespace("payments"),
        state.workload("payments", "ledger"),
        state.pod("payments", "ledger", "10.20.4.1"),
        state.service("payments", "ledger", "172.20.0.31", name="http", port=8080),
    ]
    line = state.recorded("shop/cart", "payments/ledger", "GET", "/entries")
    found = verdict(adopted(line, objects=[*state.OBJECTS, *ledger]), "MT201")
    assert found.finding.startswith("shop/cart calls payments/ledger:8080, 1 times. Its entry is in the stack already")


def test_a_refused_method_would_take_the_callers_other_requests_with_it() -> None:
    adoption = adopted(*state.TRAFFIC, UNSAYABLE["a method that no rule knows"][0], phase="strict")
    found = policies(adoption)
    assert all(allowed(found, request(*seen)) for seen in SEEN)
    assert not allowed(found, request("shop/front", "shop/cart", 8080, "PATCH", "/dav"))


def test_traffic_that_a_policy_refused_would_be_let_in_from_now_on(strict: Adoption) -> None:
    assert not allowed(policies(strict), request("shop/cart", "orders/orders", 9000, "GET", "/admin"))
    assert verdict(strict, "MT204").status == "fail"


METHODS = st.sampled_from(("GET", "POST", "PUT"))
PATHS = st.sampled_from(
    ("/", "/a", "/a/b", "/a/1", "/a/2", "/a/3", "/a/1/x", "/a/2/x", "/b/7/c/1", "/b/8/c/1", "/b/9/c/2")
)
PAIRS = st.sampled_from([(one, other) for one in ACCOUNTS for other in PORTS if one != other and other != "shop/db"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(PAIRS, METHODS, PATHS), min_size=1, max_size=14))
def test_some_traffic_would_be_refused_or_too_much_allowed(made: list[tuple[tuple[str, str], str, str]]) -> None:
    adoption = adopted(
        *(state.recorded(caller, callee, method, path) for (caller, callee), method, path in made), phase="strict"
    )
    found = policies(adoption)
    seen = {(caller, callee, method, path) for (caller, callee), method, path in made}
    for caller, callee, method, path in itertools.product(ACCOUNTS, PORTS, ("GET", "POST", "PUT"), _ALL_PATHS):
        passes = allowed(found, request(caller, callee, PORTS[callee], method, path))
        if (caller, callee, method, path) in seen:
            assert passes, (caller, callee, method, path)
        elif passes:
            alike = [
                other
                for who, to, how, other in seen
                if (who, to, how) == (caller, callee, method) and _alike(other, path)
            ]
            of_pair = {other for who, to, _, other in seen if (who, to) == (caller, callee) and _alike(other, path)}
            assert alike, (caller, callee, method, path, "with that method nothing of this form was seen")
            assert len(of_pair) >= LEAST_IDS, (caller, callee, method, path, "too few ids for a template")


_ALL_PATHS = (
    *("/", "/a", "/a/b", "/a/1", "/a/2", "/a/3", "/a/4", "/a/x", "/a/1/x", "/a/2/x", "/a/9/x"),
    *("/b/7/c/1", "/b/8/c/1", "/b/9/c/2", "/b/7/c/2", "/b/6/c/1", "/b/6/c/5", "/never"),
)


def _alike(one: str, other: str) -> bool:
    return re.sub(r"\w+", "x", one) == re.sub(r"\w+", "x", other)


def test_a_directory_that_somebody_recorded_is_read_as_the_cluster_is(tmp_path: Path) -> None:
    found, sightings = of_directory(state.write(tmp_path / "recorded"))
    assert sightings == tuple(read_lines("\n".join(state.TRAFFIC)))
    assert [str(one) for one in found.applications("shop")] == ["shop/cart", "shop/db", "shop/front"]
