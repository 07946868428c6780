"""`python -m meshops adopt` on recorded documents: what it writes, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from manifests.stack import StackDocuments
from meshops.__main__ import main
from meshops.stack_settings import stack_settings
from offline.stack_files import read_stack
from tests import ROOT
from tests.unit.meshops.adopt import starting_state as state

CLEAN = [
    *(
        item
        for item in state.OBJECTS
        if item["kind"] not in ("DestinationRule", "Gateway", "VirtualService")
        and item["metadata"]["name"] not in ("db", "postgres")
    ),
    state.istio(
        *("networking", "VirtualService", "shop", "front-route"),
        hosts=["shop.dev.example.com"],
        gateways=["istio-ingress/istio-shared-gateway"],
        http=[{"route": [{"destination": {"host": "front"}}]}],
    ),
]
"""Without the traps, and without what only connections are seen of."""
REQUESTS = [line for line in state.TRAFFIC if line.startswith("{") and "rbac" not in line and "shop.dev" not in line]


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    directory = tmp_path / "program"
    directory.mkdir()
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, directory)
    return directory


def command(stack: Path, *arguments: str, source: Path) -> int:
    chosen = ["--stack", "dev", "--directory", str(stack), "--from", str(source)]
    return main(["adopt", *chosen, "--output", str(stack / "out"), *arguments])


def test_a_namespace_without_traps_would_exit_otherwise_than_0(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    traffic = [*REQUESTS, state.recorded(state.GATEWAY, "shop/front", "GET", "/", host="shop.dev.example.com")]
    source = state.write(stack / "recorded", objects=CLEAN, traffic=traffic)
    code = command(stack, "--namespaces", "shop", "orders", source=source)
    assert "0 failed, 0 unknown" in capsys.readouterr().out
    assert code == 0


def test_traps_exit_1_and_too_little_seen_3(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(stack, "--namespaces", "shop", "orders", source=state.write(stack / "recorded")) == 1
    text = capsys.readouterr().out
    assert "FAIL  MT102  DestinationRules                     DestinationRule shop/cart: spec.trafficPolicy.tls" in text

    unseen = state.write(stack / "unseen", objects=CLEAN, traffic=[])
    assert command(stack, "--namespaces", "shop", "orders", source=unseen) == 3
    assert "shop/cart was never seen to be called" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "adopt needs --namespaces"),
        (("--namespaces", "shpo"), "There is no namespace shpo: there are monitoring, orders, shop."),
        (("--namespaces", "shop", "--stack", "nosuch"), "Unknown stack 'nosuch'"),
        (("--namespaces", "shop", "--from", "/nowhere"), "--from /nowhere: there is no such directory."),
        (("--namespaces", "shop", "--traffic", "/nowhere"), "No such file"),
    ],
)
def test_wrong_usage_is_2_and_says_what_there_is(
    stack: Path, arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(stack, *arguments, source=state.write(stack / "recorded")) == 2
    assert says in capsys.readouterr().err


def test_without_write_the_stacks_file_stays_as_it_is(stack: Path) -> None:
    before = (stack / "Pulumi.dev.yaml").read_text()
    command(stack, "--namespaces", "shop", "orders", source=state.write(stack / "recorded"))
    assert (stack / "Pulumi.dev.yaml").read_text() == before


def test_with_write_its_entries_are_added_and_nothing_else_changes(
    stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (stack / "Pulumi.dev.yaml").read_text()
    source = state.write(stack / "recorded")
    command(stack, "--namespaces", "shop", "orders", "--write", source=source)
    after = (stack / "Pulumi.dev.yaml").read_text()
    assert after.startswith(before.rstrip())
    names = [item["name"] for item in yaml.safe_load(after)["config"]["zero-trust-mesh:namespaces"]]
    assert names == ["secure-apps", "payments", "shop", "orders"]
    assert read_stack(stack, "dev").config

    assert command(stack, "--namespaces", "shop", "--write", source=source) == 2
    assert "Pulumi.dev.yaml has shop already" in capsys.readouterr().err
    assert (stack / "Pulumi.dev.yaml").read_text() == after, "what somebody may have changed since is not replaced"


def test_once_the_program_has_made_its_documents_they_would_be_taken_for_somebody_elses(
    stack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = state.write(stack / "recorded", objects=CLEAN, traffic=REQUESTS)
    command(stack, "--namespaces", "shop", "--phase", "permissive", "--write", source=source)
    made = StackDocuments(settings=stack_settings(stack, "dev"))
    (shop,) = (one for one in made.settings.namespaces if one.name == "shop")
    documents = [json.loads(json.dumps(item)) for item in made.of((shop,)) if item["kind"] != "Namespace"]
    foreign = state.istio("security", "AuthorizationPolicy", "shop", "open", rules=[{}])
    source = state.write(stack / "again", objects=[*CLEAN, *documents, foreign], traffic=REQUESTS)
    capsys.readouterr()

    command(stack, "--namespaces", "shop", source=source)
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "MT104" in line)
    assert line.endswith("AuthorizationPolicy shop/open is not of the program")


def test_entries_would_be_written_behind_another_section(stack: Path) -> None:
    file = stack / "Pulumi.dev.yaml"
    file.write_text(
        f"{file.read_text().rstrip()}\n\n  # what comes after\n  zero-trust-mesh:gateway:\n    minReplicas: 2\n"
    )
    command(stack, "--namespaces", "shop", "--write", source=state.write(stack / "recorded"))
    config = yaml.safe_load(file.read_text())["config"]
    assert [item["name"] for item in config["zero-trust-mesh:namespaces"]] == ["secure-apps", "payments", "shop"]
    assert config["zero-trust-mesh:gateway"] == {"minReplicas": 2}
    assert "\n\n  # what comes after\n  zero-trust-mesh:gateway:" in file.read_text()


def test_the_files_for_a_repository_are_the_field_reports(stack: Path) -> None:
    command(stack, "--namespaces", "shop", "orders", source=state.write(stack / "recorded"))
    directory = stack / "out" / "git"
    assert [path.name for path in directory.iterdir()] == ["orders"], "nobody keeps shop in Git"
    files = {path.name: list(yaml.safe_load_all(path.read_text())) for path in (directory / "orders").iterdir()}
    (kustomization,) = files.pop("kustomization.yaml")
    assert set(kustomization["resources"]) == set(files)
    assert {
        "namespace.yaml",
        "istio-sidecar.yaml",
        "istio-authorizationpolicy.yaml",
        "istio-destinationrule.yaml",
        "network-policy.yaml",
    } <= set(files)
    (namespace,) = files["namespace.yaml"]
    assert namespace["metadata"]["labels"]["istio.io/rev"] == "1-31-1"
    (rule,) = files["istio-destinationrule.yaml"]
    assert rule["spec"]["trafficPolicy"]["tls"]["mode"] == "ISTIO_MUTUAL"
    assert {item["metadata"]["name"] for item in files["istio-authorizationpolicy.yaml"]} == {
        "deny-all", "orders", "orders.strict",
    }  # fmt: skip
