"""A widened permission never reads like a restriction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from meshops.review import exposure, permissions
from meshops.review.facts import Planned
from tests.unit.meshops.review.plans import Tree, entry, hand, manifest

_WEB = {"source": {"principals": ["cluster.local/ns/shop/sa/web-sa"]}}
_LABELS = {"istio.io/rev": "1-30-0"}


def _allow(*rules: Tree, name: str = "api", app: str | None = "api", action: str = "ALLOW") -> Tree:
    selector = {"selector": {"matchLabels": {"app": app}}} if app else {}
    spec = {**selector, "action": action, "rules": list(rules)}
    return manifest("security.istio.io/v1", "AuthorizationPolicy", "shop", name, spec=spec)


def _rule(*sources: Tree, **operation: Any) -> Tree:
    return {"from": list(sources or (_WEB,)), "to": [{"operation": operation}]}


def _mesh(*more: Tree) -> tuple[Tree, ...]:
    deployment = {"selector": {"matchLabels": {"app": "api"}}, "template": {"spec": {"serviceAccountName": "api-sa"}}}
    namespace = entry(
        "kubernetes:core/v1:Namespace", "shop", apiVersion="v1", metadata={"name": "shop", "labels": _LABELS}
    )
    return (namespace, manifest("apps/v1", "Deployment", "shop", "api", spec=deployment), *more)


_DENY_ALL = manifest("security.istio.io/v1", "AuthorizationPolicy", "shop", "deny-all", spec={})


def _tried(policy: Tree) -> Tree:
    metadata = {**policy["inputs"]["metadata"], "annotations": {"istio.io/dry-run": "true"}}
    return {**policy, "inputs": {**policy["inputs"], "metadata": metadata}}


_REFUSE_NOBODY = manifest(
    "security.istio.io/v1", "AuthorizationPolicy", "shop", "refuse-nobody", spec={"action": "ALLOW", "rules": [{}]}
)

CASES: list[tuple[str, list[Tree], list[Tree], list[tuple[bool, str]]]] = [
    (
        "a method more",
        [_allow(_rule(methods=["GET"], paths=["/a"]))],
        [_allow(_rule(methods=["GET", "POST"], paths=["/a"]))],
        [(True, "`shop/api` may now be called with `POST`, `GET` on `/a` by `shop/web`; before: `GET` on `/a`.")],
    ),
    (
        "no methods is every method, though it is shorter",
        [_allow(_rule(methods=["GET"], paths=["/a"]))],
        [_allow(_rule(paths=["/a"]))],
        [(True, "`shop/api` may now be called with every method on `/a` by `shop/web`; before: `GET` on `/a`.")],
    ),
    (
        "one path less and another wider",
        [_allow(_rule(methods=["GET"], paths=["/a", "/b"]))],
        [_allow(_rule(methods=["GET"], paths=["/a*"]))],
        [(True, "`shop/api` may now be called with `GET` on `/a*` by `shop/web`; before: `GET` on `/a`, `/b`.")],
    ),
    (
        "a path less",
        [_allow(_rule(methods=["GET"], paths=["/a", "/b"]))],
        [_allow(_rule(methods=["GET"], paths=["/a"]))],
        [
            (
                False,
                "`shop/api` may be called with no more than `GET` on `/a` by `shop/web`; before: `GET` on `/b`, `/a`.",
            )
        ],
    ),
    (
        "one rule written as two",
        [_allow(_rule(methods=["GET", "PUT"]))],
        [_allow(_rule(methods=["GET"]), _rule(methods=["PUT"]))],
        [],
    ),
    (
        "a template in a path, which nobody compared",
        [_allow(_rule(methods=["GET"], paths=["/a/*"]))],
        [_allow(_rule(methods=["GET"], paths=["/a/{*}"]))],
        [(True, "`shop/api` may now be called with `GET` on `/a/{*}` by `shop/web`; before: `GET` on `/a/*`.")],
    ),
    (
        "a caller by name in place of its namespace",
        [_allow(_rule({"source": {"namespaces": ["shop"]}}, methods=["GET"]))],
        [_allow(_rule(methods=["GET"]))],
        [(False, "`shop/api` may no longer be called by `shop/*`; before: `GET` on every path.")],
    ),
    (
        "the whole namespace in place of a caller",
        [_allow(_rule(methods=["GET"]))],
        [_allow(_rule({"source": {"namespaces": ["shop"]}}, methods=["GET"]))],
        [(True, "`shop/api` may now be called with `GET` on every path by `shop/*`; before: not at all.")],
    ),
    (
        "a rule without a source takes whoever comes",
        [_allow(_rule(methods=["GET"]))],
        [_allow({"to": [{"operation": {"methods": ["GET"]}}]})],
        [(True, "`shop/api` may now be called with `GET` on every path by anyone; before: not at all.")],
    ),
    (
        "the last policy is taken away, and everything is allowed",
        [_allow(_rule(methods=["GET"]))],
        [],
        [
            (
                True,
                "`shop/api` may now be called with every method on every path by everybody, also without identity; "
                "before: not at all.",
            )
        ],
    ),
    (
        "policies are only tried out, and nobody is refused",
        [_DENY_ALL, _allow(_rule(methods=["GET"], paths=["/a"]))],
        [_tried(_DENY_ALL), _tried(_allow(_rule(methods=["GET"], paths=["/a"]))), _REFUSE_NOBODY],
        [
            (
                True,
                "`shop/api` may now be called with every method on every path by everybody, also without identity; "
                "before: not at all.",
            )
        ],
    ),
    (
        "it is taken away below one that denies all",
        [_DENY_ALL, _allow(_rule(methods=["GET"]))],
        [_DENY_ALL],
        [(False, "`shop/api` may no longer be called by `shop/web`; before: `GET` on every path.")],
    ),
    (
        "a policy for all of the namespace",
        [_DENY_ALL],
        [_DENY_ALL, _allow(_rule(methods=["GET"]), name="all", app=None)],
        [(True, "`shop/api` may now be called with `GET` on every path by `shop/web`; before: not at all.")],
    ),
    (
        "another port",
        [_allow(_rule(methods=["GET"], ports=["80"]))],
        [_allow(_rule(methods=["GET"], ports=["80", "9090"]))],
        [
            (
                True,
                "`shop/api` may now be called with `GET` on every path at port `80`, `9090` by `shop/web`; "
                "before: `GET` on every path at port `80`.",
            )
        ],
    ),
]


@pytest.mark.parametrize(("old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_changed_permission_is_said_for_what_it_is(
    tmp_path: Path, old: list[Tree], new: list[Tree], expected: list[tuple[bool, str]]
) -> None:
    base, head = hand(tmp_path / "base", *_mesh(*old)), hand(tmp_path / "head", *_mesh(*new))
    assert [(line.opens, line.text) for line in permissions.lines(base, head)] == expected


def test_a_path_behind_many_others_is_named_first(tmp_path: Path) -> None:
    paths = [f"/a/{number}" for number in range(60)]
    base = hand(tmp_path / "base", *_mesh(_allow(_rule(methods=["GET"], paths=paths))))
    head = hand(tmp_path / "head", *_mesh(_allow(_rule(methods=["GET"], paths=[*paths, "/admin"]))))
    (line,) = permissions.lines(base, head)
    assert line.text.startswith("`shop/api` may now be called with `GET` on `/admin`, `/a/0`")


def test_the_same_of_many_is_said_once_and_names_each(tmp_path: Path) -> None:
    def policies(*methods: str) -> list[Tree]:
        return [_allow(_rule(methods=list(methods)), name=f"app-{n}", app=f"app-{n}") for n in range(100)]

    base, head = hand(tmp_path / "base", *policies("GET")), hand(tmp_path / "head", *policies("GET", "PUT"))
    said = list(permissions.lines(base, head))
    assert [line.count for line in said] == [60, 40]
    found = [line.text for line in said]
    assert found[0].startswith(
        "**60 callees** may now be called with `PUT`, `GET` on every path; before: `GET` on every path. "
        "They are: `shop/app-0` by `shop/web`; "
    )
    assert all(any(f"`shop/app-{n}` by" in text for text in found) for n in range(100))


def _exposed(tmp_path: Path, old: list[Tree], new: list[Tree]) -> list[tuple[bool, str]]:
    base: Planned = hand(tmp_path / "base", *old)
    head: Planned = hand(tmp_path / "head", *new)
    return [(line.opens, line.text) for line in exposure.lines(base, head)]


def _space(**labels: str) -> Tree:
    return entry("kubernetes:core/v1:Namespace", "shop", apiVersion="v1", metadata={"name": "shop", "labels": labels})


def test_a_namespace_that_leaves_the_mesh_is_opened(tmp_path: Path) -> None:
    found = _exposed(tmp_path, [_space(**{"istio.io/rev": "a"})], [_space()])
    text = "is outside the mesh: no AuthorizationPolicy is enforced in it from now on; before: permissive."
    assert found == [(True, f"The namespace `shop` {text}")]


def _ingress(**notes: str) -> Tree:
    annotations = {f"alb.ingress.kubernetes.io/{key.replace('_', '-')}": value for key, value in notes.items()}
    metadata = {"name": "gateway", "namespace": "istio-ingress", "annotations": annotations}
    return entry("kubernetes:networking.k8s.io/v1:Ingress", "i", apiVersion="networking.k8s.io/v1", metadata=metadata)


def test_networks_at_the_door_are_compared_as_networks(tmp_path: Path) -> None:
    inside, everywhere = _ingress(inbound_cidrs="10.0.0.0/8"), _ingress(inbound_cidrs="0.0.0.0/0")
    assert _exposed(tmp_path / "a", [inside], [everywhere]) == [(True, "`0.0.0.0/0` may now connect to the `ALB`.")]
    assert _exposed(tmp_path / "b", [everywhere], [inside]) == [
        (False, "`0.0.0.0/0` may no longer connect to the `ALB`, or not whole.")
    ]
    # Without the annotation the controller lets everyone in.
    assert _exposed(tmp_path / "c", [inside], [_ingress()]) == [(True, "`0.0.0.0/0` may now connect to the `ALB`.")]


def test_a_door_that_turns_to_the_internet_and_loses_its_web_acl_is_opened(tmp_path: Path) -> None:
    old = _ingress(scheme="internal", inbound_cidrs="10.0.0.0/8", wafv2_acl_arn="arn")
    new = _ingress(scheme="internet-facing", inbound_cidrs="10.0.0.0/8")
    assert _exposed(tmp_path, [old], [new]) == [
        (True, "The `ALB` is `internet-facing`; before: `internal`."),
        (True, "No web ACL stands before the `ALB` any more."),
    ]


def _cluster(**inputs: Any) -> Tree:
    return entry("eks:index:Cluster", "cluster", **inputs)


def test_who_reaches_the_api_server_and_acts_in_the_cluster_is_said(tmp_path: Path) -> None:
    old = _cluster(endpointPublicAccess=False, publicAccessCidrs=["192.0.2.0/24"])
    policies = {"Admin": {"accessScope": {"type": "cluster"}}}
    access = {"x": {"principalArn": "arn:aws:iam::1:role/dev", "accessPolicies": policies}}
    new = _cluster(endpointPublicAccess=True, publicAccessCidrs=["192.0.2.0/24"], accessEntries=access)
    assert _exposed(tmp_path, [old], [new]) == [
        (True, "`192.0.2.0/24` may now connect to the cluster's API server."),
        (True, "`arn:aws:iam::1:role/dev` gets `Admin in the whole cluster`."),
    ]


def _identity(*actions: str) -> list[Tree]:
    policy = f'{{"Statement": [{{"Effect": "Allow", "Action": {list(actions)}, "Resource": "*"}}]}}'.replace("'", '"')
    association = {"namespace": "shop", "serviceAccount": "api-sa"}
    return [
        entry("aws:iam/rolePolicy:RolePolicy", "api", policy=policy),
        entry("aws:eks/podIdentityAssociation:PodIdentityAssociation", "api", **association),
    ]


def test_what_a_service_account_may_newly_do_in_aws_is_said(tmp_path: Path) -> None:
    found = _exposed(tmp_path, _identity("s3:GetObject", "s3:ListBucket"), _identity("s3:GetObject", "s3:PutObject"))
    assert found == [
        (True, "The service account `shop/api-sa` may now `s3:PutObject` on `*`."),
        (False, "The service account `shop/api-sa` may no longer `s3:ListBucket` on `*`."),
    ]


def test_a_sidecar_that_lets_everything_out_is_opened(tmp_path: Path) -> None:
    def sidecar(mode: str) -> Tree:
        spec = {"outboundTrafficPolicy": {"mode": mode}, "workloadSelector": {"labels": {"app": "api"}}}
        return manifest("networking.istio.io/v1", "Sidecar", "shop", "api", spec=spec)

    assert _exposed(tmp_path, [sidecar("REGISTRY_ONLY")], [sidecar("ALLOW_ANY")]) == [
        (True, "The sidecars of `shop/api` treat unknown destinations by `ALLOW_ANY`; before: `REGISTRY_ONLY`.")
    ]
