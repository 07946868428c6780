"""`python -m meshops plan`: the files it writes, and what it does when there is no plan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from meshops.__main__ import main
from meshops.plan import files as plan_files
from meshops.plan import output, plan
from offline.values import Secret
from tests import ROOT

SAMPLE = ROOT / "tests" / "unit" / "offline" / "plan_program"
CONFIG = {"sample:token": Secret("hush-hush")}


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("plan") / "sample"
    output.write(plan.make("dev", directory=SAMPLE, config=CONFIG), target)
    return target


def test_a_plan_is_these_files(written: Path) -> None:
    assert sorted(files(written)) == [
        "manifests/_cluster/namespace-shop.yaml",
        "manifests/shop/authorizationpolicy-allow.yaml",
        "manifests/shop/deployment-cart.yaml",
        "manifests/shop/secret-token.yaml",
        "options.json",
        "outputs.json",
        "policy.json",
        "resources.json",
        "summary.md",
        "topology.svg",
    ]


def test_resources_have_exactly_the_documented_keys_in_registration_order(written: Path) -> None:
    resources = json.loads((written / "resources.json").read_text())
    assert {tuple(entry) for entry in resources} == {
        ("urn", "type", "name", "parent", "provider", "depends_on", "inputs")
    }
    assert [entry["name"] for entry in resources][:3] == ["aws", "network", "vpc"]
    allow = next(entry for entry in resources if entry["name"] == "shop/allow")
    assert allow["inputs"]["spec"]["selector"] == {"matchLabels": {"app": "cart"}}


def test_no_secret_is_in_any_file(written: Path) -> None:
    for name, content in files(written).items():
        assert b"hush-hush" not in content, name
        assert b"aws eks" not in content, name
    resources = {entry["name"]: entry["inputs"] for entry in json.loads((written / "resources.json").read_text())}
    assert resources["kubernetes"]["kubeconfig"] == "[secret]"
    assert resources["shop/token"]["stringData"] == {"token": "[secret]"} or resources["shop/token"]["stringData"] == (
        "[secret]"
    )
    container = resources["shop/cart"]["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "TOKEN", "value": "[secret]"}]
    assert json.loads((written / "outputs.json").read_text())["kubeconfig"] == "[secret]"


def test_documents_are_the_objects_as_yaml_in_a_stable_order(written: Path) -> None:
    assert (written / "manifests/shop/authorizationpolicy-allow.yaml").read_text() == (
        "apiVersion: security.istio.io/v1\n"
        "kind: AuthorizationPolicy\n"
        "metadata:\n"
        "  name: allow\n"
        "  namespace: shop\n"
        "spec:\n"
        "  action: ALLOW\n"
        "  rules:\n"
        "  - from:\n"
        "    - source:\n"
        "        principals:\n"
        "        - cluster.local/ns/shop/sa/web-sa\n"
        "    to:\n"
        "    - operation:\n"
        "        methods:\n"
        "        - GET\n"
        "        paths:\n"
        "        - /api/*\n"
        "  selector:\n"
        "    matchLabels:\n"
        "      app: cart\n"
    )


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    found = []
    for seed in ("1", "2"):
        target = tmp_path / seed
        command = [sys.executable, "-m", "meshops", "plan", "--stack", "dev", "--output", str(target)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Kubernetes objects (all valid)" in done.stdout
        assert " s\n" in done.stdout, "it says how long it took"
        found.append(files(target))
    assert found[0] == found[1]


def test_an_invalid_object_leaves_the_old_plan_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "plan"
    target.mkdir()
    (target / "resources.json").write_text("[]")
    with pytest.raises(plan.PlanError) as caught:
        output.write(plan.make("dev", directory=SAMPLE, config={**CONFIG, "sample:action": "PERMIT"}), target)
    assert str(caught.value).splitlines() == [
        "Stack 'dev': 1 problem that the API server would refuse or misread.",
        "  AuthorizationPolicy shop/allow",
        '      spec.action = "PERMIT"',
        '      It must be one of "ALLOW", "DENY", "AUDIT", "CUSTOM".',
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plan"]


def test_a_write_that_fails_half_way_leaves_the_old_plan(tmp_path: Path) -> None:
    target = tmp_path / "plan"
    target.mkdir()
    (target / "summary.md").write_text("old")

    def fail() -> None:
        with plan_files.swapped_in(target) as directory:
            (directory / "summary.md").write_text("new")
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        fail()
    assert files(tmp_path) == {"plan/summary.md": b"old"}


def test_two_that_write_the_same_plan_write_it_one_after_the_other(tmp_path: Path) -> None:
    target, first_is_in, second_is_done = tmp_path / "plan", threading.Event(), threading.Event()

    def second() -> None:
        assert first_is_in.wait(10)
        with plan_files.swapped_in(target) as directory:
            (directory / "summary.md").write_text("second")
        second_is_done.set()

    thread = threading.Thread(target=second)
    thread.start()
    with plan_files.swapped_in(target) as directory:
        first_is_in.set()
        assert not second_is_done.wait(0.2)
        (directory / "summary.md").write_text("first")
    thread.join(10)
    assert second_is_done.is_set()
    assert files(tmp_path) == {"plan/summary.md": b"second"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["plan", "--stack", "staging"], 2, "Unknown stack 'staging': there are "),
        (["plan", "--stack", "dev", "--diff", "nowhere"], 2, "nowhere holds no plan"),
        (["deploy"], 2, "unknown command 'deploy'"),
        ([], 2, "usage: python -m meshops"),
    ],
)
def test_wrong_usage_is_a_line_and_exit_code_2(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    assert message in capsys.readouterr().err


def test_bad_settings_are_reported_whole_with_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = "import settings\nsettings.load()\n"
    (tmp_path / "__main__.py").write_text(source)
    (tmp_path / "Pulumi.bad.yaml").write_text("config:\n  zero-trust-mesh:network: {cidr: 10.0.0.1/16}\n")
    assert main(["plan", "--stack", "bad", "--directory", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert 'network.cidr = "10.0.0.1/16"' in error
    assert "environment = (not set)" in error
    assert "Traceback" not in error
    assert not (tmp_path / "build" / "plan" / "bad").exists()


def test_a_plan_imports_nothing_large_that_it_does_not_need(tmp_path: Path) -> None:
    # Each was as long as a fifth of a whole plan: a terminal behind the evaluation of CEL, and the SDKs' classes of
    # every statement of a WAF and of every field of a pod.
    unwanted = ("prompt_toolkit", "rich", "pulumi_aws.wafv2._inputs", "pulumi_kubernetes.core.v1._inputs")
    program = (
        "import sys; from meshops.__main__ import main; "
        f"main(['plan', '--stack', 'prod', '--output', {str(tmp_path / 'plan')!r}]); "
        f"print([name for name in {unwanted!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
