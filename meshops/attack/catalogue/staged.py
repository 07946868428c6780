"""Attempts of other families that need something in the cluster first; only with `--writes`."""

from __future__ import annotations

from dataclasses import replace

from meshops.attack import http, judging
from meshops.attack.clients.staging import DETOUR, IMPOSTOR, detour, impostor
from meshops.attack.entry import attempt
from meshops.attack.ground import Ground
from meshops.attack.model import Answer, Attempt, Outcome, Shot, Step
from meshops.attack.shots import to_alb, to_application

_CALLS = 30
"""Of the entitled caller: among four pods, one that is never chosen in so many is none."""


def _calls(ground: Ground) -> list[Shot]:
    target = ground.target
    if target is None or not impostor(ground):
        return []
    text = http.request(target.authority, target.path, method=target.method)
    return [to_application(ground, ground.caller(target), target, text) for _ in range(_CALLS)]


def _not_the_impostor(ground: Ground, step: Step, answer: Answer) -> Outcome:
    if IMPOSTOR.encode() in answer.received:
        return judging.succeeded(answer, "the impostor answered")
    return judging.refused(answer)


def _by_detour(ground: Ground) -> list[Shot]:
    if not ground.alb or not detour(ground):
        return []
    return [to_alb(ground, http.request(ground.public_host, path)) for path in (DETOUR, f"{DETOUR}/x")]


ATTEMPTS: tuple[Attempt, ...] = (
    replace(
        attempt(
            "MA330", position="neighbour", name="An impostor among an application's pods",
            tries="A pod with an application's label and another application's service account is in its Service; the "
            "entitled caller calls the application.",
            must="The caller's sidecar speaks to nobody but the application's own identity.", wall="sidecar",
            steps=_calls, judge=_not_the_impostor, severity="critical", reads_only=False,
        ),
        stage=impostor,
    ),
    replace(
        attempt(
            "MA870", position="tenant", name="A detour of the public host",
            tries="A VirtualService in another namespace leads a path of the public host to an internal application; a "
            "client of the internet asks for it.",
            must="The application answers the gateway nothing: it has no public host.", wall="policy", steps=_by_detour,
            judge=judging.no_protected_answer, severity="critical", reads_only=False,
        ),
        stage=detour,
    ),
)  # fmt: skip
