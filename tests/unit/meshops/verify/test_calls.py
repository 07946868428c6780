"""Which calls verify makes: who asks whom for what, from which pod, and what curl is told."""

from __future__ import annotations

import json

from manifests.images import Images
from meshops.verify.calling.plan import concrete_path, first_calls, past_network_policy, undeclared_host
from meshops.verify.calls import OUTSIDE, Call
from meshops.verify.probes.pods import GATE, agent_of, answers, curl_arguments, pod_document
from tests.unit.meshops.verify.world import GATEWAYS, NETWORK, stack


def _calls(purpose: str) -> list[Call]:
    return [call for call in first_calls(stack(), GATEWAYS) if call.purpose == purpose]


def test_every_listening_application_is_asked_in_plaintext_from_outside() -> None:
    found = {call.url: call.client for call in _calls("plaintext")}
    assert found == {
        "http://billing.shop.svc.cluster.local:8080/": OUTSIDE,
        "http://frontend.shop.svc.cluster.local:8080/": OUTSIDE,
        "http://ledger.ledgers.svc.cluster.local:8080/": OUTSIDE,
    }


def test_a_declared_caller_asks_with_its_own_identity_and_labels() -> None:
    call = _calls("right-identity")[0]
    assert (call.client.namespace, call.client.service_account) == ("shop", "frontend-sa")
    assert (call.client.labels, call.client.injected) == ((("app", "frontend"),), True)
    assert call.identity == "cluster.local/ns/shop/sa/frontend-sa"
    assert (call.method, call.url) == ("GET", "http://billing.shop.svc.cluster.local:8080/api/data")


def test_the_wrong_identity_has_the_callers_labels_and_a_third_partys_service_account() -> None:
    # Its Sidecar and NetworkPolicy are the caller's: only the callee's own policy can refuse it.
    call = _calls("wrong-identity")[0]
    assert call.client.labels == (("app", "frontend"),)
    assert (call.client.service_account, call.identity) == ("job-sa", "cluster.local/ns/shop/sa/job-sa")


def test_wrong_methods_and_paths_are_harmless_and_undeclared() -> None:
    assert {call.method for call in _calls("wrong-method")} == {"OPTIONS"}
    assert {call.url.rpartition("/")[2] for call in _calls("wrong-path")} == {"meshops-verify-undeclared"}


def test_only_methods_that_change_nothing_are_sent() -> None:
    writer = {
        "name": "shop",
        "phase": "strict",
        "applications": [
            {"name": "a", "image": "x.example.com/a:1"},
            {
                "name": "b",
                "image": "x.example.com/b:1",
                "port": 80,
                "callers": [{"application": "a", "methods": ["POST"]}],
            },
        ],
    }
    calls = first_calls(stack(namespaces=[writer]), {})
    assert {call.purpose for call in calls} == {"plaintext", "undeclared-host", "undeclared-host-outside"}


def test_the_gateway_is_asked_by_address_at_each_of_its_pods() -> None:
    calls = _calls("gateway")
    assert [(call.url, call.host) for call in calls] == [
        ("https://10.0.0.11/", "app.test.example.com"),
        ("https://10.0.0.12/", "app.test.example.com"),
    ]
    assert len(_calls("gateway-older-tls")) == 2


def test_behind_a_dns_firewall_the_undeclared_host_has_the_address_that_curl_is_given() -> None:
    (call,) = _calls("undeclared-host")
    assert call.options == ("--resolve", "example.org:443:203.0.113.80")
    (control,) = _calls("undeclared-host-outside")
    assert control.options == (), "it asks by name: that is what the firewall must refuse"
    without = first_calls(stack(network=NETWORK), {}, ["undeclared-host"])
    assert [call.options for call in without] == [()]


def test_the_undeclared_host_is_one_that_nobody_declares() -> None:
    assert undeclared_host(stack()) == "example.org"
    shop = {
        "name": "shop",
        "phase": "strict",
        "applications": [
            {
                "name": "a",
                "image": "x.example.com/a:1",
                "egress": [{"host": "example.org"}, {"host": "example.net"}],
            }
        ],
    }
    assert undeclared_host(stack(namespaces=[shop])) == "example.com"


def test_past_a_network_policy_a_probe_looks_like_who_is_admitted() -> None:
    world = stack()
    calls = {call.callee.name: call for call in past_network_policy(world, world.listeners) if call.callee}
    assert (calls["billing"].client.namespace, calls["billing"].client.labels) == ("shop", (("app", "frontend"),))
    assert (calls["frontend"].client.namespace, calls["frontend"].client.labels) == (
        "istio-ingress",
        (("istio", "ingressgateway"),),
    )
    assert not any(call.client.injected for call in calls.values())


def test_a_pattern_becomes_a_path_that_it_matches() -> None:
    assert [concrete_path(path) for path in ("/a", "/a/*", "/a/{*}/b", "/{**}")] == [
        "/a",
        "/a/meshops-verify",
        "/a/meshops-verify/b",
        "/meshops-verify",
    ]


def test_every_call_of_a_pod_carries_its_own_agent_and_prints_its_own_line() -> None:
    calls = [call for call in first_calls(stack(), GATEWAYS) if call.client == OUTSIDE]
    arguments = curl_arguments(calls, run="r1")
    assert arguments.count("--next") == len(calls) - 1
    for call in calls:
        assert agent_of("r1", call.id) in arguments
        assert f"%{{stderr}}\\n{call.id} %{{json}}\\n" in arguments


def test_a_probe_pod_is_restricted_and_never_in_a_service() -> None:
    call = _calls("right-identity")[0]
    pod = pod_document("p", call.client, [call], run="r1", images=Images("registry.example.com/mesh"))
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert spec["readinessGates"] == [{"conditionType": GATE}]
    assert "pod-template-hash" not in pod["metadata"]["labels"]
    assert pod["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "meshops-verify"
    assert container["image"].startswith("registry.example.com/mesh/curlimages/curl:")
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert [item["name"] for item in spec["containers"]] == ["probe", "linger"], "its sidecar must outlive its calls"
    assert "sidecar.istio.io/inject" not in pod["metadata"]["labels"]


def test_a_probe_pod_outside_the_mesh_says_that_it_wants_no_sidecar() -> None:
    pod = pod_document("p", OUTSIDE, _calls("plaintext"), run="r1", images=Images())
    assert pod["metadata"]["namespace"] == "meshops-verify-r1"
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert [item["name"] for item in pod["spec"]["containers"]] == ["probe"]


def test_what_curl_prints_is_read_and_everything_else_passed_over() -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    one = {
        "exitcode": 0,
        "http_code": 200,
        "local_ip": "10.0.0.5",
        "local_port": 41000,
        "certs": f"Subject:x\n{certificate}",
    }
    two = {"exitcode": 56, "http_code": 0, "errormsg": "Recv failure", "local_ip": "", "local_port": 0}
    output = f"curl: (56) Recv failure\n\nc1 {json.dumps(one)}\n\nc2 {json.dumps(two)}\nc3 {{cut"
    found = answers(output)
    assert set(found) == {"c1", "c2"}
    assert (found["c1"].http_code, found["c1"].local_address) == (200, "10.0.0.5:41000")
    assert found["c1"].certificates == (certificate,)
    assert str(found["c2"]) == "no answer, curl exit 56 (Recv failure)"
    assert found["c2"].local_address == ""


def test_what_is_private_is_asked_by_its_owner_and_by_others_as_a_control() -> None:
    asked = [(call.caller.name if call.caller else "", call.url) for call in _calls("private-destination")]
    assert asked == [
        ("billing", "http://10.60.0.10:5432/"),
        ("billing", "http://10.60.1.9:5432/"),
        ("billing", "https://orders.internal.example.com:443/"),
    ]
    # One of its own namespace, which sees the ServiceEntry, and one of another.
    others = {call.caller.name for call in _calls("private-destination-stranger") if call.caller}
    assert others == {"frontend", "ledger"}


def test_only_the_pod_with_an_identity_in_aws_has_the_agent_past_its_sidecar() -> None:
    (own,) = _calls("agent")
    assert own.url == "http://169.254.170.23:80/v1/credentials"
    assert own.client.annotations == (("traffic.sidecar.istio.io/excludeOutboundIPRanges", "169.254.170.23/32"),)
    others = _calls("agent-stranger")
    assert {call.client.annotations for call in others} == {()}
    assert {call.client.service_account for call in others} == {"frontend-sa", "ledger-sa"}
    pod = pod_document("p", own.client, [own], run="r", images=Images())
    assert pod["metadata"]["annotations"]["traffic.sidecar.istio.io/excludeOutboundIPRanges"] == "169.254.170.23/32"
