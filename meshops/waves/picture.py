"""Where the mesh stands, wave by wave: each namespace on its way from outside to strict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from configuration.settings import Settings
from manifests.mesh_policies import mesh_mode
from meshops.plan.picture.svg import INK, LINE, MUTED, PAPER, Drawing, text_width
from meshops.waves.order import Wave, next_step, own_rules, waves
from meshops.waves.stages import STAGES, Stage, Standing, stage_of

_WIDTH = 1100.0
_LEFT, _TRACK, _TRACK_END, _RIGHT = 24.0, 360.0, 850.0, 1076.0
_ROW, _HEAD = 52.0, 34.0
_COLORS: dict[Stage, str] = {"outside": "#59636e", "shadow": "#8250df", "permissive": "#9a6700", "strict": "#1a7f37"}
_SAYS: dict[Stage, tuple[str, str]] = {
    "outside": ("Outside", "plaintext"),
    "shadow": ("Shadow", "mTLS; policies tried out"),
    "permissive": ("Permissive", "mTLS; policies enforced"),
    "strict": ("Strict", "mTLS only"),
}
_WRONG = "#cf222e"


def render(settings: Settings, standings: Sequence[Standing], *, stack: str, when: datetime | None) -> str:
    """SVG. standings: by the cluster, empty where nobody looked; when: at what time somebody did."""
    drawing = Drawing()
    live = {standing.namespace: standing for standing in standings}
    stages = {namespace.name: stage_of(namespace) for namespace in settings.namespaces}
    y = _heading(drawing, settings, stages, stack, when)
    y = _columns(drawing, y)
    for wave in waves(settings):
        y = _wave(drawing, wave, settings, stages, live, y)
    y = _footer(drawing, settings, live, y)
    return drawing.render(_WIDTH, y, title=f"Where the mesh of stack {stack} stands")


def _heading(
    drawing: Drawing, settings: Settings, stages: dict[str, Stage], stack: str, when: datetime | None
) -> float:
    title = f"Where the mesh stands: {stack}"
    drawing.text(_LEFT, 42, title, size=22, bold=True)
    mode = mesh_mode(settings.mesh, settings.namespaces)
    right = _LEFT + text_width(title, 22, bold=True) + text_width(f"mesh {mode}", 10, bold=True) + 38
    drawing.pill(right, 35, f"mesh {mode}", _COLORS["strict" if mode == "STRICT" else "permissive"])
    seen = f"cluster seen {when:%Y-%m-%d %H:%M} UTC" if when else "by the settings; nobody looked at the cluster"
    drawing.text(_RIGHT, 40, seen, size=11, color=MUTED, anchor="end")
    total, x = len(stages), _LEFT
    bar = _RIGHT - _LEFT
    for stage in reversed(STAGES):
        count = sum(found == stage for found in stages.values())
        if count:
            width = bar * count / total
            drawing.box(x, 58, width, 22, fill=_COLORS[stage], stroke=PAPER, radius=3)
            label = f"{count} of {total} {stage}"
            drawing.text(x + width / 2, 73, label, size=11, color=PAPER, bold=True, anchor="middle", width=width - 8)
            x += width
    return 96


def _x(stage: Stage) -> float:
    return _TRACK + (_TRACK_END - _TRACK) * STAGES.index(stage) / (len(STAGES) - 1)


def _columns(drawing: Drawing, y: float) -> float:
    for stage in STAGES:
        name, says = _SAYS[stage]
        drawing.text(_x(stage), y + 16, name, size=12.5, bold=True, color=_COLORS[stage], anchor="middle")
        drawing.text(_x(stage), y + 31, says, size=10, color=MUTED, anchor="middle")
    drawing.text(_RIGHT - 12, y + 16, "Pods with a sidecar", size=11, color=MUTED, anchor="end")
    return y + 44


def _wave(
    drawing: Drawing,
    wave: Wave,
    settings: Settings,
    stages: dict[str, Stage],
    live: dict[str, Standing],
    y: float,
) -> float:
    height = _HEAD + _ROW * len(wave.namespaces) + 6
    drawing.box(_LEFT, y, _RIGHT - _LEFT, height)
    drawing.text(_LEFT + 14, y + 22, wave.name, size=13, bold=True)
    drawing.text(_LEFT + 22 + text_width(wave.name, 13, bold=True), y + 22, wave.why, size=11, color=MUTED)
    found = {namespace.name: namespace for namespace in settings.namespaces}
    for row, name in enumerate(wave.namespaces):
        namespace = found[name]
        middle = y + _HEAD + _ROW * row + _ROW / 2 - 4
        drawing.text(_LEFT + 14, middle, name, size=13, bold=True, width=_TRACK - _LEFT - 70)
        special = sorted({what.partition(": ")[2].partition(" (")[0] for what in own_rules(namespace)})
        count = len(namespace.applications)
        about = ", ".join((f"{count} application{'s' if count != 1 else ''}", *special))
        drawing.text(_LEFT + 14, middle + 15, about, size=10, color=MUTED, width=_TRACK - _LEFT - 70)
        _track(drawing, stages[name], live.get(name), middle)
    return y + height + 12


def _track(drawing: Drawing, declared: Stage, standing: Standing | None, y: float) -> None:
    color = _COLORS[declared]
    drawing.path([(_TRACK, y), (_TRACK_END, y)], color=LINE, width=4, arrow=False)
    if declared != "outside":
        drawing.path([(_TRACK, y), (_x(declared), y)], color=color, width=4, arrow=False)
    for stage in STAGES:
        reached = STAGES.index(stage) <= STAGES.index(declared)
        drawing.box(
            _x(stage) - 6, y - 6, 12, 12, fill=color if reached else PAPER, stroke=color if reached else LINE, radius=6
        )
    drawing.badge(_x(declared), y, "✓" if standing and not standing.contradictions else "", color)
    if standing is None:
        return
    text = f"{standing.meshed} of {standing.pods}"
    drawing.text(_RIGHT - 12, y + 4, text, size=12, anchor="end", color=INK if standing.pods else MUTED)
    if standing.live is not None and standing.live != declared:
        drawing.badge(_x(standing.live), y, "!", _WRONG)
    if standing.contradictions:
        said = standing.contradictions[0]
        drawing.text(_TRACK, y + 20, said, size=10.5, color=_WRONG, width=_RIGHT - 12 - _TRACK, bold=True)


def _footer(drawing: Drawing, settings: Settings, live: dict[str, Standing], y: float) -> float:
    step = next_step(settings)
    wrong = [name for name, standing in live.items() if standing.contradictions]
    if wrong:
        text = f"First: settings and cluster disagree about {', '.join(wrong)}."
    elif step.moves:
        moves = ", ".join(f"{name} to {stage}" for name, stage in step.moves.items())
        text = f"Next: {step.title}: {moves}."
    else:
        text = "Done: every namespace is strict."
    drawing.text(_LEFT, y + 16, text, size=13, bold=True, color=_WRONG if wrong else INK, width=_RIGHT - _LEFT)
    return y + 36
