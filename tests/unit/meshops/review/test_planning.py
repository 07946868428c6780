"""Both revisions planned by their own programs: repositories of a few files, whose `meshops plan` is a stand-in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from meshops.review import command, planning
from meshops.review.facts import Planned, Problem, load
from meshops.review.planning import WORK_TREE, RevisionError, plan_both, read_planning
from meshops.review.stacks import read_stacks, renamed

# Takes what `meshops plan` takes; each revision has another one, so that it is seen which of them ran.
_PROGRAM = """
import json, os, pathlib, sys
arguments = dict(zip(sys.argv[2::2], sys.argv[3::2]))
stack, target = arguments["--stack"], pathlib.Path(arguments["--output"])
text = pathlib.Path(f"Pulumi.{stack}.yaml").read_text()
if "refuse" in text:
    sys.exit(f"Stack {stack!r}: 1 setting refused; nothing was created.\\n  a = b\\n    rule:   no")
if "fail" in text:
    raise RuntimeError(f"in {os.getcwd()}")
target.mkdir(parents=True)
urn = f"urn:pulumi:{stack}::zero-trust-mesh::aws:iam/role:Role::role"
inputs = {"by": REVISION, "token": os.environ.get("GITHUB_TOKEN"), "against": "--diff" in arguments}
entry = {"urn": urn, "type": "aws:iam/role:Role", "name": "role", "inputs": inputs}
(target / "resources.json").write_text(json.dumps([entry]))
sys.exit(1 if "stop" in text else 0)
"""


class Repository:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "meshops").mkdir(parents=True)
        (root / "meshops" / "__init__.py").touch()
        self._git("init", "--quiet", "--initial-branch=main")

    def write(self, revision: str, **stacks: str) -> None:
        """The work tree with these stack files and no others."""
        (self.root / "meshops" / "__main__.py").write_text(_PROGRAM.replace("REVISION", repr(revision)))
        for old in self.root.glob("Pulumi.*.yaml"):
            old.unlink()
        for name, text in stacks.items():
            (self.root / f"Pulumi.{name}.yaml").write_text(text)

    def commit(self, revision: str, **stacks: str) -> str:
        self.write(revision, **stacks)
        self._git("add", "--all")
        self._git("-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", revision)
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return subprocess.run(["git", "-C", self.root, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def _inputs(directory: Path) -> dict[str, object]:
    found = load(directory)
    assert isinstance(found, Planned), found
    return dict(found.registrations[0].inputs)


def test_each_revision_is_planned_by_its_own_program_and_without_the_jobs_token(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    base = repository.commit("old", dev="a: 1", lab="a: 1")
    repository.write("new", dev="a: 2", lab="a: 2")
    found = plan_both(repository.root, base=base, head=None, stacks=(), plans=tmp_path / "plans")
    assert (found.base, found.head, found.base_stacks, found.head_stacks) == (base, WORK_TREE, ("dev",), ("dev",))
    assert _inputs(tmp_path / "plans/base/dev") == {"by": "old", "token": None, "against": False}
    # With the base's plan beside it, for the rules about what holds state.
    assert _inputs(tmp_path / "plans/head/dev") == {"by": "new", "token": None, "against": True}
    assert read_planning(tmp_path / "plans") == found


def test_a_head_that_is_a_commit_is_planned_without_touching_the_work_tree(
    repository: Repository, tmp_path: Path
) -> None:
    base, head = repository.commit("old", dev="a: 1"), repository.commit("new", dev="a: 2")
    repository.write("uncommitted", dev="fail")
    plan_both(repository.root, base=base, head=head, stacks=("dev",), plans=tmp_path / "plans")
    assert _inputs(tmp_path / "plans/head/dev")["by"] == "new"
    assert (repository.root / "Pulumi.dev.yaml").read_text() == "fail"


def test_what_others_merged_since_is_no_part_of_the_change(repository: Repository, tmp_path: Path) -> None:
    fork = repository.commit("fork", dev="a: 1")
    repository._git("checkout", "--quiet", "-b", "topic")
    topic = repository.commit("topic", dev="a: 2")
    repository._git("checkout", "--quiet", "main")
    repository.commit("later", dev="a: 3")
    found = plan_both(repository.root, base="main", head=topic, stacks=(), plans=tmp_path / "plans")
    assert found.base == fork


def test_a_refused_and_a_failing_stack_have_their_reason_in_the_plans_place(
    repository: Repository, tmp_path: Path
) -> None:
    base = repository.commit("old", dev="a: 1", prod="a: 1", stage="a: 1")
    repository.write("new", dev="refuse", prod="fail", stage="stop")
    plan_both(repository.root, base=base, head=None, stacks=(), plans=tmp_path / "plans")
    refused, failed = load(tmp_path / "plans/head/dev"), load(tmp_path / "plans/head/prod")
    assert isinstance(refused, Problem)
    assert refused.kind == "refused"
    assert "rule:   no" in refused.reason
    assert isinstance(failed, Problem)
    assert failed.kind == "failed"
    # Where the program lies on the runner is nobody's business.
    assert "RuntimeError: in ." in failed.reason
    # What a policy stops is planned all the same.
    assert _inputs(tmp_path / "plans/head/stage")["by"] == "new"


def test_the_command_ends_well_and_writes_whatever_went_wrong(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = repository.commit("old", dev="a: 1", prod="a: 1\nb: 2\nc: 3\n")
    repository.write("new", dev="refuse", live="a: 1\nb: 2\nc: 3\n")
    out = tmp_path / "out"
    arguments = ["--base", base, "--out", str(out), "--directory", str(repository.root)]
    assert command.main(arguments) == 0
    verdict = json.loads((out / "verdict.json").read_text())
    assert (verdict["refused"], verdict["stops"]) == (["dev"], True)
    assert verdict["renamed"] == [{"from": "prod", "to": "live"}]
    assert (out / "comment.md").read_text().startswith("<!-- zero-trust-mesh:review -->\n")
    assert "refused or failed" in capsys.readouterr().out
    # The plans alone, in a job that runs nothing of the head, make the same comment.
    again = tmp_path / "again"
    assert command.main(["--plans", str(out / "plans"), "--out", str(again)]) == 0
    assert (again / "comment.md").read_text() == (out / "comment.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--base", "nowhere"), "There is no revision 'nowhere' here"),
        (("--base", "--upload-pack=x"), "expected one argument"),
        (("--base", "HEAD", "--stack", "nobody"), "No revision has a stack nobody: there are dev."),
        (("--plans", "nowhere"), "holds no plans"),
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(
    repository: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    repository.commit("old", dev="a: 1")
    try:
        code = command.main([*arguments, "--out", str(tmp_path / "out"), "--directory", str(repository.root)])
    except SystemExit as ended:
        code = ended.code
    assert code == 2
    assert says in capsys.readouterr().err


def test_plans_that_name_a_stack_outside_of_their_directory_are_refused(tmp_path: Path) -> None:
    found = {"base": "a", "head": "b", "base_stacks": ["../../etc"], "head_stacks": [], "renamed": {}, "judges": []}
    (tmp_path / planning.INDEX).write_text(json.dumps(found))
    with pytest.raises(RevisionError, match="which is no stack's name"):
        read_planning(tmp_path)


def test_a_stack_that_goes_and_another_that_comes_are_two(tmp_path: Path) -> None:
    same = "a: 1\nb: 2\nc: 3\n"
    assert renamed({"dev": same}, {"stage": same.replace("3", "4")}) == {"stage": "dev"}
    assert renamed({"dev": same}, {"stage": "x: 9\ny: 8\n"}) == {}
    found = read_stacks(tmp_path, base=["dev"], head=["stage"], moved={}, previews=None)
    assert [(one.name, one.presence) for one in found] == [("stage", "new"), ("dev", "removed")]
