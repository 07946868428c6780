"""Of the spoilt stacks that the settings take, a sample goes before the real API server and `istioctl validate`.

That all 5,000 plan clean, tests/unit/validation/test_mutations.py shows; whether our validation says what an API server
and istiod say, only they know.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from configuration.parsing import parse
from configuration.problems import SettingsError
from manifests.document import Document
from manifests.stack import StackDocuments
from offline.values import revealed
from tests.unit.configuration.mutations import STACKS, base, mutations
from tests.whole_lab import WholeLab

pytestmark = pytest.mark.timeout(1800)

# Another seed than the plans': what both draw is more than either.
SEED, STACKS_SENT = 20261122, 400
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/a"
ISTIO = ("networking.istio.io/", "security.istio.io/", "telemetry.istio.io/")


def documents_of(stack: str, tree: dict[str, object]) -> dict[str, Document]:
    """By its own text, without what is secret in it marked so."""
    settings = parse(stack, tree)
    made = StackDocuments(settings=settings).all(certificate_arn=CERTIFICATE, tags=settings.tags)
    plain = [revealed(dict(document)) for document in made]
    return {json.dumps(document, sort_keys=True): document for document in plain}


@pytest.fixture(scope="module")
def spoilt() -> list[tuple[str, Document]]:
    """How a stack was spoilt, and a document that only this made so; those of the stacks as they are go elsewhere."""
    seen = {text for stack in STACKS for text in documents_of(stack, base(stack))}
    found: list[tuple[str, Document]] = []
    taken = 0
    for mutation in mutations(STACKS_SENT * 10, SEED):
        if taken == STACKS_SENT:
            break
        try:
            made = documents_of(mutation.stack, mutation.tree)
        except SettingsError:
            continue
        taken += 1
        found += [(mutation.how, document) for text, document in made.items() if text not in seen]
        seen |= made.keys()
    assert taken == STACKS_SENT
    return found


@contextmanager
def namespaces_there(lab: WholeLab, documents: list[Document]) -> Generator[None]:
    """A server's dry run keeps no Namespace, and refuses what would stand in one that is not there."""
    there = {item["metadata"]["name"] for item in lab.get("namespaces")["items"]}
    missing = sorted({document["metadata"].get("namespace", "default") for document in documents} - there)
    made: list[str] = []
    try:
        for name in missing:
            answer = lab.tool("kubectl", "create", "namespace", name)
            assert answer.returncode == 0, answer.stderr
            made.append(name)
        yield
    finally:
        if made:
            lab.tool("kubectl", "delete", "namespace", *made, "--wait=true", "--timeout=60s")


def files_of(spoilt: list[tuple[str, Document]], directory: Path) -> dict[str, str]:
    """File -> how its stack was spoilt. One document each, so that an answer names its own."""
    named: dict[str, str] = {}
    for number, (how, document) in enumerate(spoilt):
        file = directory / f"{number:04}.json"
        file.write_text(json.dumps(document), encoding="utf-8")
        named[file.name] = how
    return named


def explained(said: str, named: dict[str, str]) -> str:
    lines = said.splitlines()
    return "\n".join(f"{line}\n  <- {[how for file, how in named.items() if file in line]}" for line in lines[:40])


def test_the_api_server_takes_what_the_settings_take(
    whole_lab: WholeLab, spoilt: list[tuple[str, Document]], tmp_path: Path
) -> None:
    named = files_of(spoilt, tmp_path)
    with namespaces_there(whole_lab, [document for _, document in spoilt]):
        answer = whole_lab.dry_run(tmp_path)

    assert answer.returncode == 0, explained(answer.stderr, named)
    taken = [line for line in answer.stdout.splitlines() if line.endswith("serverside-applied (server dry run)")]
    assert len(taken) == len(spoilt) > STACKS_SENT // 2, "each document is answered for"


def test_istioctl_takes_what_the_settings_take(
    whole_lab: WholeLab, spoilt: list[tuple[str, Document]], tmp_path: Path
) -> None:
    ours = [(how, document) for how, document in spoilt if document["apiVersion"].startswith(ISTIO)]
    named = files_of(ours, tmp_path)

    answer = whole_lab.tool("istioctl", "validate", "--filename", str(tmp_path))

    assert answer.returncode == 0, explained(answer.stderr + answer.stdout, named)
    assert len(ours) > STACKS_SENT // 8, "too few to show anything"
