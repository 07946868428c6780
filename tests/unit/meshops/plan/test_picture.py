"""The picture and the words of a plan: what they say is what the documents say, and all of it can be read."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree

import pytest

from meshops.plan import plan, summary
from meshops.plan.mesh import ApplicationFacts, CallFacts, EgressFacts, MeshFacts, NamespaceFacts, OpeningFacts
from meshops.plan.picture import topology
from meshops.plan.picture.platform import PASSTHROUGH
from meshops.plan.picture.svg import text_width
from meshops.plan.platform import CertificateFacts, EntryFacts, PlatformFacts, ZoneFacts
from offline.stack_files import read_stack
from offline.values import Secret
from tests import ROOT
from tests.contract.stack_plans import plan_of

SAMPLE = ROOT / "tests" / "unit" / "offline" / "plan_program"
SVG = "{http://www.w3.org/2000/svg}"


def platform(zones: int = 3) -> PlatformFacts:
    return PlatformFacts(
        region="eu-west-1",
        vpc="10.0.0.0/16",
        zones=tuple(
            ZoneFacts(name=f"eu-west-1{zone}", public="10.255.252.0/22", private="10.255.128.0/18", nat=True)
            for zone in "abcd"[:zones]
        ),
        cluster="mesh (1.35)",
        nodes="2 to 4 of m7i.large",
        entries=(
            EntryFacts(
                kind="ALB",
                scheme="internet-facing",
                allowed=("10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12"),
                tls_policy="ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
                waf=True,
            ),
            EntryFacts(kind="NLB", scheme="internal", allowed=()),
        ),
        gateway_replicas="2 to 5",
        certificate=CertificateFacts(
            algorithm="ECDSA", size=256, hours=2160, renew_hours=720, issuer="ClusterIssuer x"
        ),
        istio_version="1.31.1",
        trust_domain="cluster.local",
    )


def mesh(applications: int, calls: int) -> MeshFacts:
    """Three namespaces of three phases, with long names and many calls across them."""
    names = [f"application-with-a-long-name-{number:02}" for number in range(applications)]
    per = -(-applications // 3)
    phases = ("strict", "permissive", "outside")
    namespaces = tuple(
        NamespaceFacts(
            name=f"{phase}-namespace-with-a-very-long-name-indeed",
            phase=phase,  # ty: ignore[invalid-argument-type]
            applications=tuple(
                ApplicationFacts(
                    namespace=f"{phase}-namespace-with-a-very-long-name-indeed",
                    name=name,
                    identity=f"{name}-sa",
                    replicas=3,
                    port=8080,
                    hosts=(f"{name}.a-long-domain.example.com", "second.example.com"),
                )
                for name in names[index * per : (index + 1) * per]
            ),
        )
        for index, phase in enumerate(phases)
    )
    keys = [application.key for namespace in namespaces for application in namespace.applications]
    pairs = [(keys[i % len(keys)], keys[(i * 7 + 3) % len(keys)]) for i in range(calls)]
    return MeshFacts(
        mode="PERMISSIVE",
        namespaces=namespaces,
        calls=tuple(
            CallFacts(caller=a, callee=b, methods=("GET", "POST"), paths=("/api/v1/a/long/path/*", "/another"))
            for a, b in pairs
            if a != b
        ),
        egress=tuple(
            EgressFacts(
                namespace=key.split("/")[0],
                application=key.split("/")[1],
                host=f"partner-{i // 2}.example.org",
                ports=("TLS 443",),
            )
            for i, key in enumerate(keys[::3])
        ),
    )


def texts(svg: str) -> list[tuple[str, float, float, float, float]]:
    """(text, left, top, right, bottom) of every text in a picture."""
    found = []
    for element in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        content = "".join(part for part in element.itertext()).strip()
        title = element.find(f"{SVG}title")
        if title is not None and title.text:
            content = content.removeprefix(title.text)
        size, x, y = float(element.get("font-size", "0")), float(element.get("x", "0")), float(element.get("y", "0"))
        width = text_width(content, size, bold=element.get("font-weight") == "600")
        left = {"middle": x - width / 2, "end": x - width}.get(element.get("text-anchor", "start"), x)
        found.append((content, left, y - 0.75 * size, left + width, y + 0.2 * size))
    return found


@pytest.mark.parametrize(("applications", "calls"), [(0, 0), (1, 0), (5, 6), (12, 30), (30, 80), (400, 0)])
def test_no_text_lies_on_another_or_outside_the_picture(applications: int, calls: int) -> None:
    svg = topology.render(mesh(applications, calls), platform(), title="Stack prod")
    placed = texts(svg)
    height = float(re.search(r'viewBox="0 0 1200 ([\d.]+)"', svg)[1])  # ty: ignore[not-subscriptable]
    for content, left, top, right, bottom in placed:
        assert left >= 0 and right <= 1200 and top >= 0 and bottom <= height, content  # noqa: PT018
    for index, (one, left, top, right, bottom) in enumerate(placed):
        for other, left2, top2, right2, bottom2 in placed[index + 1 :]:
            apart = right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top
            assert apart, f"{one!r} lies on {other!r}"


def test_every_application_call_and_external_host_is_in_the_picture() -> None:
    facts = mesh(6, 4)
    svg = topology.render(facts, platform(), title="Stack prod")
    for application in facts.applications:
        assert application.name in svg
    for call in facts.calls:
        assert f"{call.caller} → {call.callee}: GET, POST /api/v1/a/long/path/*, /another" in svg
    for egress in facts.egress:
        assert egress.host in svg


def test_passthrough_and_private_networks_are_drawn_as_they_are() -> None:
    facts = mesh(3, 0)
    space = facts.namespaces[0]
    passed = dataclasses.replace(space.applications[0], passthrough=True)
    opening = OpeningFacts(
        namespace=space.name, application=passed.name, networks=("10.9.0.0/24",), ports=("TCP 443",), past_sidecar=False
    )
    agent = dataclasses.replace(opening, networks=("169.254.170.23/32",), past_sidecar=True)
    changed = dataclasses.replace(
        facts,
        namespaces=(dataclasses.replace(space, applications=(passed,)), *facts.namespaces[1:]),
        openings=(opening, agent),
    )
    svg = topology.render(changed, platform(), title="Stack prod")
    assert f"private, from {passed.name}" in svg
    assert "10.9.0.0/24" in svg
    # The node's agent is no address of a network.
    assert "169.254.170.23" not in svg
    # Of this one's branch, beside the legend's line.
    assert svg.count(PASSTHROUGH) == topology.render(facts, platform(), title="Stack prod").count(PASSTHROUGH) + 2


def test_the_picture_has_the_same_bytes_each_time() -> None:
    pictures = {topology.render(mesh(12, 30), platform(), title="Stack prod") for _ in range(2)}
    assert len(pictures) == 1


def test_many_applications_become_their_namespaces_with_counts() -> None:
    svg = topology.render(mesh(400, 0), platform(), title="Stack prod")
    assert "400 applications are too many to draw one by one" in svg
    assert "134 applications" in svg


@pytest.fixture(scope="module")
def words() -> str:
    return summary.render(plan.make("dev", directory=SAMPLE, config={"sample:token": Secret("hush")}))


def test_the_summary_counts_resources_by_component(words: str) -> None:
    assert "| `Network` | 1 | Vpc |" in words
    assert "| `Zone zone-a` | 3 | NatGateway, Subnet ×2 |" in words  # noqa: RUF001
    assert "| **all** | 11 |  |" in words


def test_the_summary_reads_callers_from_the_policies(words: str) -> None:
    assert "| `shop/web` | `shop/cart` | GET /api/\\* | `shop/allow` |" in words


def test_the_nodes_of_all_zones_are_counted_together() -> None:
    assert plan_of("prod").platform.nodes == "3 to 12 × m7i.xlarge (on-demand)"  # noqa: RUF001
    config = {**read_stack(plan.PROGRAM, "prod").config}
    cluster = json.loads(str(config["zero-trust-mesh:cluster"]))
    cluster["nodeGroup"] |= {"autoscaler": "karpenter", "karpenter": {"cpuLimit": 200}}
    config["zero-trust-mesh:cluster"] = json.dumps(cluster)
    nodes = plan.make("prod", config=config).platform.nodes
    assert nodes == "3 to 12 × m7i.xlarge (on-demand); Karpenter's of up to 200 vCPU"  # noqa: RUF001


@pytest.mark.parametrize(("stack", "vpc"), [("dev", "10.20.0.0/16"), ("prod", "10.40.0.0/16"), ("lab", "10.90.0.0/16")])
def test_the_stacks_own_summary_has_its_calls_egress_and_weakenings(stack: str, vpc: str) -> None:
    made = plan_of(stack)
    words = summary.render(made)
    call = "| `secure-apps/frontend-ui` | `secure-apps/billing-api` | GET /api/data on port 3000 |"
    assert call in words
    assert "| `secure-apps/billing-api` | `api.stripe.com` | TLS 443 |" in words
    assert f"addresses are free: {vpc.removesuffix('.0.0/16')}" in words, "it says what is left of the VPC"
    assert "| 3 | gateway → pod, pod → pod | mutual TLS 1.3, mesh-wide" in words
    assert made.platform.certificate == CertificateFacts(
        algorithm="ECDSA", size=256, hours=2160, renew_hours=720, issuer="ClusterIssuer mesh-self-signed"
    )
    assert [line for line in words.splitlines() if line.startswith("## ")] == [
        "## What will exist",
        f"## Addresses of {vpc}",
        "## The traffic path",
        "## Namespaces",
        "## Who may call whom",
        "## What may leave the mesh",
        "## What the policies find",
        "## What the settings weaken",
    ]
