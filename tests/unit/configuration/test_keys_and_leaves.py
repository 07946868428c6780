"""Every key of a stack's file is read or refused, and nothing that may stand in it ends in a traceback."""

from __future__ import annotations

from typing import Any

import pytest

from configuration.kinds.leaves import DEEPEST
from configuration.parsing import parse
from configuration.problems import Problem, SettingsError
from configuration.settings import PROJECT, Settings
from tests.unit.configuration.bad_settings import API, put, stack


def read(more: dict[str, Any], tree: dict[str, Any] | None = None) -> Settings:
    keys = {f"{PROJECT}:{key}": value for key, value in (tree or stack()).items()}
    return parse("test", {"aws:region": "eu-west-1", **keys, **more})


def refused(more: dict[str, Any], tree: dict[str, Any] | None = None) -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as refusal:
        read(more, tree)
    str(refusal.value).encode("utf-8")
    return refusal.value.problems


@pytest.mark.parametrize(
    ("key", "rule", "remedy"),
    [
        ("zero-trust-mesh:region", "aws:region says this", "aws:region"),
        ("zero-trust-mesh:profile", "aws:profile says this", "aws:profile"),
        ("zero-trust-mesh:allowedAccountIds", "aws:allowedAccountIds says this", "aws:allowedAccountIds"),
        ("zero-trust-mehs:network", "silently not hold", "zero-trust-mesh:network"),
        ("aws:assumeRole", "silently not hold", "aws:profile"),
        ("aws:secretKey", "silently not hold", "never in a file"),
        ("aws:endpoints", "silently not hold", "aws:region, aws:profile"),
        ("kubernetes:kubeconfig", "silently not hold", "zero-trust-mesh:"),
    ],
)
def test_a_key_that_nobody_reads_would_be_believed(key: str, rule: str, remedy: str) -> None:
    (problem,) = refused({key: "canary"})
    assert problem.path == key
    assert rule in problem.rule
    assert remedy in problem.remedy


def test_the_value_of_a_key_that_may_be_a_credential_is_not_shown() -> None:
    assert "canary" not in str(refused({"aws:secretKey": "canary"}))
    assert "canary" not in str(refused({"other:token": "canary"}))


def test_the_engines_own_keys_are_the_engines() -> None:
    assert read({"pulumi:disable-default-providers": "[]"}).region == "eu-west-1"


def test_the_provider_does_nothing_outside_the_accounts_that_are_named() -> None:
    assert read({"aws:allowedAccountIds": '["111122223333"]'}).allowed_account_ids == ("111122223333",)
    (problem,) = refused({"aws:allowedAccountIds": '["1234"]'})
    assert problem.path == "aws:allowedAccountIds[0]"
    assert "12 digits" in problem.rule


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


NOTHING = {
    "a list 200 deep": deep(200),
    "a list 5000 deep": deep(5000),
    "text of a list 100000 deep": "[" * 100_000,
    "bytes": b"abc",
    "a set": {"a"},
    "a lone surrogate": "a\ud800",
    "a NUL": "a\0b",
    "not a number": float("nan"),
    "infinity": float("inf"),
    "a key that is no text": {1: "a"},
    "a key with a surrogate": {"\udfff": "a"},
}


@pytest.mark.parametrize(
    "where", ["tags", "namespaces", "environment", f"{API}.environment", f"{API}.command", "network.cidr"]
)
@pytest.mark.parametrize("what", NOTHING)
def test_a_traceback_would_say_nothing_about_the_file(what: str, where: str) -> None:
    tree = stack()
    put(where, NOTHING[what])(tree)
    problems = refused({}, tree)
    assert problems
    for problem in problems:
        assert problem.path.split(".")[0].split("[")[0] == where.split(".")[0]
        assert "Input should" not in problem.rule, "pydantic's own words"
        assert len(problem.value) <= 120


def test_the_deepest_setting_there_is_can_be_written() -> None:
    assert DEEPEST > 12
