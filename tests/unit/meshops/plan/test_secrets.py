"""A secret of a stack is nowhere to be read but in the one Kubernetes Secret that is made of it."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import traceback
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import settings as stack_settings
from configuration.parsing import parse
from configuration.problems import SettingsError
from configuration.settings import PROJECT
from meshops.plan import diff, output, plan
from offline.made_up import MadeUpOutputs
from offline.run import run_callable, run_program
from offline.stack_files import for_parsing, read_stack
from offline.values import Secret, revealed
from tests import ROOT
from tests.unit.configuration.mutations import STACKS, Location, Tree, _places, _unset, base

CANARY = "c4n4ry-in-the-mine"
OTHER = "0th3r-bird-of-mine"
KEY = "k3y-of-the-stack" * 3
SECRETS = f"{PROJECT}:secrets"


def traces(*texts: str) -> set[str]:
    """How a text may be recognised: as it is, in base64, and by the hashes that anybody can make."""
    found = set(texts)
    for text in texts:
        found.add(base64.b64encode(text.encode()).decode())
        found |= {hashlib.new(name, text.encode()).hexdigest()[:16] for name in ("md5", "sha1", "sha256", "sha512")}
    return found


def assert_unseen(text: str, *secrets: str) -> None:
    assert not [trace for trace in traces(*secrets) if trace in text], "a secret, or what anybody can undo to it"


def passed(tree: Tree, *, secret: tuple[str, ...]) -> dict[str, Any]:
    """As the engine hands it over: structured values as text, and of each key whether it is secret."""
    config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in tree.items()}
    return {key: Secret(value) if key in secret else value for key, value in config.items()}


def with_secrets(stack: str, value: str, *, key: str = KEY) -> dict[str, Any]:
    """A stack in which each application of the program's own has a secret in its environment."""
    tree = base(stack)
    tree[SECRETS] = {"key": key, "values": {"token": value}}
    for namespace in tree[f"{PROJECT}:namespaces"]:
        for application in namespace.get("applications", ()):
            if application.get("workload") == "external":
                continue
            application["environment"] = {
                "TOKEN": {"secret": "token"},
                "DATABASE_URL": {"secretRef": "database/url"},
                "LEVEL": "info",
            }
    return passed(tree, secret=(SECRETS,))


@cache
def made(stack: str, value: str, key: str = KEY) -> plan.Plan:
    return plan.make(stack, directory=ROOT, config=with_secrets(stack, value, key=key))


def written(made_plan: plan.Plan, target: Path) -> dict[str, str]:
    output.write(made_plan, target)
    return {str(path.relative_to(target)): path.read_text() for path in target.rglob("*") if path.is_file()}


def templates(made_plan: plan.Plan) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for item in made_plan.objects:
        if item.kind == "Deployment" and item.at("spec", "template", "metadata", "annotations", "checksum/environment"):
            yield item.name, item.at("spec", "template")


@pytest.mark.parametrize("stack", STACKS)
def test_no_file_of_a_plan_and_no_comparison_shows_a_secret(stack: str, tmp_path: Path) -> None:
    before, after = made(stack, CANARY), made(stack, OTHER)
    files = written(before, tmp_path / "before")
    written(after, tmp_path / "after")
    comparison = diff.render(diff.compare(diff.read(tmp_path / "before"), diff.read(tmp_path / "after")), stack=stack)

    assert any(name.endswith("-environment.yaml") for name in files), "each application's Secret is among them"
    for name, text in files.items():
        assert KEY not in text, name
        assert_unseen(text, CANARY)
    assert_unseen(f"{comparison} {before!r} {plan.headline(before)}", CANARY, OTHER, KEY)
    assert "checksum/environment" in comparison, "that the pods roll is shown"


def test_the_secret_itself_is_what_the_cluster_gets_and_marked_for_the_state() -> None:
    secrets = [item for item in made("dev", CANARY).objects if item.kind == "Secret"]
    assert secrets
    for item in secrets:
        assert isinstance(item.content["data"], Secret)
        assert base64.b64decode(revealed(item.content)["data"]["TOKEN"]).decode() == CANARY
    registrations = {entry.urn: entry for entry in made("dev", CANARY).run.registrations}
    assert all("data" in registrations[item.urn].additional_secret_outputs for item in secrets)


def test_the_pods_find_it_and_come_after_it() -> None:
    registrations = {entry.urn: entry for entry in made("dev", CANARY).run.registrations}
    secrets = {(item.namespace, item.name): item.urn for item in made("dev", CANARY).objects if item.kind == "Secret"}
    seen = 0
    for item in made("dev", CANARY).objects:
        for container in (item.at("spec", "template", "spec") or {}).get("containers", ()):
            for variable in container.get("env", ()):
                if variable["name"] == "TOKEN":
                    reference = variable["valueFrom"]["secretKeyRef"]
                    assert reference["key"] == "TOKEN"
                    assert secrets[item.namespace, reference["name"]] in registrations[item.urn].depends_on
                    seen += 1
                elif variable["name"] == "DATABASE_URL":
                    assert variable["valueFrom"] == {"secretKeyRef": {"name": "database", "key": "url"}}
    assert seen == len(secrets)


def test_pods_roll_when_a_secret_changes_and_only_then() -> None:
    one, same, other = (
        dict(templates(made("dev", CANARY))),
        dict(templates(made("dev", CANARY))),
        dict(templates(made("dev", OTHER))),
    )
    assert one
    assert one == same
    assert all(one[name] != other[name] for name in one)


def test_the_hash_needs_the_key_and_tells_two_applications_apart() -> None:
    def hashes(key: str) -> list[str]:
        return [
            found["metadata"]["annotations"]["checksum/environment"] for _, found in templates(made("dev", CANARY, key))
        ]

    first = hashes(KEY)
    assert len(set(first)) == len(first), "the same secret in two applications has two hashes"
    assert not set(first) & set(hashes("another-key-of-the-stack" * 2))


def spoilt(stack: str) -> Iterator[tuple[str, Location, Tree]]:
    """Each place of a stack, set or not, with the canary in it."""
    tree = base(stack)
    for location in [*_places(tree), *_unset(tree)]:
        changed = copy.deepcopy(tree)
        parent: Any = changed
        for step in location[:-1]:
            parent = parent[step]
        parent[location[-1]] = CANARY
        yield str(location[0]), location, changed


@pytest.mark.parametrize("stack", STACKS)
def test_a_secret_anywhere_else_is_refused_and_not_shown(stack: str) -> None:
    places = 0
    for key, location, tree in spoilt(stack):
        if key == SECRETS:
            continue
        places += 1
        with pytest.raises(SettingsError) as refusal:
            parse(stack, for_parsing(passed(tree, secret=(key,))))
        shown = "".join(traceback.format_exception(refusal.value)) + repr(refusal.value.problems)
        assert CANARY not in shown, location
        (problem,) = refusal.value.problems
        assert problem.path == key.removeprefix(f"{PROJECT}:"), location
        assert "in plain text" in problem.rule
    assert places > 100


MISTAKES: dict[str, Any] = {
    "a text": CANARY,
    "a text that is almost JSON": f"{{{CANARY}",
    "a list": [CANARY],
    "an unknown key": {"token": CANARY},
    "an unknown object": {"token": {"inner": [CANARY]}},
    "a short key": {"key": CANARY},
    "a key that is an object": {"key": {"a": CANARY}},
    "values that are a text": {"values": CANARY},
    "a value that is a list": {"key": KEY, "values": {"token": [CANARY]}},
    "a value with a NUL": {"key": KEY, "values": {"token": f"{CANARY}\0"}},
    "a value with half a character": {"key": KEY, "values": {"token": f"{CANARY}\ud800"}},
    "a name that is none": {"key": KEY, "values": {"9": CANARY}},
    "no key": {"values": {"token": CANARY}},
    "a list 200 deep": {"values": {"token": json.loads("[" * 200 + f'"{CANARY}"' + "]" * 200)}},
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_among_the_secrets_is_named_and_the_secret_is_not(name: str) -> None:
    config = with_secrets("dev", "unused") | {SECRETS: Secret(json.dumps(MISTAKES[name]).strip('"'))}
    with pytest.raises(SettingsError) as refusal:
        parse("dev", for_parsing(config))
    assert any(problem.path.startswith("secrets") for problem in refusal.value.problems)
    assert_unseen("".join(traceback.format_exception(refusal.value)) + repr(refusal.value.problems), CANARY)

    ended = run_program(ROOT, stack="dev", config=config, engine=MadeUpOutputs("eu-west-1"))
    assert ended.error is not None
    assert ended.error.kind == "settings"
    assert_unseen(str(ended.error), CANARY)
    with pytest.raises(plan.PlanError) as failure:
        plan.make("dev", directory=ROOT, config=config)
    assert_unseen("".join(traceback.format_exception(failure.value)), CANARY)


def test_secrets_in_plain_text_are_refused_and_not_repeated() -> None:
    tree = {key: revealed(value) for key, value in with_secrets("dev", CANARY).items()}
    with pytest.raises(SettingsError) as refusal:
        parse("dev", tree)
    assert [problem.path for problem in refusal.value.problems] == ["secrets"]
    assert_unseen(str(refusal.value), CANARY)


def test_a_program_that_fails_with_its_settings_in_hand_does_not_show_them() -> None:
    def program() -> None:
        raise ValueError(f"{stack_settings.load()!r} {stack_settings.load()}")

    ended = run_callable(
        program, directory=ROOT, stack="dev", config=with_secrets("dev", CANARY), engine=MadeUpOutputs("eu-west-1")
    )
    assert ended.error is not None
    assert "billing-api" in ended.error.message, "all else is shown"
    assert_unseen(ended.error.message, CANARY, KEY)


def test_what_the_engine_calls_secret_is_so_from_the_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    value = json.dumps({"key": KEY, "values": {"token": CANARY}})
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({SECRETS: value, "aws:region": "eu-west-1"}))
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps([SECRETS]))
    config = stack_settings._config()
    assert config == {SECRETS: SecretStr(value), "aws:region": "eu-west-1"}
    assert_unseen(repr(config), CANARY)


def file_of(directory: Path, encrypted: str, spoil: Location = ()) -> dict[str, Any]:
    """The configuration of a stack's file with encrypted values in it, and one more at a place where none may be."""
    tree = {key: revealed(value) for key, value in with_secrets("dev", "").items()}
    tree = {key: json.loads(value) if value[:1] in ("{", "[") else value for key, value in tree.items()}
    tree[SECRETS] = {"key": {"secure": "v1:key"}, "values": {"token": {"secure": encrypted}}}
    if spoil:
        parent: Any = tree
        for step in spoil[:-1]:
            parent = parent[step]
        parent[spoil[-1]] = {"secure": encrypted}
    directory.mkdir(exist_ok=True)
    (directory / "Pulumi.dev.yaml").write_text(json.dumps({"config": tree}))
    return dict(read_stack(directory, "dev").config)


def test_a_plan_of_an_encrypted_file_shows_no_stand_in_either_and_that_pods_roll(tmp_path: Path) -> None:
    one = plan.make("dev", directory=ROOT, config=file_of(tmp_path, "v1:one"))
    two = plan.make("dev", directory=ROOT, config=file_of(tmp_path, "v1:two"))
    for text in written(one, tmp_path / "plan").values():
        assert "v1:one" not in text
        assert "[secret " not in text
    assert dict(templates(one)).keys() == dict(templates(two)).keys() != set()
    assert not [name for name, template in templates(one) if template == dict(templates(two))[name]]


@pytest.mark.parametrize(
    "place",
    [
        ("aws:region",),
        (f"{PROJECT}:tags", "team"),
        (f"{PROJECT}:namespaces", 0, "applications", 0, "environment", "LEVEL"),
        (f"{PROJECT}:namespaces", 0, "applications", 0, "args"),
    ],
    ids=str,
)
def test_an_encrypted_value_elsewhere_in_the_file_makes_no_plan(tmp_path: Path, place: Location) -> None:
    with pytest.raises(plan.PlanError, match="1 setting refused") as refusal:
        plan.make("dev", directory=ROOT, config=file_of(tmp_path, "v1:one", place))
    assert "{secret: <name>}" in str(refusal.value)


def test_the_key_is_asked_for_by_the_command_that_makes_it() -> None:
    config = with_secrets("dev", CANARY) | {SECRETS: Secret(json.dumps({"values": {"token": CANARY}}))}
    with pytest.raises(SettingsError) as refusal:
        parse("dev", for_parsing(config))
    (problem,) = refusal.value.problems
    assert problem.path == "secrets.key"
    assert "pulumi config set --secret --path secrets.key" in problem.remedy


def test_a_secret_for_another_pipelines_pods_is_refused() -> None:
    tree = {key: revealed(value) for key, value in with_secrets("dev", CANARY).items()}
    namespaces = json.loads(tree[f"{PROJECT}:namespaces"])
    external = next(
        found for item in namespaces for found in item["applications"] if found.get("workload") == "external"
    )
    external["environment"] = {"TOKEN": {"secret": "token"}}
    tree[f"{PROJECT}:namespaces"] = json.dumps(namespaces)
    with pytest.raises(SettingsError, match="would never reach it"):
        parse("dev", for_parsing(tree | {SECRETS: Secret(tree[SECRETS])}))
