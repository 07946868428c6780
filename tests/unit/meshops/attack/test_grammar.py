"""Generated spellings: the same for the same seed, none twice, and of many kinds."""

from __future__ import annotations

import itertools

import pytest

from meshops.attack import grammar
from meshops.attack.command import LONG
from meshops.attack.model import Shot
from meshops.attack.registry import ATTEMPTS
from tests.unit.meshops.attack.ground import ground

MADE = {
    "paths": lambda seed: grammar.paths("/api/data", 400, seed),
    "climbs": lambda seed: grammar.climbs("/api/data", "/healthz", 400, seed),
    "hosts": lambda seed: grammar.hosts("app.example.com", "billing.shop.svc.cluster.local:3000", 400, seed),
}


@pytest.mark.parametrize("kind", MADE)
def test_the_same_seed_makes_the_same(kind: str) -> None:
    assert MADE[kind](7) == MADE[kind](7)
    assert set(MADE[kind](7)) != set(MADE[kind](8))


@pytest.mark.parametrize("kind", MADE)
def test_none_is_made_twice_and_none_breaks_a_line(kind: str) -> None:
    found = MADE[kind](1)

    assert len(found) == len(set(found)) == 400
    assert not [text for text in found if "\n" in text or "\r" in text]


def test_fields_are_reproducible() -> None:
    def made() -> list[object]:
        return [grammar.fields("a", "/p", "h", draw) for draw in itertools.islice(grammar.draws(3), 50)]

    assert made() == made()
    assert len({str(item) for item in made()}) > 30


def test_the_long_form_generates_two_thousand_requests() -> None:
    wide = ground(generated=LONG)
    made = [step for entry in ATTEMPTS if entry.section == "Generated" for step in entry.steps(wide)]
    sent = {(shot.place, str(shot.task["to"]), str(shot.task["send"])) for shot in made if isinstance(shot, Shot)}

    assert len(sent) == len(made) >= 2000
