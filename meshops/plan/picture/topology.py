"""`topology.svg`: the stack as a picture: the way in, its three layers of encryption, who calls whom, what leaves."""

from __future__ import annotations

from meshops.plan.mesh import ApplicationFacts, MeshFacts, NamespaceFacts
from meshops.plan.picture import platform as topology_platform
from meshops.plan.picture.layout import CallTree, EgressLine, Frame, Layout, arrange
from meshops.plan.picture.platform import EGRESS, LAYERS, PASSTHROUGH, PLAIN, VPC_LEFT, VPC_RIGHT, WIDTH
from meshops.plan.picture.svg import LINE, MUTED, PAPER, Drawing, text_width
from meshops.plan.platform import PlatformFacts

DRAWN = 30
"""With more applications than this only their namespaces are drawn, with counts."""

PHASES = {"strict": "#1a7f37", "permissive": "#9a6700", "outside": "#59636e"}
_TINTS = {"strict": "#f0faf3", "permissive": "#fff8e5", "outside": "#f3f4f6"}
# One colour per caller, so that a line can be followed; dark enough for a white page.
_CALLERS = ("#0969da", "#bf3989", "#116329", "#8250df", "#0a6c74", "#a40e26", "#59636e", "#4d5d11")

_BUS = VPC_LEFT + 26
_HOSTS = _BUS + 8
_FRAME_LEFT, _FRAME_RIGHT = VPC_LEFT + 206, VPC_LEFT + 470
_CARD_LEFT, _CARD_RIGHT = _FRAME_LEFT + 12, _FRAME_RIGHT - 12
_GUTTER_LEFT, _GUTTER_RIGHT = _FRAME_RIGHT + 8, _FRAME_RIGHT + 232
_LANES_LEFT, _LANES_RIGHT = _GUTTER_RIGHT + 8, VPC_RIGHT - 16
PRIVATE = "#8250df"
_OUTSIDE_LEFT, _OUTSIDE_RIGHT = VPC_RIGHT + 36, WIDTH - 24


def render(mesh: MeshFacts, platform: PlatformFacts, *, title: str) -> str:
    """The picture as SVG text, the same for the same facts."""
    drawing = Drawing()
    y = topology_platform.heading(drawing, mesh, platform, title)
    vpc_top = y
    entry_bottom = topology_platform.entry_row_bottom(platform, vpc_top)
    applications_top = entry_bottom + 56
    layout = arrange(mesh, applications_top) if len(mesh.applications) <= DRAWN else None
    bottom = layout.bottom if layout else _grid_bottom(mesh, applications_top)
    zones_top = bottom + 28
    vpc_bottom = topology_platform.vpc(drawing, platform, vpc_top, zones_top)
    gateway = topology_platform.entry_row(drawing, platform, vpc_top)
    if layout:
        _frames(drawing, layout)
        _public(drawing, layout, gateway, entry_bottom + 24)
        _calls(drawing, layout)
        end = _outside(drawing, mesh, layout, applications_top)
    else:
        _grid(drawing, mesh, applications_top)
        end = bottom
    height = _legend(drawing, max(vpc_bottom, end) + 22)
    return drawing.render(WIDTH, height, title=title)


def _frames(drawing: Drawing, layout: Layout) -> None:
    for frame in layout.frames:
        _frame(drawing, frame.namespace, _FRAME_LEFT, frame.y, _FRAME_RIGHT - _FRAME_LEFT, frame.height)
        _cards(drawing, frame, layout.plaintext)


def _frame(drawing: Drawing, namespace: NamespaceFacts, x: float, y: float, width: float, height: float) -> None:
    color = PHASES[namespace.phase]
    dashed = namespace.phase == "outside"
    drawing.box(x, y, width, height, fill=_TINTS[namespace.phase], stroke=color, dashed=dashed, radius=10)
    pill = text_width(namespace.phase, 10, bold=True) + 14
    drawing.text(x + 12, y + 20, namespace.name, size=12, bold=True, color=color, width=width - pill - 34)
    drawing.pill(x + width - 10, y + 16, namespace.phase, color)


def _cards(drawing: Drawing, frame: Frame, plaintext: frozenset[str]) -> None:
    width = _CARD_RIGHT - _CARD_LEFT
    for card in frame.cards:
        application = card.application
        middle = card.y + card.height / 2
        drawing.box(_CARD_LEFT, card.y, width, card.height, stroke=LINE)
        drawing.text(_CARD_LEFT + 10, middle - 3, application.name, size=12.5, bold=True, width=width - 20)
        note = " · plaintext too" if application.key in plaintext else ""
        drawing.text(_CARD_LEFT + 10, middle + 13, _details(application) + note, size=10, color=MUTED, width=width - 20)


def _details(application: ApplicationFacts) -> str:
    parts = [f":{application.port}" if application.port else "only calls"]
    parts.append("deployed elsewhere" if application.replicas is None else f"{application.replicas} replicas")
    if application.replicas == 1:
        parts[-1] = "1 replica"
    if application.most_replicas is not None:
        parts[-1] = f"{application.replicas} to {application.most_replicas} replicas"
    if application.passthrough:
        parts.append("own TLS")
    return " · ".join(parts)


def _public(drawing: Drawing, layout: Layout, gateway: tuple[float, float], turn: float) -> None:
    """The third layer: from the gateway along a bus to every application with a public host."""
    reached = [(card, frame) for frame in layout.frames for card in frame.cards if card.application.hosts]
    if not reached:
        return
    color = LAYERS[2]
    last = reached[-1][0].entry_y
    for card, frame in reached:
        plain = frame.namespace.phase == "outside"
        line = PLAIN if plain else PASSTHROUGH if card.application.passthrough else color
        drawing.path([(_BUS, card.entry_y), (_CARD_LEFT, card.entry_y)], color=line, width=2, dashed=plain, arrow=True)
        hosts = card.application.hosts
        text = hosts[0] if len(hosts) == 1 else f"{hosts[0]} +{len(hosts) - 1}"
        drawing.text(_HOSTS, card.entry_y - 6, text, size=10, width=_FRAME_LEFT - _HOSTS - 6, smallest=9)
    # Above the branches, whose rims would cut it.
    drawing.path([gateway, (gateway[0], turn), (_BUS, turn), (_BUS, last)], color=color, width=2.4, arrow=False)
    drawing.badge((gateway[0] + _BUS) / 2, turn, "3", color)


def _calls(drawing: Drawing, layout: Layout) -> None:
    spacing = min(14.0, (_LANES_RIGHT - _LANES_LEFT) / max(layout.lanes, 1))
    for position, tree in enumerate(layout.calls):
        _tree(drawing, tree, _CALLERS[position % len(_CALLERS)], _LANES_LEFT + tree.lane * spacing)


def _tree(drawing: Drawing, tree: CallTree, color: str, lane: float) -> None:
    width = _GUTTER_RIGHT - _GUTTER_LEFT
    for call, to_y in tree.branches:
        title = f"{call.caller} → {call.callee}: {call.label}"
        end = (float(_CARD_RIGHT), to_y)
        text = call.label
        if tree.from_y is None:
            drawing.path([(_GUTTER_RIGHT, to_y), end], color=color, title=title)
            text = f"{call.caller}: {text}"
        else:
            start = (float(_CARD_RIGHT), tree.from_y)
            drawing.path([start, (lane, tree.from_y), (lane, to_y), end], color=color, title=title)
            drawing.dot(*start, color)
        drawing.text(_GUTTER_LEFT, to_y - 5, text, size=10, width=width, color=color, bold=True, halo=True, smallest=9)


def _outside(drawing: Drawing, mesh: MeshFacts, layout: Layout, top: float) -> float:
    """The external hosts beside the VPC, those that only the platform calls last; returns where they end."""
    private = _private(mesh)
    if not mesh.egress and not private:
        return top
    width = _OUTSIDE_RIGHT - _OUTSIDE_LEFT
    drawing.text(_OUTSIDE_LEFT, top - 10, "Outside the mesh", size=11, bold=True, color=EGRESS, width=width)
    places: dict[str, float] = {}
    y = top
    for line in layout.egress:
        if line.egress.host not in places:
            y = max(y, line.from_y - 20)
            places[line.egress.host] = y
            y = _host(drawing, line.egress.host, ", ".join(line.egress.ports), y, EGRESS)
    drawn = {line.egress.host for line in layout.egress}
    for host in dict.fromkeys(one.host for one in mesh.egress if one.host not in drawn):
        callers = dict.fromkeys(one.namespace for one in mesh.egress if one.host == host)
        y = _host(drawing, host, f"from {', '.join(callers)}", y, LINE)
    for position, line in enumerate(layout.egress):
        _leaving(drawing, line, places[line.egress.host] + 20, VPC_RIGHT + 8 + position % 4 * 5)
    for networks, callers in private.items():
        y = _host(drawing, networks, f"private, from {', '.join(callers)}", y, PRIVATE)
    return y


def _private(mesh: MeshFacts) -> dict[str, list[str]]:
    """Networks that are opened below the sidecar, those of interface endpoints among them -> by whom."""
    found: dict[str, list[str]] = {}
    for opening in mesh.openings:
        if not opening.past_sidecar:
            callers = found.setdefault(", ".join(opening.networks), [])
            if opening.application not in callers:
                callers.append(opening.application)
    return found


def _host(drawing: Drawing, host: str, note: str, y: float, color: str) -> float:
    width = _OUTSIDE_RIGHT - _OUTSIDE_LEFT
    drawing.box(_OUTSIDE_LEFT, y, width, 40, stroke=color)
    drawing.text(_OUTSIDE_LEFT + 10, y + 17, host, size=11, bold=True, width=width - 20, smallest=8)
    drawing.text(_OUTSIDE_LEFT + 10, y + 31, note, size=10, color=MUTED, width=width - 20)
    return y + 50


def _leaving(drawing: Drawing, line: EgressLine, target: float, turn: float) -> None:
    start, end = (float(_CARD_RIGHT), line.from_y), (float(_OUTSIDE_LEFT), target)
    straight = abs(target - line.from_y) < 1
    points = [start, end] if straight else [start, (turn, line.from_y), (turn, target), end]
    drawing.path(points, color=EGRESS, title=f"{line.egress.application} → {line.egress.host}")
    drawing.dot(*start, EGRESS)
    width = _GUTTER_RIGHT - _GUTTER_LEFT
    label = f"to {line.egress.host}"
    drawing.text(_GUTTER_LEFT, line.from_y - 5, label, size=10, width=width, color=EGRESS, halo=True)


_GRID_COLUMNS, _GRID_HEIGHT = 4, 64.0


def _grid_bottom(mesh: MeshFacts, top: float) -> float:
    rows = -(-len(mesh.namespaces) // _GRID_COLUMNS)
    return top + 24 + rows * (_GRID_HEIGHT + 12)


def _grid(drawing: Drawing, mesh: MeshFacts, top: float) -> None:
    """Too many applications for a picture: their namespaces, with counts."""
    note = (
        f"{len(mesh.applications)} applications are too many to draw one by one; summary.md and manifests/ have them."
    )
    drawing.text(VPC_LEFT + 20, top + 8, note, size=11, color=MUTED)
    width = (VPC_RIGHT - VPC_LEFT - 40 - 12 * (_GRID_COLUMNS - 1)) / _GRID_COLUMNS
    for position, namespace in enumerate(mesh.namespaces):
        x = VPC_LEFT + 20 + position % _GRID_COLUMNS * (width + 12)
        y = top + 24 + position // _GRID_COLUMNS * (_GRID_HEIGHT + 12)
        _frame(drawing, namespace, x, y, width, _GRID_HEIGHT)
        count = len(namespace.applications)
        text = f"{count} application{'s' if count != 1 else ''}"
        drawing.text(x + 12, y + 44, text, size=11, color=MUTED, width=width - 24)


def _legend(drawing: Drawing, y: float) -> float:
    """What colours and lines mean; returns the height of the whole picture."""
    x = 24.0
    for phase, color in PHASES.items():
        drawing.box(x, y - 9, 14, 12, fill=_TINTS[phase], stroke=color, radius=3, dashed=phase == "outside")
        meaning = {"strict": "mTLS only", "permissive": "plaintext still accepted", "outside": "not in the mesh"}[phase]
        text = f"{phase}: {meaning}"
        drawing.text(x + 20, y + 1, text, size=10, color=MUTED)
        x += 20 + text_width(text, 10) + 22
    for color, text in (
        (_CALLERS[0], "call that an AuthorizationPolicy allows"),
        (EGRESS, "leaves the mesh"),
        (PASSTHROUGH, "own TLS"),
    ):
        drawing.path([(x, y - 3), (x + 26, y - 3)], color=color)
        drawing.text(x + 32, y + 1, text, size=10, color=MUTED)
        x += 32 + text_width(text, 10) + 22
    drawing.add(f'<rect x="0" y="{y + 14:.0f}" width="1" height="1" fill="{PAPER}" fill-opacity="0"/>')
    return y + 20
