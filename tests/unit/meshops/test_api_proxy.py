"""When `kubectl proxy` is ready to be asked: played by a program that has its socket's file before it listens on it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from meshops.api_proxy import ApiProxy
from meshops.tools import ToolError, Tools

_SLOW = f"""#!{sys.executable}
import socket, sys, time
(path,) = [word.partition("=")[2] for word in sys.argv if word.startswith("--unix-socket=")]
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(path)
time.sleep(0.5)
listener.listen()
while True:
    connection, _ = listener.accept()
    if connection.recv(65536):
        connection.sendall(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
"""


def _program(directory: Path, text: str) -> Tools:
    program = directory / "kubectl"
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return Tools(kubectl=str(program))


def test_a_proxy_is_asked_once_it_listens_and_not_once_its_file_is_there(tmp_path: Path) -> None:
    with ApiProxy(_program(tmp_path, _SLOW)) as api:
        assert api.ask("GET", "/version").status == 204


def test_a_proxy_that_ends_at_once_did_not_start(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="kubectl proxy did not start"), ApiProxy(_program(tmp_path, "#!/bin/false\n")):
        pass
