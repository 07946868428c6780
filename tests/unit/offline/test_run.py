"""The mock runtime that the plan and the lab run the program under."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from offline.made_up import ACCOUNT, MadeUpOutputs
from offline.registration import Call, EngineError, Registration
from offline.run import ProgramRun, run_callable, run_program
from offline.values import UNKNOWN, Secret

SAMPLE = Path(__file__).parent / "plan_program"
CONFIG = {"sample:token": Secret("hush")}
HEAD = "urn:pulumi:dev::zero-trust-mesh::"


def sample(preview: bool = False) -> ProgramRun:
    run = run_program(SAMPLE, stack="dev", config=CONFIG, engine=MadeUpOutputs("eu-west-1"), preview=preview)
    assert run.error is None, run.error
    return run


def program(directory: Path, source: str, *, engine: Any = None, timeout: float = 60) -> ProgramRun:
    (directory / "__main__.py").write_text(source)
    return run_program(directory, stack="dev", config={}, engine=engine or MadeUpOutputs("eu-west-1"), timeout=timeout)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Registration]:
    return {registration.name: registration for registration in sample().registrations}


def test_urns_carry_the_whole_chain_of_types_as_the_real_engine_writes_them(recorded: dict[str, Registration]) -> None:
    assert recorded["network"].urn == f"{HEAD}mesh:network:Network::network"
    assert recorded["zone-a"].urn == f"{HEAD}mesh:network:Network$mesh:network:Zone::zone-a"
    subnet = recorded["private-eu-west-1a"]
    assert subnet.urn == (f"{HEAD}mesh:network:Network$mesh:network:Zone$aws:ec2/subnet:Subnet::private-eu-west-1a")
    assert subnet.parent == recorded["zone-a"].urn
    assert recorded["network"].parent == f"{HEAD}pulumi:pulumi:Stack::zero-trust-mesh-dev"


def test_a_registration_shows_the_whole_request(recorded: dict[str, Registration]) -> None:
    deployment = recorded["shop/cart"]
    assert deployment.type == "kubernetes:apps/v1:Deployment"
    assert deployment.provider.startswith(f"{recorded['kubernetes'].urn}::")
    assert deployment.depends_on == (recorded["shop"].urn,)
    assert deployment.deleted_with == recorded["mesh"].urn
    assert deployment.custom_timeouts == {"delete": "20m"}
    assert "name=basket" in deployment.aliases
    assert (deployment.custom, deployment.remote) == (True, False)
    vpc = recorded["vpc"].urn
    assert recorded["private-eu-west-1a"].property_dependencies == {"vpcId": (vpc,)}


def test_remote_components_and_providers_are_registrations_too(recorded: dict[str, Registration]) -> None:
    assert (recorded["mesh"].type, recorded["mesh"].custom, recorded["mesh"].remote) == (
        "eks:index:Cluster",
        False,
        True,
    )
    assert recorded["aws"].inputs["region"] == "eu-west-1"
    assert recorded["network"].custom is False


def test_whole_numbers_are_ints_and_only_the_secret_itself_is_marked(recorded: dict[str, Registration]) -> None:
    spec = recorded["shop/cart"].inputs["spec"]
    assert spec["replicas"] == 2
    assert isinstance(spec["replicas"], int)
    container = spec["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "TOKEN", "value": Secret("hush")}]
    assert container["image"] == "registry.example.com/cart:v1"


def test_exports_and_component_outputs_are_recorded() -> None:
    run = sample()
    assert run.outputs["version"] == "sample", "a resource among a component's outputs is a resource again"
    assert isinstance(run.outputs["kubeconfig"], Secret)
    network = f"{HEAD}mesh:network:Network::network"
    assert run.component_outputs[network] == {"vpc": run.outputs["vpc"]}


def test_two_runs_in_one_process_register_the_same_in_the_same_order() -> None:
    assert sample().registrations == sample().registrations


def test_a_preview_registers_the_same_resources_as_an_update() -> None:
    assert [one.urn for one in sample(preview=True).registrations] == [one.urn for one in sample().registrations]


def test_every_resource_comes_after_all_it_depends_on() -> None:
    seen: set[str] = set()
    for registration in sample().registrations:
        assert set(registration.depends_on) <= seen, registration.urn
        seen.add(registration.urn)


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
def test_a_function_runs_as_a_program_does(preview: bool) -> None:
    class OneBucket(MadeUpOutputs):
        def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
            return ("", {}) if preview else ("bucket-1", {"arn": "arn:aws:s3:::bucket-1"})

    def bucket() -> None:
        made = aws.s3.Bucket("made")
        pulumi.export("names", {"id": made.id, "account": aws.get_caller_identity_output().account_id})
        pulumi.export("url", made.arn.apply(lambda arn: f"s3:{arn}"))
        pulumi.export("token", pulumi.Output.secret(pulumi.Config("sample").require("token")))

    run = run_callable(
        bucket, directory=SAMPLE, stack="dev", config=CONFIG, engine=OneBucket("eu-west-1"), preview=preview
    )
    assert run.error is None, run.error
    assert [registration.urn for registration in run.registrations] == [f"{HEAD}aws:s3/bucket:Bucket::made"]
    assert run.calls == (Call(token="aws:index/getCallerIdentity:getCallerIdentity", arguments={}, provider=""),)
    assert run.outputs == {
        "names": {"id": UNKNOWN if preview else "bucket-1", "account": ACCOUNT},
        "url": UNKNOWN if preview else "s3:arn:aws:s3:::bucket-1",
        "token": Secret("hush"),
    }


def test_refused_settings_are_reported_without_a_traceback(tmp_path: Path) -> None:
    run = program(tmp_path, "import settings\nsettings.load()\n")
    assert run.error is not None
    assert run.error.kind == "settings"
    assert run.error.message.startswith("Stack 'dev': 5 settings refused; nothing was created.")
    assert "Traceback" not in run.error.message
    assert run.registrations == ()


def test_an_error_of_the_program_names_its_line(tmp_path: Path) -> None:
    run = program(tmp_path, "def load():\n    raise ValueError('no zone')\n\nload()\n")
    assert run.error is not None
    assert run.error.kind == "program"
    assert run.error.message == "ValueError: no zone\n    __main__.py:4 in <module>\n    __main__.py:2 in load"


def test_an_error_inside_an_apply_is_found(tmp_path: Path) -> None:
    run = program(tmp_path, "import pulumi\npulumi.Output.from_input(0).apply(lambda zero: 1 / zero)\n")
    assert run.error is not None
    assert run.error.message.startswith("ZeroDivisionError: division by zero")


def test_an_output_in_a_text_is_an_error(tmp_path: Path) -> None:
    run = program(tmp_path, "import pulumi\ntext = f\"{pulumi.Output.from_input('x')}\"\n")
    assert run.error is not None
    assert "Calling __str__ on an Output[T] is not supported" in run.error.message


def test_what_the_engine_cannot_make_ends_the_run_with_the_resource_named(tmp_path: Path) -> None:
    class Full(MadeUpOutputs):
        def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
            raise EngineError("no address left")

    source = "import pulumi_aws as aws\naws.ec2.Vpc('vpc', cidr_block='10.0.0.0/16')\n"
    run = program(tmp_path, source, engine=Full("eu-west-1"))
    assert run.error is not None
    assert (run.error.kind, run.error.message) == ("engine", f"{HEAD}aws:ec2/vpc:Vpc::vpc: no address left")


def test_a_value_that_waits_for_itself_ends_in_a_timeout_and_not_never(tmp_path: Path) -> None:
    source = (
        "import asyncio, pulumi\n"
        "never = asyncio.get_event_loop().create_future()\n"
        "pulumi.Output.from_input(never).apply(print)\n"
    )
    run = program(tmp_path, source, timeout=1)
    assert run.error is not None
    assert run.error.kind == "timeout"
    assert sample().error is None, "the next run is not affected"


class Meeting(MadeUpOutputs):
    """Answers nobody before two resources are being made at the same time."""

    def __init__(self) -> None:
        super().__init__("eu-west-1")
        self._both = threading.Barrier(2)

    def create(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        self._both.wait(timeout=20)
        return super().create(registration)


def test_with_workers_independent_resources_are_made_side_by_side_and_recorded_in_the_programs_order(
    tmp_path: Path,
) -> None:
    source = """
import pulumi_aws as aws
aws.s3.Bucket("first")
aws.s3.Bucket("second")
"""
    (tmp_path / "__main__.py").write_text(source)

    run = run_program(tmp_path, stack="dev", config={}, engine=Meeting(), timeout=60, workers=2)

    assert run.error is None, run.error
    assert [registration.name for registration in run.registrations] == ["first", "second"]
