"""What verify reads: access logs, kubectl's and istioctl's answers, and how it compares documents."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import cast

import pytest

from meshops.checks.model import Unavailable
from meshops.tools import ToolError, Tools
from meshops.verify.access_log import matching, parse_lines
from meshops.verify.comparison import difference
from meshops.verify.facts import Proxy
from meshops.verify.gather.analysis import gather_analysis, parse_analysis
from meshops.verify.gather.objects import parse_objects
from meshops.verify.gather.proxies import (
    gather_mode,
    gather_proxies,
    parse_authz,
    parse_mode,
    parse_secret,
    parse_status,
)
from tests.unit.meshops.verify.world import live

REFUSED = {
    "method": "GET",
    "path": "/api/data",
    "response_code": 403,
    "response_flags": "-",
    "response_code_details": "rbac_access_denied_matched_policy[none]",
    "connection_termination_details": None,
    "downstream_peer_uri_san": "spiffe://cluster.local/ns/shop/sa/job-sa",
    "downstream_local_uri_san": "spiffe://cluster.local/ns/shop/sa/billing-sa",
    "downstream_direct_remote_address": "10.0.0.7:41000",
    "requested_server_name": "outbound_.8080_._.billing",
    "claimed_user_agent": "meshops-verify/r/c1",
}


def _log(*entries: dict) -> str:
    noise = "2026-11-21T06:11:01Z\tinfo\tEnvoy proxy is ready {not json"
    return "\n".join([noise, *(f"[pod/billing-1/istio-proxy] {json.dumps(entry)}" for entry in entries), '{"cut": '])


def test_an_access_log_line_is_read_with_both_identities_and_the_reason() -> None:
    (line,) = parse_lines(_log(REFUSED), namespace="shop", application="billing")
    assert (line.downstream_peer, line.downstream_local) == (
        "cluster.local/ns/shop/sa/job-sa",
        "cluster.local/ns/shop/sa/billing-sa",
    )
    assert (line.response_code, line.reason, line.flags) == (403, "rbac_access_denied_matched_policy[none]", "")
    assert not line.reached_application


def test_a_refused_connection_has_its_reason_in_another_field() -> None:
    refused = {"response_flags": "NR", "response_code": 0, "response_code_details": None}
    plaintext = {**refused, "connection_termination_details": "filter_chain_not_found"}
    (one, two) = parse_lines(_log(refused, plaintext), namespace="shop", application="billing")
    assert (one.reason, two.reason) == ("NR", "filter_chain_not_found")


def test_lines_are_matched_by_agent_address_or_the_name_in_tls() -> None:
    (server,) = parse_lines(_log(REFUSED), namespace="shop", application="billing")
    (client,) = parse_lines(_log(REFUSED), namespace="shop", application="probe", client=True)
    lines = [server, client]
    assert matching(lines, agent="meshops-verify/r/c1") == (server, client)
    assert matching(lines, remote_address="10.0.0.7:41000") == (server, client)
    assert matching(lines, server_name="outbound_.8080_._.billing") == (client,), "a server sees everybody's names"
    assert matching(lines, agent="meshops-verify/r/c10", remote_address="10.0.0.7:4100") == ()
    assert matching(lines) == ()


def _pod(name: str, **labels: str) -> dict:
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "annotations": {"istio.io/rev": "1-31-1"}},
        "spec": {
            "serviceAccountName": "billing-sa",
            "initContainers": [{"name": "istio-proxy", "image": "proxyv2:1"}],
            "containers": [{"name": "billing", "image": "billing:1"}],
        },
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def test_kubectls_list_becomes_pods_and_objects_without_verifys_own() -> None:
    service = {"kind": "Namespace", "metadata": {"name": "shop"}}
    own = _pod("probe", **{"app.kubernetes.io/managed-by": "meshops-verify"})
    found = parse_objects({"items": [_pod("billing-1", app="billing"), own, service]})
    (pod,) = found.pods
    assert (pod.sidecar, pod.ready, pod.revision, pod.images) == (True, True, "1-31-1", ("billing:1", "proxyv2:1"))
    assert found.find("Namespace", "", "shop") is not None
    assert found.find("Namespace", "", "other") is None
    assert found.pods_of("shop", {"app": "billing"}) == (pod,)


def test_a_pod_has_its_identity_in_aws_once_eks_told_its_own_container_of_the_agent() -> None:
    def has_identity(container: str) -> bool:
        item = _pod("billing-1", app="billing")
        (found,) = [one for group in ("initContainers", "containers") for one in item["spec"][group]
                    if one["name"] == container]  # fmt: skip
        variable = {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": "http://169.254.170.23/v1/credentials"}
        found["env"] = [variable]
        (pod,) = parse_objects({"items": [item]}).pods
        return pod.aws_identity

    assert has_identity("billing")
    assert not has_identity("istio-proxy"), "the sidecar's does not help the application"


def _status(version: str, *proxies: dict) -> str:
    identifier = json.dumps({"Component": "istiod", "Info": {"version": version}})
    return json.dumps({"resources": list(proxies), "controlPlane": {"identifier": identifier}}, indent=4)


def _node(id: str, *statuses: str, **labels: str) -> dict:
    return {
        "node": {"id": id, "metadata": {"ISTIO_VERSION": "1.31.1", "LABELS": labels}},
        "genericXdsConfigs": [
            {"typeUrl": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "configStatus": status}
            for status in statuses
        ],
    }


def test_the_status_of_every_istiod_is_read_one_after_the_other() -> None:
    text = _status("1.31.1", _node("billing-1.shop", "SYNCED", "NOT_SENT")) + "\n"
    text += _status("1.31.0", _node("sidecar~10.0.0.2~ledger-1.ledgers~ledgers.svc.cluster.local", "STALE"))
    one, two = parse_status(text)
    assert (one.pod, one.version, one.control_plane, one.stale) == (
        "ledgers/ledger-1",
        "1.31.1",
        "1.31.0",
        ("Cluster STALE",),
    )
    assert (two.pod, two.control_plane, two.stale) == ("shop/billing-1", "1.31.1", ())


def test_a_probe_pods_proxy_is_none_of_the_meshs() -> None:
    own = _node("probe.shop", "STALE", **{"app.kubernetes.io/managed-by": "meshops-verify"})
    assert parse_status(_status("1.31.1", own)) == ()


def test_the_policies_in_force_are_those_that_let_in_or_refuse() -> None:
    rows = (
        "ACTION   AuthorizationPolicy  RULES",
        "DENY  x.shop  1",
        "ALLOW  billing.shop  2",
        "ALLOW  _anonymous_  1",
        "CUSTOM  y.shop  1",
    )
    text = "\n".join(rows)
    assert parse_authz(text) == ("billing.shop", "x.shop")
    with pytest.raises(ToolError, match="no table"):
        parse_authz("Error: something\n")


def _message(origin: str, level: str, code: str = "IST0101") -> dict:
    return {"code": code, "level": level, "origin": origin, "message": "something", "documentationUrl": "https://x"}


def test_an_analysis_is_read_gravest_first_and_without_probe_pods() -> None:
    text = json.dumps(
        [
            _message("Namespace legacy", "Info"),
            _message("Pod shop/meshops-verify-abcd-1", "Warning"),
            _message("Namespace meshops-verify-abcd", "Info"),
            _message("VirtualService shop/x", "Error"),
            {"code": "IST0001", "level": "Warning", "message": "of nothing in particular"},
        ]
    )
    found = parse_analysis(text)
    assert [(message.level, message.origin, message.text) for message in found] == [
        ("Error", "VirtualService shop/x", "something"),
        ("Warning", "the cluster", "of nothing in particular"),
        ("Info", "Namespace legacy", "something"),
    ]
    assert (found[0].kind, found[0].namespace, found[0].name) == ("VirtualService", "shop", "x")
    assert (found[2].kind, found[2].namespace, found[2].name) == ("Namespace", "", "legacy")


def _istioctl(directory: Path, script: str) -> Tools:
    program = directory / "istioctl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Tools(istioctl=str(program))


def test_istioctl_is_asked_about_all_namespaces_and_the_stacks_revision(tmp_path: Path) -> None:
    tools = _istioctl(tmp_path, f'echo "$@" > {tmp_path}/asked; echo "[]"')
    assert gather_analysis(tools, ["1-31-1"]) == ()
    assert (tmp_path / "asked").read_text() == "analyze --all-namespaces --revision 1-31-1 --output json\n"


def test_that_it_found_an_error_is_an_answer_of_istioctls(tmp_path: Path) -> None:
    text = json.dumps([_message("VirtualService shop/x", "Error")])
    found = gather_analysis(_istioctl(tmp_path, f"echo '{text}'; exit 79"), ["r"])
    assert isinstance(found, tuple)
    assert [message.code for message in found] == ["IST0101"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo Error: no such cluster >&2; exit 1", "The analysis could not be had: "),
        ("exit 0", "The analysis: istioctl's answer could not be read: "),
        ("echo null", "The analysis: istioctl's answer could not be read: "),
        ("""echo '[{"code": "X", "level": "Grave", "message": "y"}]'""", "The analysis: istioctl's answer could not"),
    ],
)
def test_an_analysis_that_could_not_be_had_says_why(tmp_path: Path, script: str, reason: str) -> None:
    found = gather_analysis(_istioctl(tmp_path, script), ["r"])
    assert isinstance(found, Unavailable)
    assert found.reason.startswith(reason)
    assert "the secrets of istio-system among them" in found.remedy


def test_the_mode_is_read_from_what_describe_says() -> None:
    assert parse_mode("Effective PeerAuthentication:\n   Workload mTLS mode: STRICT\n") == "STRICT"
    with pytest.raises(ToolError, match="no mTLS mode"):
        parse_mode("Pod: billing-1.shop\n")


def test_the_mode_is_had_though_a_pod_of_the_gateway_has_ended(tmp_path: Path) -> None:
    gone = "echo 'Error: port forward: pod not found' >&2; exit 1"
    assert gather_mode(_istioctl(tmp_path, f"echo 'Workload mTLS mode: STRICT'; {gone}"), "billing-1.shop") == "STRICT"
    with pytest.raises(ToolError, match="pod not found"):
        gather_mode(_istioctl(tmp_path, gone), "billing-1.shop")


def test_a_proxys_own_certificate_is_the_secret_called_default() -> None:
    chain = {"inlineBytes": base64.b64encode(b"PEM").decode()}
    secret = {"name": "default", "secret": {"tlsCertificate": {"certificateChain": chain}}}
    assert parse_secret(json.dumps({"dynamicActiveSecrets": [{"name": "ROOTCA"}, secret]})) == "PEM"
    with pytest.raises(ToolError, match="no certificate"):
        parse_secret("{}")


def test_the_first_difference_is_named_with_its_path() -> None:
    wanted = {"kind": "X", "metadata": {"name": "x"}, "spec": {"a": 1, "b": {"c": [1, 2]}}}

    def with_spec(spec: dict | None, *, exact: bool = True) -> str:
        item = {"kind": "X", "metadata": {"name": "x"}, **({"spec": spec} if spec is not None else {})}
        return difference(wanted, live(item), exact=exact)

    assert difference(wanted, None) == "it does not exist"
    assert with_spec({"a": 1, "b": {"c": [1, 2]}}) == ""
    assert with_spec({"b": {"c": [1, 2]}}) == "spec.a is missing"
    assert with_spec({"a": 1, "b": {"c": [1, 3]}}) == "spec.b.c[1] is 3, not 2"
    assert with_spec({"a": 1, "b": {"c": [1]}}) == "spec.b.c has 1 entries, not 2"
    assert with_spec({"a": 1, "b": {"c": [1, 2]}, "d": 0}) == "spec.d was added"
    assert with_spec({"a": 1, "b": {"c": [1, 2]}, "d": 0}, exact=False) == ""
    assert difference({"kind": "X", "metadata": {"name": "x"}, "spec": {}}, live(wanted)) == "spec.a was added"


def test_a_missing_tool_is_one_line_and_not_an_accident() -> None:
    with pytest.raises(ToolError, match="nowhere-kubectl is not on the PATH"):
        Tools(kubectl="nowhere-kubectl").ask_kubectl("version")


def test_a_tool_that_fails_is_quoted_by_its_last_line() -> None:
    with pytest.raises(ToolError, match=r"^sh -c echo one >&2; echo two >&2; exit 3: two$"):
        Tools(kubectl="sh").ask_kubectl("-c", "echo one >&2; echo two >&2; exit 3")


def test_a_tool_that_does_not_end_is_ended() -> None:
    with pytest.raises(ToolError, match="gave no answer within 0 s"):
        Tools(kubectl="sh").ask_kubectl("-c", "sleep 5", seconds=0.05)


@pytest.mark.parametrize(("breaks", "said"), [(0, "ok"), (2, "ok"), (3, "")])
def test_a_port_forward_that_broke_off_is_made_again(
    breaks: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    tries = tmp_path / "tries"
    script = (
        f"echo x >> {tries}; [ $(wc -l < {tries}) -gt {breaks} ] && echo ok && exit; "
        "echo 'Get \"http://localhost:1/config_dump\": EOF' >&2; exit 1"
    )
    if said:
        assert Tools(istioctl="sh").ask_istioctl("-c", script).strip() == said
    else:
        with pytest.raises(ToolError, match=r"EOF$"):
            Tools(istioctl="sh").ask_istioctl("-c", script)
    assert len(tries.read_text().split()) == min(breaks + 1, 3)


def test_an_istioctl_that_fails_for_a_reason_is_asked_once(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"no such pod$"):
        Tools(istioctl="sh").ask_istioctl("-c", f"echo x >> {tmp_path}/tries; echo no such pod >&2; exit 1")
    assert (tmp_path / "tries").read_text() == "x\n"


@pytest.mark.parametrize(("answers", "stale"), [(("STALE", "SYNCED"), ()), (("STALE",), ("Cluster STALE",))])
def test_a_proxy_is_stale_when_it_stays_so(
    answers: tuple[str, ...], stale: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [_status("1.31.1", _node("billing-1.shop", status)) for status in answers]

    def ask_istioctl(self: Tools, *arguments: str) -> str:
        return said.pop(0) if len(said) > 1 else said[0]

    passed = iter(range(100))
    monkeypatch.setattr(Tools, "ask_istioctl", ask_istioctl)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(passed)))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    assert [proxy.stale for proxy in cast(tuple[Proxy, ...], gather_proxies(Tools(), ["1-31-1"]))] == [stale]
