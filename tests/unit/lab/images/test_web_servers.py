"""nginx for the TLS examples: which images it plays, and what is said when it cannot be had."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from lab import paths
from lab.errors import LabError
from lab.images import nginx, web_servers
from lab.progress import Silent

NGINX, HELLO = "docker.io/library/nginx:1.28", "docker.io/in28min/hello-world-rest-api:0.0.1.RELEASE"


def test_each_image_of_the_examples_has_one_row() -> None:
    for image in (NGINX, HELLO):
        assert len([row for row in web_servers.rows() if fnmatchcase(image, row.pattern)]) == 1, image


def test_only_the_image_that_nginx_plays_is_called_a_stand_in() -> None:
    by_image = {image: row for row in web_servers.rows() for image in (NGINX, HELLO) if fnmatchcase(image, row.pattern)}
    assert by_image[NGINX].stand_in == ""
    assert "nginx" in by_image[HELLO].stand_in


def test_the_configurations_are_there_and_a_pod_may_mount_its_own_next_to_them() -> None:
    for row in web_servers.rows():
        assert "/etc/nginx" not in row.files
        assert Path(row.files["/etc/nginx/nginx.conf"]).is_file()
        assert Path(row.files["/etc/nginx/conf.d"]).is_dir()


def test_without_a_package_the_reason_is_apt_s_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(command: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 100, "", "E: Unable to locate package nginx\n")

    monkeypatch.setenv(paths.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(nginx, "_run", refused)
    with pytest.raises(LabError, match="E: Unable to locate package nginx"):
        nginx.ensure(Silent())
    assert not nginx.program().exists()


def test_what_was_fetched_once_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.CACHE_VARIABLE, str(tmp_path / "cache"))
    nginx.program().parent.mkdir(parents=True)
    nginx.program().write_bytes(b"")
    monkeypatch.setattr(nginx, "_run", lambda command, directory: pytest.fail(f"{command} was run"))
    assert nginx.ensure(Silent()) == nginx.program()
