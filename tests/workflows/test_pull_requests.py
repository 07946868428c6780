"""What a pull request's author and reviewer see: preview.yml and preview-comment.yml, run by act to the comment.

No step is left out. AWS's credentials and the Pulumi CLI are stand-ins (scene.py). So is the review's text, but in the
first two: there `make pr-comment` plans both revisions by their own programs, from the trigger to the comment posted.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.workflows.reviews import FORK, commented, comments, opened, previewed
from tests.workflows.scene import Scene

GOLDEN = Path(__file__).parent / "golden"
MARKER = "<!-- zero-trust-mesh:review -->"
pytestmark = pytest.mark.timeout(900)  # act itself is built the first time


def compare(name: str, text: str) -> None:
    golden = GOLDEN / f"{name}.md"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(f"{text}\n", encoding="utf-8")
    assert f"{text}\n" == golden.read_text(encoding="utf-8")


def test_a_wider_call_is_what_the_reviewer_reads_first_with_the_real_previews_disagreement(whole_scene: Scene) -> None:
    settings = whole_scene.read("Pulumi.dev.yaml")
    wider = settings.replace("methods: [GET]\n              paths: [/api/data]", "methods: [GET, POST]")
    assert wider != settings
    request = opened(whole_scene, {"Pulumi.dev.yaml": wider})
    ran = previewed(whole_scene, request)
    assert (ran.code, ran.jobs) == (0, dict.fromkeys(("stacks", "preview", "review"), "succeeded")), ran.output
    assert whole_scene.artifact(ran, "review/dev.svg").is_file()
    assert commented(whole_scene, request, ran).code == 0
    compare("wider-call", *comments(whole_scene))


def test_settings_that_the_real_plan_refuses_are_commented_with_rule_and_remedy(whole_scene: Scene) -> None:
    whole_scene.variables.clear()
    refused = whole_scene.read("Pulumi.dev.yaml").replace("application: frontend-ui", "application: frontend")
    request = opened(whole_scene, {"Pulumi.dev.yaml": refused})
    ran = previewed(whole_scene, request)
    assert ran.jobs == {"stacks": "succeeded", "review": "failed"}, ran.output
    assert "::error::refused: dev" in ran.output
    assert commented(whole_scene, request, ran).code == 0
    compare("refused-by-the-plan", *comments(whole_scene))


def test_a_change_of_settings_is_previewed_and_its_one_comment_is_edited_with_the_next_push(scene: Scene) -> None:
    # Somebody else's, with our marker: not the one to edit.
    theirs = {"number": 800, "pull": 12, "viewerDidAuthor": False, "body": f"{MARKER}\nAll is well."}
    scene.github.comments.append(theirs)
    request = opened(scene, {"Pulumi.prod.yaml": f"{scene.read('Pulumi.prod.yaml')}\n# A remark.\n"})
    ran = previewed(scene, request)
    assert (ran.code, ran.jobs) == (0, dict.fromkeys(("stacks", "preview", "review"), "succeeded")), ran.output
    assert scene.log("roles.log") == ["preview arn:aws:iam::111122223333:role/preview-prod eu-west-1"]
    (called,) = scene.log("pulumi.log")
    pack = Path(called.partition("--policy-pack ")[2].split()[0])
    assert called.startswith("preview preview --stack prod --policy-pack ")
    assert pack.name == "policy"
    assert called.endswith("--json --non-interactive --save-plan=build/preview/prod.plan")
    # Both jobs that install anything do so by hashes.
    assert {line.split()[0] for line in scene.log("pip.log")} == {"preview", "review"}
    assert all("--require-hashes -r requirements.lock" in line for line in scene.log("pip.log"))
    assert scene.artifact(ran, "preview-prod/prod.plan").is_file()

    assert commented(scene, request, ran).code == 0
    (posted,) = comments(scene)
    compare("change-of-settings", posted)

    again = opened(scene, {"Pulumi.prod.yaml": f"{scene.read('Pulumi.prod.yaml')}\n# Another.\n"})
    assert commented(scene, again, ran).code == 0
    assert scene.github.written == ["POST /issues/12/comments", "PATCH /issues/comments/901"]
    assert theirs["body"] == f"{MARKER}\nAll is well."


def test_refused_settings_fail_the_run_and_are_commented_with_the_preview_that_failed(scene: Scene) -> None:
    scene.faults("preview dev")
    settings = scene.read("Pulumi.dev.yaml").replace("cidr: 10.20.0.0/16", "cidr: 10.20.0.1/16")
    request = opened(scene, {"Pulumi.dev.yaml": settings})
    ran = previewed(scene, request)
    assert ran.jobs == {"stacks": "succeeded", "preview": "failed", "review": "failed"}, ran.output
    assert "::error::refused: dev" in ran.output
    assert commented(scene, request, ran).code == 0
    compare("refused-settings", *comments(scene))


def test_a_program_that_does_not_run_is_commented(scene: Scene) -> None:
    scene.variables.clear()
    request = opened(scene, {"__main__.py": "this is no program\n"})
    ran = previewed(scene, request)
    assert ran.jobs == {"stacks": "succeeded", "review": "failed"}, ran.output
    assert commented(scene, request, ran).code == 0
    compare("failing-program", *comments(scene))


def test_a_pull_request_that_even_make_cannot_read_is_commented(scene: Scene) -> None:
    scene.variables.clear()
    request = opened(scene, {"Makefile": "this is no makefile\n"})
    ran = previewed(scene, request)
    assert ran.jobs == {"stacks": "succeeded", "review": "failed"}, ran.output
    assert commented(scene, request, ran).code == 0
    (posted,) = comments(scene)
    assert posted.startswith(f"{MARKER}\n\n### The review could not be made\n")
    assert "Makefile:1: *** missing separator" in posted


def test_a_forks_run_sees_no_credential_and_its_words_are_shown_as_text(scene: Scene) -> None:
    settings = scene.read("Pulumi.dev.yaml")
    request = opened(scene, {"Pulumi.dev.yaml": f"{settings}\n# A remark.\n"}, repository=FORK)
    ran = previewed(scene, request)
    assert (ran.code, ran.jobs) == (0, {"stacks": "succeeded", "review": "succeeded"}), ran.output
    assert scene.log("roles.log") == scene.log("pulumi.log") == []
    assert commented(scene, request, ran).code == 0
    compare("fork", *comments(scene))


def test_many_changes_fit_into_one_comment(scene: Scene) -> None:
    changes = {f"something-new-{n:04}-{'x' * 60}.py": "" for n in range(1000)}
    request = opened(scene, {**changes, "Pulumi.dev.yaml": f"{scene.read('Pulumi.dev.yaml')}\n# A remark.\n"})
    ran = previewed(scene, request)
    # Whatever is new may touch every stack.
    assert sorted(line.split()[3] for line in scene.log("pulumi.log")) == ["dev", "prod"], ran.output
    assert commented(scene, request, ran).code == 0
    (posted,) = scene.github.comments
    assert 60_000 < len(posted["body"]) <= 65_536
    assert "… cut here: the whole is in the run." in posted["body"]


def test_a_removed_stack_is_commented_and_previewed_by_nobody(scene: Scene) -> None:
    request = opened(scene, {"Pulumi.prod.yaml": None})
    ran = previewed(scene, request)
    assert (ran.code, ran.jobs) == (0, {"stacks": "succeeded", "review": "succeeded"}), ran.output
    assert scene.log("pulumi.log") == []
    assert commented(scene, request, ran).code == 0
    compare("removed-stack", *comments(scene))
