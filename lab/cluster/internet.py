"""The internet's stand-in: one server that answers for every public address and every name.

Nothing of the lab reaches the real internet. What a pod sends there arrives at this server instead, unless the mesh
blocks it; so that it is blocked is the mesh's doing. Its certificates are issued by an authority of its own, which
images trust if their row in the lab's table says so.

It plays one private service too, at an address and a port of its own (`network.PRIVATE_SERVICE`).
"""

from __future__ import annotations

from pathlib import Path

from lab.cluster import network
from lab.cluster.control_plane import NODE, ControlPlane
from lab.cluster.processes import Command, Process, Running, python
from lab.state import State
from lab.waiting import listens

NAME = "internet"
HTTP_PORT = 80
HTTPS_PORT = 443
DATABASE_PORT = 5432
"""Of the private service, which speaks HTTP all the same: what it says shows who was let through."""


def authority(state: State) -> Path:
    """The certificate of the stand-in's own authority."""
    return state.certificates / f"{NAME}-ca.crt"


def bundle(state: State) -> Path:
    """The machine's authorities and the stand-in's: what an image of the lab trusts."""
    return state.certificates / f"{NAME}-bundle.crt"


def _command(plane: ControlPlane) -> Command:
    arguments = ("lab.cluster.internet_server", plane.network.internet, plane.state.certificates)
    return ["unshare", "--net", *python(*arguments)]


def _join(plane: ControlPlane, running: Running) -> None:
    network.connect_internet(plane.network, running[NAME], running[NODE])


def _answers(plane: ControlPlane) -> bool:
    # This port is opened last, and a connection that says nothing leaves no line in its log.
    return listens(plane.network.internet, HTTP_PORT)


# It listens once `_join` has given it its address.
PROCESS = Process(name=NAME, part="the internet's stand-in", command=_command, join=_join, ready=_answers, seconds=20.0)
