"""The picture of what changes fits a screen, and drops nothing that a warning is about."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from meshops.review import picture
from tests.unit.meshops.review.plans import Tree, entry, hand, manifest, stack


def _calls(count: int, *, spaces: int = 1, method: str = "GET") -> list[Tree]:
    found: list[Tree] = []
    for number in range(count):
        source = {"principals": [f"cluster.local/ns/web/sa/caller-{number}-sa"]}
        rule = {"from": [{"source": source}], "to": [{"operation": {"methods": [method]}}]}
        spec = {"selector": {"matchLabels": {"app": f"app-{number}"}}, "action": "ALLOW", "rules": [rule]}
        space = f"shop-{number % spaces}"
        found.append(manifest("security.istio.io/v1", "AuthorizationPolicy", space, f"app-{number}", spec=spec))
    return found


def _drawn(tmp_path: Path, old: list[Tree], new: list[Tree]) -> str:
    drawn = picture.render(stack(hand(tmp_path / "base", *old), hand(tmp_path / "head", *new)))
    assert drawn is not None
    return drawn


def _height(drawn: str) -> float:
    match = re.search(r'viewBox="0 0 \S+ (\S+)"', drawn)
    assert match
    return float(match[1])


def test_a_few_relations_are_drawn_one_by_one_with_what_was_before(tmp_path: Path) -> None:
    drawn = _drawn(tmp_path, _calls(3), _calls(3, method="POST"))
    assert "shop-0/app-2" in drawn
    assert "POST (before: GET)" in drawn
    assert "3 opened, 0 taken away" in drawn


def test_what_is_narrowed_is_not_drawn_as_gone(tmp_path: Path) -> None:
    rule = {"to": [{"operation": {"methods": ["GET", "POST"]}}]}
    narrow = {"to": [{"operation": {"methods": ["GET"]}}]}
    selector = {"matchLabels": {"app": "api"}}

    def policy(*rules: Tree) -> list[Tree]:
        spec = {"selector": selector, "rules": list(rules)}
        return [manifest("security.istio.io/v1", "AuthorizationPolicy", "shop", "api", spec=spec)]

    assert "only: GET (before: GET, POST)" in _drawn(tmp_path / "a", policy(rule), policy(narrow))
    assert "no longer: GET" in _drawn(tmp_path / "b", policy(narrow), policy())


def test_beyond_thirty_applications_namespaces_are_drawn_with_counts(tmp_path: Path) -> None:
    drawn = _drawn(tmp_path, [entry("a:b:C", "x")], _calls(40, spaces=2))
    assert "shop-0/app-0" not in drawn
    assert drawn.count(">20 relations<") == 2
    assert "namespaces in place of applications" in drawn


def test_what_does_not_fit_a_screen_is_counted_and_what_holds_state_is_drawn(tmp_path: Path) -> None:
    old: list[Tree] = [entry("aws:kms/key:Key", "secrets", keyUsage="a"), *_calls(30, method="DELETE")]
    drawn = _drawn(tmp_path, old, _calls(400, spaces=400)[30:])
    assert _height(drawn) < 1080
    assert "secrets (aws:kms/key:Key)" in drawn
    assert ">DELETED<" in drawn
    shown = drawn.count(">1 relation<")
    assert f"and {370 - shown} more opened, " in drawn


def _host(kind: str, name: str, host: str) -> Tree:
    route: dict[str, Any] = {"route": [{"destination": {"host": f"{name}.shop.svc", "port": {"number": 443}}}]}
    return manifest("networking.istio.io/v1", "VirtualService", "shop", name, spec={"hosts": [host], kind: [route]})


def test_passthrough_and_private_addresses_are_drawn_as_they_are(tmp_path: Path) -> None:
    egress = [{"to": [{"ipBlock": {"cidr": "10.9.0.0/24"}}], "ports": [{"protocol": "TCP", "port": 443}]}]
    selector = {"matchLabels": {"app": "api"}}
    new = [
        entry("kubernetes:core/v1:Namespace", "shop", apiVersion="v1", metadata={"name": "shop"}),
        _host("http", "api", "api.example.com"),
        _host("tls", "vault", "vault.example.com"),
        manifest(
            "networking.k8s.io/v1", "NetworkPolicy", "shop", "api", spec={"podSelector": selector, "egress": egress}
        ),
    ]
    drawn = _drawn(tmp_path, [entry("a:b:C", "x")], new)
    for text in ("public, TLS ends at the gateway", "public, TLS passed through", "private addresses, endpoints"):
        # Once in its row and once in the legend.
        assert drawn.count(f">{text}<") == 2, text


def test_nothing_to_draw_is_no_picture(tmp_path: Path) -> None:
    plan = hand(tmp_path / "base", entry("a:b:C", "x"))
    assert picture.render(stack(plan, plan)) is None
