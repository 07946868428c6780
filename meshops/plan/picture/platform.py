"""The fixed part of the picture: its heading, the layers of encryption, the way in, the VPC and its zones."""

from __future__ import annotations

from meshops.plan.mesh import MeshFacts
from meshops.plan.picture.svg import LINE, MUTED, PAPER, Drawing, text_width
from meshops.plan.platform import EntryFacts, PlatformFacts

WIDTH = 1200
VPC_LEFT, VPC_RIGHT = 150, 968
LAYERS = ("#0969da", "#8250df", "#1a7f37")
"""Client to load balancer, load balancer to gateway, inside the mesh."""
EGRESS = "#bc4c00"
PLAIN = "#9a6700"
PASSTHROUGH = "#0a6c74"

_ENTRY_LEFT, _ENTRY_WIDTH = VPC_LEFT + 26, 240
_GATEWAY_LEFT, _GATEWAY_WIDTH = VPC_LEFT + 500, 300
_CARD = 66.0


def heading(drawing: Drawing, mesh: MeshFacts, platform: PlatformFacts, title: str) -> float:
    """Title, facts and the three layers; returns where the picture proper begins."""
    drawing.text(24, 40, title, size=22, bold=True)
    mode = f"mesh {mesh.mode}"
    color = LAYERS[2] if mesh.mode == "STRICT" else PLAIN
    left = 24 + text_width(title, 22, bold=True) + 24 + text_width(mode, 10, bold=True)
    drawing.pill(left, 33, mode, color)
    facts = [f"Istio {platform.istio_version}" if platform.istio_version else ""]
    facts += [
        f"EKS {platform.cluster}" if platform.cluster else "",
        f"nodes {platform.nodes}" if platform.nodes else "",
    ]
    left += 14
    text = "  ·  ".join(fact for fact in facts if fact)
    drawing.text(left, 37, text, size=12, color=MUTED, width=WIDTH - left - 24)
    width = (WIDTH - 48 - 32) / 3
    for position, (head, lines) in enumerate(_layers(mesh, platform)):
        x = 24 + position * (width + 16)
        color = LAYERS[position]
        drawing.box(x, 58, width, 72, stroke=LINE)
        drawing.box(x, 58, 5, 72, fill=color, stroke=color, radius=2)
        drawing.badge(x + 24, 77, str(position + 1), color)
        drawing.text(x + 40, 81, head, size=12.5, bold=True, width=width - 50)
        for row, line in enumerate(lines):
            drawing.text(x + 16, 103 + row * 16, line, size=11, color=MUTED, width=width - 28)
    return 150


def _layers(mesh: MeshFacts, platform: PlatformFacts) -> list[tuple[str, tuple[str, str]]]:
    alb = next((entry for entry in platform.entries if entry.kind == "ALB"), None)
    certificate = platform.certificate
    if alb:
        first = ("Client → ALB", (alb.tls_policy or "HTTPS", "certificate of AWS Certificate Manager"))
    else:
        first = ("Client → pod, through the NLB", ("TLS passed through by SNI", "the application's own certificate"))
    if certificate is None or alb is None:
        second = ("ALB → gateway", ("not used: there is no ALB" if alb is None else "no certificate", ""))
    else:
        kind = certificate.key
        days = f"{certificate.hours // 24} days, renewed {certificate.renew_hours // 24} before"
        issuer = certificate.issuer.split()[-1]
        second = ("ALB → gateway", (f"HTTPS, encrypted again; issuer {issuer}", f"{kind}, {days}"))
    third = (
        "Gateway → pod, pod → pod",
        (f"mutual TLS 1.3, mesh-wide {mesh.mode}", f"SPIFFE identities of {platform.trust_domain}"),
    )
    return [first, second, third]


def entry_row_bottom(platform: PlatformFacts, vpc_top: float) -> float:
    return vpc_top + 44 + max(len(platform.entries), 1) * (_CARD + 14)


def vpc(drawing: Drawing, platform: PlatformFacts, top: float, zones_top: float) -> float:
    """The VPC's frame with its zones at the bottom; returns where it ends."""
    bottom = zones_top + 84 if platform.zones else zones_top
    drawing.box(VPC_LEFT, top, VPC_RIGHT - VPC_LEFT, bottom - top, stroke="#afb8c1", radius=12)
    drawing.text(VPC_LEFT + 16, top + 24, f"VPC {platform.vpc}", size=13, bold=True)
    drawing.text(VPC_RIGHT - 16, top + 24, platform.region, size=12, color=MUTED, anchor="end")
    if platform.zones:
        gap = 12
        width = (VPC_RIGHT - VPC_LEFT - 32 - gap * (len(platform.zones) - 1)) / len(platform.zones)
        for position, zone in enumerate(platform.zones):
            x = VPC_LEFT + 16 + position * (width + gap)
            drawing.box(x, zones_top, width, 68, fill="#f6f8fa")
            drawing.text(x + 12, zones_top + 19, zone.name, size=12, bold=True, width=width - 90)
            if zone.nat:
                drawing.pill(x + width - 10, zones_top + 15, "NAT", EGRESS)
            drawing.text(x + 12, zones_top + 39, f"public   {zone.public or 'none'}", size=11, width=width - 24)
            drawing.text(x + 12, zones_top + 56, f"private  {zone.private or 'none'}", size=11, width=width - 24)
    return bottom


def entry_row(drawing: Drawing, platform: PlatformFacts, vpc_top: float) -> tuple[float, float]:
    """Clients, load balancers and the gateway; returns the point from which the gateway calls."""
    top = vpc_top + 44
    bottom = entry_row_bottom(platform, vpc_top) - 14
    middle = (top + bottom) / 2
    drawing.box(24, middle - 24, 92, 48, radius=24)
    drawing.text(70, middle + 4, "Clients", size=12.5, bold=True, anchor="middle")
    gateway_top = middle - _CARD / 2
    drawing.box(_GATEWAY_LEFT, gateway_top, _GATEWAY_WIDTH, _CARD, stroke=LAYERS[2], stroke_width=1.6)
    replicas = f"{platform.gateway_replicas} replicas · " if platform.gateway_replicas else ""
    x, width = _GATEWAY_LEFT + 14, _GATEWAY_WIDTH - 28
    drawing.text(x, gateway_top + 23, "Istio ingress gateway", size=12.5, bold=True, width=width)
    drawing.text(x, gateway_top + 40, f"{replicas}istio-ingress", size=11, color=MUTED, width=width)
    drawing.text(x, gateway_top + 55, "routes by host name", size=10, color=MUTED, width=width)
    count = len(platform.entries)
    for position, entry in enumerate(platform.entries):
        y = top + position * (_CARD + 14)
        center = y + _CARD / 2
        target = middle + (position - (count - 1) / 2) * 24
        _entry(drawing, entry, y)
        first, second = (LAYERS[0], LAYERS[1]) if entry.kind == "ALB" else (PASSTHROUGH, PASSTHROUGH)
        drawing.path(
            _stepped((116, middle + (position - (count - 1) / 2) * 14), (_ENTRY_LEFT, center), 132),
            color=first,
            width=2.4,
        )
        turn = _GATEWAY_LEFT - 60 + position * 12
        drawing.path(
            _stepped((_ENTRY_LEFT + _ENTRY_WIDTH, center), (_GATEWAY_LEFT, target), turn), color=second, width=2.4
        )
        between = _ENTRY_LEFT + _ENTRY_WIDTH + 16
        if entry.kind == "ALB":
            drawing.badge(134, middle if count == 1 else center, "1", LAYERS[0])
            drawing.badge(between + 70, center, "2", LAYERS[1])
        else:
            drawing.text(between, center - 7, "TLS passed through", size=10, color=PASSTHROUGH, bold=True, width=130)
    return _GATEWAY_LEFT + _GATEWAY_WIDTH / 2, gateway_top + _CARD


def _entry(drawing: Drawing, entry: EntryFacts, y: float) -> None:
    color = LAYERS[0] if entry.kind == "ALB" else PASSTHROUGH
    drawing.box(_ENTRY_LEFT, y, _ENTRY_WIDTH, _CARD, fill=PAPER, stroke=color, stroke_width=1.6)
    x, width = _ENTRY_LEFT + 14, _ENTRY_WIDTH - 28
    drawing.text(x, y + 23, f"{entry.kind} · {entry.scheme}", size=12.5, bold=True, width=width - 40)
    if entry.waf:
        drawing.pill(_ENTRY_LEFT + _ENTRY_WIDTH - 10, y + 19, "WAF", color)
    subnets = "public" if entry.scheme == "internet-facing" else "private"
    drawing.text(x, y + 40, f"in the {subnets} subnets", size=11, color=MUTED, width=width)
    drawing.text(x, y + 55, f"from {', '.join(entry.allowed) or 'anywhere'}", size=10, color=MUTED, width=width)


def _stepped(start: tuple[float, float], end: tuple[float, float], turn: float) -> list[tuple[float, float]]:
    """From left to right with one step at `turn`, or straight where no step is needed."""
    if abs(start[1] - end[1]) < 1:
        return [start, end]
    return [start, (turn, start[1]), (turn, end[1]), end]
