"""Two plans compared: what is added, removed and changed, field by field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from changes.comparison import Change
from meshops.plan import diff

HEAD = "urn:pulumi:{stack}::zero-trust-mesh::"


def entry(kind: str, name: str, stack: str = "dev", depends_on: tuple[str, ...] = (), **inputs: Any) -> dict[str, Any]:
    head = HEAD.format(stack=stack)
    return {
        "urn": f"{head}{kind}::{name}",
        "type": kind,
        "name": name,
        "parent": f"{head}pulumi:pulumi:Stack::s",
        "provider": "",
        "depends_on": [f"{head}{one}" for one in depends_on],
        "inputs": inputs,
    }


def written(directory: Path, *entries: dict[str, Any], options: dict[str, Any] | None = None) -> diff.PlanFiles:
    directory.mkdir(exist_ok=True)
    (directory / "resources.json").write_text(json.dumps(entries))
    (directory / "options.json").write_text(json.dumps(options or {}))
    return diff.read(directory)


def changes(tmp_path: Path, old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    before = written(tmp_path / "old", entry("a:b:C", "one", **old))
    after = written(tmp_path / "new", entry("a:b:C", "one", **new))
    return [change for found in diff.compare(before, after).changed.values() for change in found]


def change(path: str, old: str | None, new: str | None) -> Change:
    return Change(path=path, old=old, new=new)


CASES: list[tuple[str, dict[str, Any], dict[str, Any], list[Change]]] = [
    ("nothing", {"a": 1}, {"a": 1}, []),
    ("a value", {"a": {"b": 1}}, {"a": {"b": 2}}, [change("inputs.a.b", "1", "2")]),
    ("a field more", {"a": {}}, {"a": {"b": True}}, [change("inputs.a.b", None, "true")]),
    ("a field less", {"a": {"b": "x"}}, {"a": {}}, [change("inputs.a.b", "x", None)]),
    (
        "an item more in front, found by its name",
        {"c": [{"name": "b", "v": 1}]},
        {"c": [{"name": "a", "v": 9}, {"name": "b", "v": 2}]},
        [change("inputs.c[b].v", "1", "2"), change("inputs.c[a]", None, '{"name": "a", "v": 9}')],
    ),
    ("a value in a list", {"m": ["GET"]}, {"m": ["GET", "POST"]}, [change("inputs.m[]", None, "POST")]),
    ("only the order", {"m": ["a", "b"]}, {"m": ["b", "a"]}, [change("inputs.m (order)", '["a", "b"]', '["b", "a"]')]),
    ("items without a name", {"r": [{"x": 1}]}, {"r": [{"x": 2}]}, [change("inputs.r[0].x", "1", "2")]),
    (
        "a document inside a text",
        {"policy": '{"Statement": [{"Sid": "Read", "Effect": "Allow"}]}'},
        {"policy": '{"Statement": [{"Sid": "Read", "Effect": "Deny"}]}'},
        [change("inputs.policy.Statement[Read].Effect", "Allow", "Deny")],
    ),
    ("a key with dots", {"l": {"a.b/c": "1"}}, {"l": {"a.b/c": "2"}}, [change('inputs.l["a.b/c"]', "1", "2")]),
    ("another type", {"a": "1"}, {"a": {"b": 1}}, [change("inputs.a", "1", '{"b": 1}')]),
    ("a masked secret", {"token": "[secret]"}, {"token": "[secret]"}, []),
]


@pytest.mark.parametrize(("old", "new", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_changed_fields_are_found_by_path(
    tmp_path: Path, old: dict[str, Any], new: dict[str, Any], expected: list[Change]
) -> None:
    assert changes(tmp_path, old, new) == expected


def test_a_changed_dependency_and_a_changed_option_are_changes(tmp_path: Path) -> None:
    old, new = entry("a:b:C", "one", depends_on=("x::y",)), entry("a:b:C", "one")
    before = written(tmp_path / "old", old, options={old["urn"]: {"protect": True}})
    after = written(tmp_path / "new", new)
    assert diff.compare(before, after).changed == {
        "a:b:C::one": (change("depends_on[]", "x::y", None), change("options.protect", "true", None))
    }


def test_plans_of_two_stacks_are_compared_without_their_names(tmp_path: Path) -> None:
    dev = written(tmp_path / "dev", entry("a:b:C", "one", stack="dev", depends_on=("x::y",)))
    prod = written(tmp_path / "prod", entry("a:b:C", "one", stack="prod", depends_on=("x::y",)))
    assert diff.compare(dev, prod) == diff.Comparison(added=(), removed=(), changed={}, unchanged=1)


def test_the_comparison_reads_as_markdown(tmp_path: Path) -> None:
    before = written(tmp_path / "old", entry("k:v1:Service", "shop/cart", port=80), entry("k:v1:Job", "shop/old"))
    after = written(tmp_path / "new", entry("k:v1:Service", "shop/cart", port=81), entry("k:v1:Job", "shop/new|x"))
    assert diff.render(diff.compare(before, after), stack="dev") == "\n".join(
        [
            "## Plan of stack `dev`: 1 added, 1 removed, 1 changed",
            "",
            "0 resources stay as they are.",
            "",
            "Whether a change replaces these is not recorded; `pulumi preview` knows: `k:v1:Service`.",
            "",
            "### Added",
            "",
            "| Resource | Type |",
            "| --- | --- |",
            "| `shop/new\\|x` | `k:v1:Job` |",
            "",
            "### Removed",
            "",
            "| Resource | Type |",
            "| --- | --- |",
            "| `shop/old` | `k:v1:Job` |",
            "",
            "### Changed",
            "",
            "**`shop/cart`** (`k:v1:Service`)",
            "",
            "| Field | Before | After |",
            "| --- | --- | --- |",
            "| `inputs.port` | `80` | `81` |",
        ]
    )


NODES = "aws:eks/nodeGroup:NodeGroup"
SUBNET = "aws:ec2/subnet:Subnet"


@pytest.mark.parametrize(
    ("kind", "old", "new", "because"),
    [
        (NODES, {"subnetIds": ["a"]}, {"subnetIds": ["a", "b"]}, ("subnetIds",)),
        (NODES, {"subnetIds": ["a", "b"]}, {"subnetIds": ["b", "a"]}, ()),
        (NODES, {"instanceTypes": ["a", "b"]}, {"instanceTypes": ["b", "a"]}, ("instanceTypes",)),
        (NODES, {"launchTemplate": {"id": "a"}}, {"launchTemplate": {"id": "b"}}, ("launchTemplate.id",)),
        (NODES, {"launchTemplate": {"version": "1"}}, {"launchTemplate": {"version": "2"}}, ()),
        (SUBNET, {"cidrBlock": "a", "vpcId": "a"}, {"cidrBlock": "b", "vpcId": "b"}, ("cidrBlock", "vpcId")),
        (SUBNET, {"tags": {"cidrBlock": "a"}}, {"tags": {"cidrBlock": "b"}}, ()),
        ("eks:index:Cluster", {"encryptionConfigKeyArn": "a"}, {}, ("encryptionConfigKeyArn",)),
        ("eks:index:Cluster", {}, {"encryptionConfigKeyArn": "a"}, ()),
        ("kubernetes:core/v1:ConfigMap", {"data": {"a": "1"}}, {"data": {"a": "2"}}, ("data",)),
        ("kubernetes:core/v1:Service", {"spec": {"ports": [1]}}, {"spec": {"ports": [2]}}, ()),
        (
            "kubernetes:example.com/v1:Thing",
            {"metadata": {"name": "a"}},
            {"metadata": {"name": "b"}},
            ("metadata.name",),
        ),
    ],
)
def test_what_cannot_change_in_place_is_replaced(
    tmp_path: Path, kind: str, old: dict[str, Any], new: dict[str, Any], because: tuple[str, ...]
) -> None:
    before, after = (
        written(tmp_path / name, entry(kind, "one", **inputs)) for name, inputs in (("old", old), ("new", new))
    )
    comparison = diff.compare(before, after)
    assert comparison.replaced == ({f"{kind}::one": because} if because else {})
    assert comparison.unrecorded == ()


def test_losses_come_before_everything_else_and_by_name(tmp_path: Path) -> None:
    group = "aws:cloudwatch/logGroup:LogGroup"
    before = written(tmp_path / "old", entry(SUBNET, "a", cidrBlock="x"), entry(group, "audit"))
    after = written(tmp_path / "new", entry(SUBNET, "a", cidrBlock="y"), entry(group, "trail"))
    assert diff.render(diff.compare(before, after), stack="dev").splitlines()[:12] == [
        "## Plan of stack `dev`: 1 REPLACED, 1 added, 1 removed, 1 changed",
        "",
        "**REMOVED: `audit` (`aws:cloudwatch/logGroup:LogGroup`): its logs go with it.**",
        "",
        "**REPLACED: `a` (`aws:ec2/subnet:Subnet`): nodes and load balancers stand in it.**",
        "",
        "### REPLACED: deleted and made anew",
        "",
        "| Resource | Type | Because of |",
        "| --- | --- | --- |",
        "| `a` | `aws:ec2/subnet:Subnet` | `cidrBlock` |",
        "",
    ]


def test_a_type_that_nobody_recorded_is_said_to_be_unknown(tmp_path: Path) -> None:
    before, after = (written(tmp_path / name, entry("aws:s3/bucket:Bucket", "b", acl=name)) for name in ("old", "new"))
    comparison = diff.compare(before, after)
    assert (comparison.replaced, comparison.unrecorded) == ({}, ("aws:s3/bucket:Bucket",))


def test_another_option_or_order_replaces_nothing(tmp_path: Path) -> None:
    before = written(tmp_path / "old", entry("aws:s3/bucket:Bucket", "b", depends_on=("x::y",)))
    after = written(tmp_path / "new", entry("aws:s3/bucket:Bucket", "b"))
    comparison = diff.compare(before, after)
    assert comparison.changed
    assert (comparison.replaced, comparison.unrecorded) == ({}, ())


def test_a_directory_without_a_plan_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(diff.DiffError, match="holds no plan"):
        diff.read(tmp_path)


def test_what_only_waits_for_others_than_before_is_no_change_that_a_reader_looks_for(tmp_path: Path) -> None:
    before = written(tmp_path / "old", entry("a:b:C", "one"), entry("a:b:C", "two"))
    after = written(tmp_path / "new", entry("a:b:C", "one", depends_on=("x::y",)), entry("a:b:C", "two"))
    comparison = diff.compare(before, after)
    assert (comparison.waiting, comparison.unchanged) == (("a:b:C::one",), 1)
    assert diff.render(comparison, stack="dev").splitlines() == [
        "## Plan of stack `dev`: 0 added, 0 removed, 0 changed",
        "",
        "2 resources stay as they are, 1 of them after others than before.",
    ]
