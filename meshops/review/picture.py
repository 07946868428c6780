"""`<stack>.svg`: what of a stack's mesh changes, as one picture that fits a screen.

A row is a relation: who, by what, whom. What opens something stands first and is red, what is only taken away grey and
dashed. Beyond thirty applications rows are between namespaces, with counts; whatever still does not fit is counted in
a row of its own, never what holds state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from changes.comparison import name_of, type_of
from meshops.plan.mesh import GATEWAY, CallFacts
from meshops.plan.picture.svg import INK, LINE, MUTED, PAPER, Drawing, text_width
from meshops.review import exposure, permissions
from meshops.review.stacks import StackReview
from meshops.review.text import counted, printable

DRAWN = 30
"""With more applications than this, rows are between namespaces."""
ROWS = 22
"""What a screen of a thousand pixels holds."""
OPENED, TAKEN, LOST = "#cf222e", "#59636e", "#a40e26"
_WIDTH, _LEFT, _RIGHT, _BOX = 1120.0, 24.0, 1096.0, 300.0
_ROW, _HEAD = 40.0, 84.0


@dataclass(frozen=True, kw_only=True)
class Relation:
    """kind: of the right side, as it is drawn: an application, a host outside, a private network, an entry from
    outside that the gateway opens, or one whose TLS is passed through."""

    left: str
    right: str
    label: str
    opens: bool
    kind: str = "application"


def render(stack: StackReview) -> str | None:
    """SVG text, the same for the same plans; None where nothing of it can be drawn."""
    if not stack.compared:
        return None
    found = list(_relations(stack))
    lost = list(stack.losses.lost)
    if not found and not lost:
        return None
    involved = {side for one in found for side in (one.left, one.right) if "/" in side}
    opened = sum(one.opens for one in found)
    counts = f"{opened} opened, {len(found) - opened} taken away, {len(lost)} lost that hold state"
    if len(involved) > DRAWN:
        found = list(_by_namespace(found))
        counts += "; namespaces in place of applications"
    found.sort(key=lambda one: not one.opens)
    return _draw(stack, found, lost, counts)


def _relations(stack: StackReview) -> Iterator[Relation]:
    old, new = stack.old, stack.new
    for one in permissions.changed(old, new):
        verb = "" if one.widened else "only: " if one.now else "no longer: "
        was = f" (before: {_label(one.before)})" if one.before and one.now else ""
        label = f"{verb}{_label(one.now or one.before)}{was}"
        yield Relation(left=_party(one.caller), right=_party(one.callee), label=label, opens=one.widened)
    before, now = exposure.hosts(old), exposure.hosts(new)
    for hosts, others, opens in ((now, before, True), (before, now, False)):
        for (host, application), passthrough in hosts.items():
            if (host, application) not in others or (opens and others[host, application] != passthrough):
                kind = "passthrough" if passthrough else "public"
                yield Relation(left=host, right=application, label="" if opens else "no longer", opens=opens, kind=kind)
    for facts, kind in ((exposure.leaving, "outside"), (exposure.private, "private")):
        was, is_ = facts(old), facts(new)
        for found, opens in ((is_ - was, True), (was - is_, False)):
            for who, what, port in sorted(found):
                label = port if opens else f"no longer: {port}"
                yield Relation(left=who, right=what, label=label, opens=opens, kind=kind)


def _by_namespace(found: Iterable[Relation]) -> Iterator[Relation]:
    together: dict[tuple[str, str, bool, str], int] = {}
    for one in found:
        left = _space(one.left) if one.kind not in ("public", "passthrough") else "the internet"
        right = one.right if one.kind in ("outside", "private") else _space(one.right)
        key = (left, right, one.opens, one.kind)
        together[key] = together.get(key, 0) + 1
    for (left, right, opens, kind), count in together.items():
        label = counted(count, "relation" if opens else "restriction")
        yield Relation(left=left, right=right, label=label, opens=opens, kind=kind)


def _space(party: str) -> str:
    return f"{party.partition('/')[0]}/*" if "/" in party else party


def _label(calls: Iterable[CallFacts]) -> str:
    return "; ".join(dict.fromkeys(call.label for call in calls))


def _party(name: str) -> str:
    return "the gateway" if name == GATEWAY else name


def _draw(stack: StackReview, found: list[Relation], lost: list[str], counts: str) -> str:
    drawing = Drawing()
    title = f"Stack {stack.name}: what changes"
    drawing.text(_LEFT, 36, title, size=20, bold=True, width=_RIGHT - _LEFT)
    drawing.text(_LEFT, 58, counts, color=MUTED, size=12)
    y = _HEAD
    for key in lost[:ROWS]:
        y = _loss(drawing, stack, key, y)
    room = max(6, ROWS - len(lost))
    shown = found[: room - 1] if len(found) > room else found
    for one in shown:
        _row(drawing, one, y)
        y += _ROW
    hidden = found[len(shown) :]
    if hidden:
        hides = sum(one.opens for one in hidden)
        text = f"and {hides} more opened, {len(hidden) - hides} more taken away: the comment has each"
        drawing.text(_LEFT, y + 22, text, size=13, bold=True, color=OPENED if hides else MUTED)
        y += _ROW
    return drawing.render(_WIDTH, _legend(drawing, y + 14), title=printable(title))


def _loss(drawing: Drawing, stack: StackReview, key: str, y: float) -> float:
    drawing.box(_LEFT, y, _RIGHT - _LEFT, 32, stroke=LOST, fill="#ffebe9", stroke_width=2)
    verb = "REPLACED" if key in stack.comparison.replaced else "DELETED"
    drawing.pill(_LEFT + 96, y + 16, verb, LOST)
    text = f"{name_of(key)} ({type_of(key)})"
    drawing.text(_LEFT + 108, y + 21, printable(text), size=13, bold=True, width=_RIGHT - _LEFT - 120, smallest=9)
    return y + _ROW


_KINDS = {
    "application": ("", LINE),
    "outside": ("outside the mesh", "#bc4c00"),
    "private": ("private addresses, endpoints", "#8250df"),
    "public": ("public, TLS ends at the gateway", "#0969da"),
    "passthrough": ("public, TLS passed through", "#0a6c74"),
}


def _row(drawing: Drawing, one: Relation, y: float) -> None:
    color, middle = OPENED if one.opens else TAKEN, y + 16
    note, stroke = _KINDS[one.kind]
    entering = one.kind in ("public", "passthrough")
    sides = ((_LEFT, one.left, entering), (_RIGHT - _BOX, one.right, bool(note) and not entering))
    for x, text, noted in sides:
        drawing.box(x, y, _BOX, 32, stroke=stroke if noted else LINE, stroke_width=1.6 if noted else 1.2)
        up = 14 if noted else 20.5
        drawing.text(x + 10, y + up, printable(text), size=12, bold=True, width=_BOX - 20, smallest=8, color=INK)
        if noted:
            drawing.text(x + 10, y + 26.5, note, size=9, color=stroke, width=_BOX - 20)
    start, end = (_LEFT + _BOX, middle), (_RIGHT - _BOX, middle)
    drawing.path([start, end], color=color, width=2 if one.opens else 1.4, dashed=not one.opens, arrow=True)
    width = end[0] - start[0] - 30
    label = printable(one.label)
    drawing.text(
        start[0] + 12, middle - 5, label, size=10.5, color=color, width=width, halo=True, smallest=8, bold=one.opens
    )


def _legend(drawing: Drawing, y: float) -> float:
    x = _LEFT
    for color, text, dashed in ((OPENED, "opened or widened", False), (TAKEN, "only taken away", True)):
        drawing.path([(x, y), (x + 26, y)], color=color, dashed=dashed)
        drawing.text(x + 32, y + 4, text, size=10, color=MUTED)
        x += 32 + text_width(text, 10) + 22
    for note, color in (item for item in _KINDS.values() if item[0]):
        drawing.box(x, y - 6, 14, 12, stroke=color, fill=PAPER, radius=3)
        drawing.text(x + 20, y + 4, note, size=10, color=MUTED)
        x += 20 + text_width(note, 10) + 22
    return y + 22
