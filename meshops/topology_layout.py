"""Where the applications of a picture stand, and where the lines between them run.

Applications stand in one column. Each line has a height of its own at both its ends (a port), so that the label above
its last stretch meets no other; between them it runs in a lane beside the column. Lines may cross, text never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshops.mesh_facts import GATEWAY, PLAINTEXT, ApplicationFacts, CallFacts, EgressFacts, MeshFacts, NamespaceFacts

PORT = 22.0
"""Between two ports of one application: a line and the text above it."""
_CARD_MINIMUM = 54.0
_CARD_GAP = 12.0
_NAMESPACE_HEAD = 30.0
_NAMESPACE_FOOT = 12.0
_NAMESPACE_GAP = 18.0


@dataclass(frozen=True, kw_only=True)
class Card:
    application: ApplicationFacts
    y: float
    height: float
    entry_y: float
    """Where the gateway's line arrives."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    namespace: NamespaceFacts
    y: float
    height: float
    cards: tuple[Card, ...]


@dataclass(frozen=True, kw_only=True)
class CallLine:
    """from_y is None for a caller that is none of the drawn applications."""

    call: CallFacts
    from_y: float | None
    to_y: float
    lane: int


@dataclass(frozen=True, kw_only=True)
class EgressLine:
    egress: EgressFacts
    from_y: float


@dataclass(frozen=True, kw_only=True)
class Layout:
    frames: tuple[Frame, ...]
    calls: tuple[CallLine, ...]
    lanes: int
    egress: tuple[EgressLine, ...]
    plaintext: frozenset[str]
    """Applications that also take calls without identity."""
    bottom: float


def arrange(mesh: MeshFacts, top: float) -> Layout:
    """The layout of every application, call and egress of a mesh, from `top` downwards."""
    order = {application.key: position for position, application in enumerate(mesh.applications)}
    calls = [call for call in mesh.calls if call.callee in order and call.caller not in (GATEWAY, PLAINTEXT)]
    egress = _egress(mesh, order)
    ports = _ports(order, calls, egress)
    frames, bottom = _frames(mesh.namespaces, ports, top)
    at = {
        (card.application.key, port): card.y + card.height / 2 + (index - (len(found) - 1) / 2) * PORT
        for frame in frames
        for card in frame.cards
        for found in [ports[card.application.key]]
        for index, port in enumerate(found)
    }
    ends = [(at.get((call.caller, f"out{i}")), at[call.callee, f"in{i}"]) for i, call in enumerate(calls)]
    lanes = _lanes(ends)
    lines = tuple(
        CallLine(call=call, from_y=start, to_y=end, lane=lane)
        for call, (start, end), lane in zip(calls, ends, lanes, strict=True)
    )
    return Layout(
        frames=frames,
        calls=lines,
        lanes=max(lanes, default=-1) + 1,
        egress=tuple(
            EgressLine(egress=one, from_y=at[f"{one.namespace}/{one.application}", f"away{i}"])
            for i, one in enumerate(egress)
        ),
        plaintext=frozenset(call.callee for call in mesh.calls if call.caller == PLAINTEXT),
        bottom=bottom,
    )


def _egress(mesh: MeshFacts, order: dict[str, int]) -> list[EgressFacts]:
    found = [one for one in mesh.egress if f"{one.namespace}/{one.application}" in order]
    return sorted(found, key=lambda one: order[f"{one.namespace}/{one.application}"])


def _ports(order: dict[str, int], calls: Sequence[CallFacts], egress: Sequence[EgressFacts]) -> dict[str, list[str]]:
    """Application -> its ports from top to bottom: lines that go up leave above those that go down."""
    wanted: dict[str, list[tuple[float, int, str]]] = {key: [] for key in order}
    for i, call in enumerate(calls):
        here, there = order.get(call.caller), order[call.callee]
        wanted[call.callee].append((here if here is not None else -1, 0, f"in{i}"))
        if here is not None:
            wanted[call.caller].append((there, 1, f"out{i}"))
    for i, one in enumerate(egress):
        key = f"{one.namespace}/{one.application}"
        wanted[key].append((order[key], 2, f"away{i}"))
    return {key: [port for *_, port in sorted(ports)] for key, ports in wanted.items()}


def _frames(
    namespaces: Sequence[NamespaceFacts], ports: dict[str, list[str]], top: float
) -> tuple[tuple[Frame, ...], float]:
    frames: list[Frame] = []
    y = top
    for namespace in namespaces:
        cards: list[Card] = []
        inner = y + _NAMESPACE_HEAD
        for application in namespace.applications:
            height = max(_CARD_MINIMUM, len(ports[application.key]) * PORT + 14)
            cards.append(Card(application=application, y=inner, height=height, entry_y=inner + height / 2))
            inner += height + _CARD_GAP
        bottom = inner - (_CARD_GAP if cards else 0) + _NAMESPACE_FOOT
        frames.append(Frame(namespace=namespace, y=y, height=bottom - y, cards=tuple(cards)))
        y = bottom + _NAMESPACE_GAP
    return tuple(frames), y - (_NAMESPACE_GAP if frames else 0)


def _lanes(ends: Sequence[tuple[float | None, float]]) -> list[int]:
    """A lane for each line such that no two in one lane touch; short lines get the inner lanes."""
    lanes: list[list[tuple[float, float]]] = []
    chosen = [0] * len(ends)
    spans = [(end if start is None else start, end) for start, end in ends]
    for index in sorted(range(len(spans)), key=lambda i: (abs(spans[i][0] - spans[i][1]), i)):
        low, high = min(spans[index]), max(spans[index])
        for lane, taken in enumerate(lanes):
            if all(high < a - 4 or low > b + 4 for a, b in taken):
                break
        else:
            lane, taken = len(lanes), []
            lanes.append(taken)
        taken.append((low, high))
        chosen[index] = lane
    return chosen
