"""A record is a ticket only with the signature of somebody who may sign, over exactly this file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from meshops.checks.options import UsageError
from meshops.waves.record import NAMESPACE, promotion, read, sign, signer
from tests import ROOT
from tests.unit.meshops.waves.gate_world import record


def _key(directory: Path, name: str) -> Path:
    path = directory / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


def _allowed(directory: Path, *keys: tuple[str, Path]) -> Path:
    path = directory / "allowed_signers"
    lines = (f'{who} namespaces="{NAMESPACE}" {key.with_suffix(".pub").read_text()}' for who, key in keys)
    path.write_text("".join(lines))
    return path


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "dev.json"
    path.write_text(record().render(), encoding="utf-8")
    return path


def test_who_signed_is_known(tmp_path: Path, written: Path) -> None:
    key = _key(tmp_path, "ci")
    sign(written, key)
    sign(written, key)  # again: the old signature makes way without a question
    assert signer(written, _allowed(tmp_path, ("ci@example.com", key))) == ("ci@example.com", "")


def test_a_record_that_was_changed_after_it_was_signed_is_nobodys(tmp_path: Path, written: Path) -> None:
    key = _key(tmp_path, "ci")
    sign(written, key)
    written.write_text(written.read_text().replace('"permissive"', '"strict"'), encoding="utf-8")
    who, problem = signer(written, _allowed(tmp_path, ("ci@example.com", key)))
    assert (who, "its signature is not ci@example.com's" in problem) == ("", True)


def test_a_stranger_is_no_signer(tmp_path: Path, written: Path) -> None:
    sign(written, _key(tmp_path, "stranger"))
    who, problem = signer(written, _allowed(tmp_path, ("ci@example.com", _key(tmp_path, "ci"))))
    assert (who, problem) == ("", "none of the allowed signers in allowed_signers signed it")


def test_a_signature_for_another_purpose_is_none(tmp_path: Path, written: Path) -> None:
    key = _key(tmp_path, "ci")
    subprocess.run(["ssh-keygen", "-Y", "sign", "-q", "-f", str(key), "-n", "git", str(written)], check=True)
    assert signer(written, _allowed(tmp_path, ("ci@example.com", key)))[0] == ""


def test_without_a_signature_there_is_no_signer(tmp_path: Path, written: Path) -> None:
    assert signer(written, tmp_path / "allowed")[1] == "there is no dev.json.sig beside it"


def test_a_commit_that_git_does_not_know_is_not_contained(tmp_path: Path, written: Path) -> None:
    found = promotion(written, tmp_path / "allowed", ROOT)
    assert (found.record, found.contained) == (record(), False)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2}', record().render().replace('"shop": "strict"', '"shop": "lax"')]
)
def test_what_is_no_record_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "dev.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"dev\.json is no record of `waves check`"):
        read(path)
