"""What a stack gives up is said, and a strict stack gives up nothing that it does not say."""

from __future__ import annotations

from configuration.weakenings import Weakening, weakenings
from tests.unit.configuration.bad_authentication import authentication
from tests.unit.configuration.bad_settings import ADMIN, SUPPRESSED, UI, put, stack
from tests.unit.configuration.test_settings import read


def found(*changes: tuple[str, object]) -> set[tuple[str, str]]:
    tree = stack()
    for path, value in changes:
        put(path, value)(tree)
    return {(weakening.path, weakening.value) for weakening in weakenings(read(tree))}


def test_the_reference_stack_gives_up_only_what_it_names() -> None:
    assert found() == {
        ("network.dnsFirewall", "(not set)"),
        ("loadBalancer.accessLogs", "(not set)"),
        ("imageRegistry", "(not set)"),
        ("cluster.access", ADMIN["principalArn"]),
        ("namespaces[legacy].phase", "permissive"),
        ("namespaces[shop].applications[ui].hosts", "ui.test.example.com"),
        ("namespaces[shop].applications[api].egress", "api.stripe.com:443"),
    }


def test_each_weakened_setting_is_reported() -> None:
    baseline = found()
    cases: list[tuple[str, object, tuple[str, str]]] = [
        ("network.nat", "single", ("network.nat", "single")),
        ("cluster.publicAccessCidrs", ("198.51.100.0/24",), ("cluster.publicAccessCidrs", "198.51.100.0/24")),
        ("cluster.deletionProtection", False, ("cluster.deletionProtection", "false")),
        ("cluster.logs", ["api"], ("cluster.logs", "api")),
        ("mesh.peerAuthentication", "PERMISSIVE", ("mesh.peerAuthentication", "PERMISSIVE")),
        ("policySuppressions", [SUPPRESSED], ("policySuppressions", "MR605 Deployment shop/cart")),
        (
            "loadBalancer.sslPolicy",
            "ELBSecurityPolicy-TLS13-1-3-2021-06",
            (
                "loadBalancer.sslPolicy",
                "ELBSecurityPolicy-TLS13-1-3-2021-06",
            ),
        ),
        ("loadBalancer.allowedCidrs", ["0.0.0.0/0"], ("loadBalancer.allowedCidrs", "0.0.0.0/0")),
        ("loadBalancer.allowedCidrs", ["0.0.0.0/1", "128.0.0.0/1"], ("loadBalancer.allowedCidrs", "0.0.0.0/0")),
        ("loadBalancer.allowedCidrs", ["0.0.0.0/2"], ("loadBalancer.allowedCidrs", "0.0.0.0/2")),
        ("cluster.logRetentionDays", 1, ("cluster.logRetentionDays", "1")),
        ("network.flowLogRetentionDays", 1, ("network.flowLogRetentionDays", "1")),
        (
            "cluster.access",
            [ADMIN, {"principalArn": "arn:aws:iam::111122223333:role/b", "policy": "Edit"}],
            ("cluster.access", "arn:aws:iam::111122223333:role/b"),
        ),
        (
            "namespaces.0.applications.0.callers.0.methods",
            ["GET", "POST", "PUT", "PATCH", "DELETE"],
            ("namespaces[shop].applications[api].callers", "ui"),
        ),
        (
            "namespaces.0.applications.0.callers.0.paths",
            ["/*"],
            ("namespaces[shop].applications[api].callers", "ui"),
        ),
        ("loadBalancer.waf", {"oversizeBodies": "pass"}, ("loadBalancer.waf.oversizeBodies", "pass")),
        ("loadBalancer.waf", {"logs": False}, ("loadBalancer.waf.logs", "false")),
        ("loadBalancer.waf", {"logRetentionDays": 7}, ("loadBalancer.waf.logRetentionDays", "7")),
        ("loadBalancer.deletionProtection", False, ("loadBalancer.deletionProtection", "false")),
        ("observability.containerLogs", False, ("observability.containerLogs", "false")),
        ("observability.tracing", False, ("observability.tracing", "false")),
        ("namespaces.0.podSecurity", "baseline", ("namespaces[shop].podSecurity", "baseline")),
        ("namespaces.0.admission", "warn", ("namespaces[shop].admission", "warn")),
        ("namespaces.0.imageUsers", True, ("namespaces[shop].imageUsers", "true")),
        ("admission.deployers", ["group:release"], ("admission.deployers", "group:release")),
        ("admission.podMakers", ["user:argo"], ("admission.podMakers", "user:argo")),
        ("admission.exec", True, ("admission.exec", "true")),
        ("admission.portForward", True, ("admission.portForward", "true")),
        ("admission.debugContainers", True, ("admission.debugContainers", "true")),
        ("admission.istioElsewhere", True, ("admission.istioElsewhere", "true")),
        (
            "cluster.access",
            [ADMIN, {"principalArn": "arn:aws:iam::111122223333:role/a", "policy": "Admin"}],
            ("cluster.access", "arn:aws:iam::111122223333:role/a"),
        ),
    ]
    for path, value, expected in cases:
        assert found((path, value)) - baseline == {expected}, path


def test_a_server_that_may_speak_first_is_reported() -> None:
    application = "namespaces.0.applications.0"
    said = found((f"{application}.callers", []), (f"{application}.protocol", "tcp"))
    assert ("namespaces[shop].applications[api].protocol", "tcp") in said


def test_a_dns_firewall_gives_up_what_its_wildcards_open() -> None:
    path = "network.dnsFirewall"
    assert not {found for found in found((path, {})) if found[0].startswith(path)}
    listed = found((path, {"allowedNames": ["api.example.com", "*.example.net"]}))
    assert {found for found in listed if found[0].startswith(path)} == {(f"{path}.allowedNames", "*.example.net")}


def test_an_image_that_the_companys_registry_does_not_stand_in_for_is_reported() -> None:
    images = {path for path, _ in found(("imageRegistry", "mirror.example.com/mesh")) if path.endswith("].image")}
    assert images == {f"namespaces[shop].applications[{name}].image" for name in ("api", "ui")}
    public = ("namespaces.0.applications.0.image", "ghcr.io/example/api:1")
    images = {path for path, _ in found(("imageRegistry", "mirror.example.com/mesh"), public) if "].image" in path}
    assert images == {"namespaces[shop].applications[ui].image"}


def test_public_names_that_lead_to_pods_outside_the_mesh_are_reported() -> None:
    said = ("namespaces[shop].dnsRecords", "always")
    kept, outside = ("namespaces.0.dnsRecords", "always"), ("namespaces.0.phase", "outside")
    mesh = ("namespaces.1.phase", "permissive")
    assert said in found(kept, outside, mesh)
    assert said not in found(outside, mesh), "they lead elsewhere"
    assert said not in found(kept), "it stays set on the way back in"
    assert said not in found(kept, outside, mesh, (f"{UI}.hosts", [])), "it has no public names"


def test_what_passes_no_waf_is_reported() -> None:
    both = found(("loadBalancer.waf", {}), ("loadBalancer.entries", ["alb", "nlb"]))
    assert ("loadBalancer.entries", "nlb") in both
    assert ("loadBalancer.entries", "nlb") not in found(("loadBalancer.waf", {}))


def test_what_the_sidecar_does_not_see_of_egress_is_reported() -> None:
    egress = "namespaces.0.applications.0.egress"
    cases: tuple[tuple[dict[str, object], str], ...] = (
        ({}, "handshake only"),
        ({"protocol": "HTTP"}, "in plaintext"),
        ({"protocol": "TCP"}, "Opaque TCP"),
        ({"originate": True}, ""),
    )
    for more, effect in cases:
        tree = stack()
        put(egress, [{"host": "api.stripe.com", **more}])(tree)
        said = [w.effect for w in weakenings(read(tree)) if w.path.endswith("applications[api].egress")]
        assert len(said) == bool(effect)
        assert all(effect in text for text in said)


def test_what_is_open_below_the_sidecar_is_reported() -> None:
    egress = "namespaces.0.applications.0.egress"
    tree = stack()
    put(
        egress,
        [
            {"cidr": "10.50.0.0/24", "port": 5432, "protocol": "TCP"},
            {"host": "orders.internal.example.com", "networks": ["10.61.0.0/24"], "originate": True},
        ],
    )(tree)
    said = {w.value: w.effect for w in weakenings(read(tree)) if w.path.endswith("applications[api].egress")}
    assert "whatever answers on this port in this private network" in said["10.50.0.0/24:5432"]
    assert "open to all of 10.61.0.0/24" in said["orders.internal.example.com:443"]


def test_of_somebody_elses_vpc_nobody_knows_whether_a_network_holds_its_pods() -> None:
    tree = stack()
    put("network", {"existing": {
        "vpcId": "vpc-0123456789abcdef0",
        "privateSubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    }})(tree)  # fmt: skip
    put("loadBalancer.scheme", "internal")(tree)
    put("namespaces.0.applications.0.egress", [{"cidr": "10.20.0.0/24", "port": 5432, "protocol": "TCP"}])(tree)
    (said,) = [w.effect for w in weakenings(read(tree)) if w.path.endswith("applications[api].egress")]
    assert "Whether pods stand there, the settings do not know" in said


def test_what_an_application_may_do_in_aws_is_reported() -> None:
    def said(actions: list[str], *resources: str) -> str:
        tree = stack()
        put("namespaces.0.applications.0.awsPolicy", [{"actions": actions, "resources": list(resources)}])(tree)
        return " ".join(w.effect for w in weakenings(read(tree)) if w.path.endswith("applications[api].awsPolicy"))

    bucket = "arn:aws:s3:::invoices/*"
    assert "past the sidecar" in said(["s3:GetObject"], bucket)
    for effect, actions, resource in (
        ("every resource", ["xray:PutTraceSegments"], "*"),
        ("A wildcard", ["s3:Get*"], bucket),
        ("permissions of AWS", ["iam:PassRole"], "arn:aws:iam::111122223333:role/x"),
        ("permissions of AWS", ["sts:AssumeRole"], "arn:aws:iam::111122223333:role/x"),
    ):
        assert effect in said(actions, resource)
        assert effect not in said(["s3:GetObject"], bucket)


def test_what_a_public_application_does_not_ask_of_its_users_is_reported() -> None:
    path = "namespaces[shop].applications[ui]"
    asks = f"{UI}.authentication"
    strict = authentication()
    assert not [found for found in found((asks, strict)) if found[0].startswith(path)]
    cases: tuple[tuple[str, object, str], ...] = (
        ("exceptPaths", ["/public/*"], "/public/*"),
        ("tokenSources", [{"query": "token"}], "token"),
        ("forwardOriginalToken", True, "true"),
    )
    for key, value, shown in cases:
        assert (f"{path}.authentication.{key}", shown) in found((asks, {**strict, key: value}))
    permissive = found((asks, strict), ("namespaces.0.phase", "permissive"))
    assert (f"{path}.authentication", "permissive") in permissive
    assert ("mesh.issuerNetworks", "10.1.0.0/16") in found(("mesh.issuerNetworks", ["10.1.0.0/16"]))


def test_a_caller_without_methods_or_from_outside_the_mesh_is_reported() -> None:
    tree = stack()
    put("namespaces.0.phase", "permissive")(tree)
    put("namespaces.1.phase", "outside")(tree)
    tree["namespaces"][1]["applications"] = [{"name": "batch", "image": "registry.example.com/batch:1"}]
    put("namespaces.0.applications.0.callers.0", {"application": "legacy/batch", "methods": ["GET"]})(tree)

    reported = [w for w in weakenings(read(tree)) if w.path == "namespaces[shop].applications[api].callers"]

    assert reported == [
        Weakening(
            path="namespaces[shop].applications[api].callers",
            value="legacy/batch",
            effect="This caller may use every path.",
        ),
        Weakening(
            path="namespaces[shop].applications[api].callers",
            value="legacy/batch",
            effect="The caller is outside the mesh: anybody's plaintext may use what is declared for it.",
        ),
    ]
