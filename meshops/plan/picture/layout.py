"""Where the applications of a picture stand, and where the lines between them run.

Applications stand in one column. Each line has a height of its own at both its ends (a port), so that the label above
its last stretch meets no other; between them it runs in a lane beside the column. Lines may cross, text never.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshops.plan.mesh import GATEWAY, PLAINTEXT, ApplicationFacts, CallFacts, EgressFacts, MeshFacts, NamespaceFacts

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
class CallTree:
    """All calls of one caller: they leave it as one line, and branch off in its lane.

    from_y: None for a caller that is none of the drawn applications
    branches: each call with the height at which it arrives
    """

    caller: str
    from_y: float | None
    branches: tuple[tuple[CallFacts, float], ...]
    lane: int


@dataclass(frozen=True, kw_only=True)
class EgressLine:
    egress: EgressFacts
    from_y: float


@dataclass(frozen=True, kw_only=True)
class Layout:
    frames: tuple[Frame, ...]
    calls: tuple[CallTree, ...]
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
    trees = _trees(calls, at)
    return Layout(
        frames=frames,
        calls=trees,
        lanes=max((tree.lane for tree in trees), default=-1) + 1,
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
    """Application -> its ports from top to bottom, in the order of the applications at their other ends."""
    wanted: dict[str, list[tuple[float, int, str]]] = {key: [] for key in order}
    callees: dict[str, list[int]] = {}
    for i, call in enumerate(calls):
        wanted[call.callee].append((order.get(call.caller, -1), 0, f"in{i}"))
        if call.caller in order:
            callees.setdefault(call.caller, []).append(order[call.callee])
    for caller, others in callees.items():
        wanted[caller].append((sum(others) / len(others), 1, "out"))
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


def _trees(calls: Sequence[CallFacts], at: dict[tuple[str, str], float]) -> tuple[CallTree, ...]:
    branches: dict[str, list[tuple[CallFacts, float]]] = {}
    for i, call in enumerate(calls):
        branches.setdefault(call.caller, []).append((call, at[call.callee, f"in{i}"]))
    starts = {caller: at.get((caller, "out")) for caller in branches}
    spans = {
        caller: [end for _, end in found] + [start for start in [starts[caller]] if start is not None]
        for caller, found in branches.items()
    }
    lanes = _lanes([(min(span), max(span)) for span in spans.values()])
    return tuple(
        CallTree(caller=caller, from_y=starts[caller], branches=tuple(found), lane=lane)
        for (caller, found), lane in zip(branches.items(), lanes, strict=True)
    )


def _lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """A lane for each span such that no two in one lane touch; short ones get the inner lanes."""
    lanes: list[list[tuple[float, float]]] = []
    chosen = [0] * len(spans)
    for index in sorted(range(len(spans)), key=lambda i: (spans[i][1] - spans[i][0], i)):
        low, high = spans[index]
        free = (n for n, taken in enumerate(lanes) if all(high < a - 4 or low > b + 4 for a, b in taken))
        lane = next(free, len(lanes))
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((low, high))
        chosen[index] = lane
    return chosen
