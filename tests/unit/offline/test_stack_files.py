"""Stack files are read as the engine reads them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from offline.stack_files import StackError, read_stack, stack_names
from offline.values import Secret


def stack(directory: Path, text: str, project: str = "name: zero-trust-mesh\n") -> dict[str, str | Secret]:
    (directory / "Pulumi.yaml").write_text(project)
    (directory / "Pulumi.dev.yaml").write_text(text)
    return dict(read_stack(directory, "dev").config)


def test_structured_values_are_passed_as_json_text(tmp_path: Path) -> None:
    text = "config:\n  aws:region: eu-west-1\n  zero-trust-mesh:network:\n    zones: [a, b]\n    nat: single\n"
    assert stack(tmp_path, text) == {
        "aws:region": "eu-west-1",
        "zero-trust-mesh:network": '{"zones": ["a", "b"], "nat": "single"}',
    }


def test_a_key_without_a_namespace_is_the_projects(tmp_path: Path) -> None:
    assert stack(tmp_path, "config:\n  environment: dev\n") == {"zero-trust-mesh:environment": "dev"}


def test_defaults_of_the_project_file_stand_behind_the_stacks_values(tmp_path: Path) -> None:
    project = (
        "name: zero-trust-mesh\nconfig:\n  environment: {type: string, default: dev}\n"
        "  aws:region: {value: eu-west-1}\n  tags: {type: object, description: only described}\n"
    )
    assert stack(tmp_path, "config:\n  environment: prod\n", project) == {
        "zero-trust-mesh:environment": "prod",
        "aws:region": "eu-west-1",
    }


def test_encrypted_values_become_a_masked_secret_wherever_they_stand(tmp_path: Path) -> None:
    found = stack(tmp_path, "config:\n  token: {secure: AAAB}\n  nested:\n    inner: [{secure: AAAC}]\n    open: yes\n")
    token, nested = found["zero-trust-mesh:token"], found["zero-trust-mesh:nested"]
    assert isinstance(token, Secret)
    assert isinstance(nested, Secret)
    assert token.value.startswith("[secret ")
    assert json.loads(nested.value)["inner"][0].startswith("[secret ")
    assert json.loads(nested.value)["open"] == "yes"
    assert "AAAB" not in f"{found!r} {token.value}"


def test_the_stand_in_of_an_encrypted_value_changes_with_it(tmp_path: Path) -> None:
    one, same, other = (stack(tmp_path, f"config:\n  token: {{secure: {text}}}\n") for text in ("v1:a", "v1:a", "v1:b"))
    assert one == same != other


def test_what_stands_in_plain_text_among_the_secrets_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = "config:\n  secrets:\n    key: {secure: AAAC}\n    values: {good: {secure: AAAD}, bad: tr0ub4dor}\n"
    with pytest.raises(StackError) as refusal:
        stack(tmp_path, text)
    assert "secrets.values.bad stands in plain text" in str(refusal.value)
    assert "tr0ub4dor" not in str(refusal.value)


def test_yes_and_on_are_text_as_they_are_to_the_engine(tmp_path: Path) -> None:
    assert stack(tmp_path, "config:\n  a: on\n  b: true\n  c: 012\n  d: 7\n") == {
        "zero-trust-mesh:a": "on",
        "zero-trust-mesh:b": "true",
        "zero-trust-mesh:c": "012",
        "zero-trust-mesh:d": "7",
    }


def test_an_unknown_stack_is_one_line_with_those_that_exist(tmp_path: Path) -> None:
    for name in ("prod", "dev", "lab"):
        (tmp_path / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    assert stack_names(tmp_path) == ("dev", "lab", "prod")
    with pytest.raises(StackError) as caught:
        read_stack(tmp_path, "staging")
    assert str(caught.value) == "Unknown stack 'staging': there are dev, lab, prod."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("config:\n  a: 1\n  a: 2\n", "'a' is given twice"),
        ("config: [a]\n", "`config` must be a mapping"),
        ("config: {\n", "is not valid YAML"),
    ],
)
def test_a_file_that_the_engine_would_refuse_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StackError, match=message):
        stack(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:b: !!binary aGVsbG8=", "a:b holds something that is no text"),
        ("a:b: {c: !!binary aGVsbG8=}", "a:b holds something that is no text"),
        ("a:b: !!set {c, d}", "a:b holds something that is no text"),
        ("a:b: [!!timestamp 2026-01-01]", "a:b holds something that is no text"),
        ("a:b: " + "[" * 3000 + "]" * 3000, "nested"),
    ],
)
def test_a_file_that_no_engine_could_hand_over_is_one_line_and_no_traceback(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config:\n  {text}\n")
    with pytest.raises(StackError, match=re.escape(message)) as problem:
        read_stack(tmp_path, "dev")
    assert "\n" not in str(problem.value)


def test_a_file_in_another_encoding_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_bytes(b"config:\n  a:b: caf\xe9\n")
    with pytest.raises(StackError, match="not text in UTF-8"):
        read_stack(tmp_path, "dev")
