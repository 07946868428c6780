"""What the pages about pull requests tell a team to type or to set is there, and what has to be set is told."""

from __future__ import annotations

import re

import pytest

from bootstrap.plan import make
from tests import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Pull requests and deployment")[2]
PAGES = {
    "README.md": SECTION.partition("\n## ")[0],
    **{
        path: (ROOT / path).read_text(encoding="utf-8")
        for path in (
            ".github/workflows/README.md",
            "docs/pull-requests.md",
            "docs/runbooks/bootstrap.md",
            "docs/runbooks/new-environment.md",
            "docs/ci/gitlab-ci.yml",
        )
    },
}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
YAML = "\n".join(path.read_text(encoding="utf-8") for path in WORKFLOWS.glob("*.yml"))
SCRIPT = (ROOT / ".github" / "scripts" / "stacks.py").read_text(encoding="utf-8")
_FAMILY = r"(?:PULUMI_BACKEND_URL|(?:PREVIEW|DEPLOY|VERIFY)_(?:ROLE|RUNNER)|SANDBOX|PULUMI_UPDATE)_[A-Z]+(?:_[A-Z]+)*"


def read_variables() -> set[str]:
    """The repository's variables that a workflow or its script asks for; of a stack's those of `dev` and `prod`."""
    named = set(re.findall(r"\bvars\.([A-Z_]+)", YAML)) | set(re.findall(r'"(SANDBOX_[A-Z_]+)"', SCRIPT))
    prefixes = set(re.findall(r'f"([A-Z_]+_)\{', SCRIPT))
    return named | {f"{prefix}{stack}" for prefix in prefixes for stack in ("DEV", "PROD")}


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_a_page_tells_to_type_exists(page: str) -> None:
    targets = {target for line in re.findall(r"^([a-z][a-z -]*):", MAKEFILE, re.MULTILINE) for target in line.split()}
    typed = set(re.findall(r"(?:`|^|&& |; |\$ |- )make ([a-z][a-z-]+)", PAGES[page], re.MULTILINE))
    assert typed
    assert typed <= targets


@pytest.mark.parametrize("page", PAGES)
def test_every_make_variable_that_a_page_sets_is_read(page: str) -> None:
    commands = re.findall(r"\bmake [a-z][a-z-]+([^`\n]*)", PAGES[page])
    alone = re.findall(r"`[A-Z_]+=…", PAGES[page])
    given = {name for text in (*commands, *alone) for name in re.findall(r"(?<![\w-])([A-Z_]+)=", text)}
    assert given <= set(re.findall(r"\$\(([A-Z_]+)\)", MAKEFILE))


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("docs/ci/")])
def test_every_variable_of_the_repository_that_a_page_names_is_read_by_a_workflow(page: str) -> None:
    assert set(re.findall(rf"\b{_FAMILY}\b", PAGES[page])) <= read_variables()


def test_every_variable_that_a_workflow_reads_is_told_where_the_account_is_set_up() -> None:
    told = PAGES[".github/workflows/README.md"]
    assert {name for name in read_variables() if not name.endswith("_PROD")} <= set(re.findall(r"`([A-Z_]+)`", told))


def test_every_workflow_and_environment_that_a_page_names_exists() -> None:
    for page, text in PAGES.items():
        named = set(re.findall(r"`([a-z-]+\.yml)`", text))
        assert named <= {path.name for path in WORKFLOWS.glob("*.yml")} | {"pulumi.yml"}, page
    environments = re.search(r"Make the GitHub environments (.+?), limited", PAGES["README.md"])
    assert environments
    assert re.findall(r"`([a-z]+)`", environments[1]) == re.findall(r"^      stack: ([a-z]+)$", YAML, re.MULTILINE)


def test_every_output_that_a_page_hands_on_is_one_of_the_bootstraps() -> None:
    made = make("example").outputs["prod"]
    outputs = {*made, *(f"runner.{name}" for name in made["runner"])}
    table = PAGES["docs/runbooks/bootstrap.md"].partition("| output | goes to |")[2].partition("\n\n")[0]
    first = {name for row in table.splitlines() for name in re.findall(r"`([\w.]+)`", row.split(" | ")[0])}
    assert first == outputs - {"runner"}
    assert set(re.findall(r"`(\w+(?:Role|Url|Provider))`", PAGES["README.md"])) <= outputs
