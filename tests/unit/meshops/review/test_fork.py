"""A stranger's pull request: whatever its plan says is shown as text, and nothing of it acts in our name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from meshops.review import command, picture
from meshops.review.facts import Problem, load
from meshops.review.preview import Preview
from meshops.review.stacks import StackReview
from meshops.review.text import LONGEST, block, both, code
from tests.unit.meshops.review.plans import Tree, entry, hand, manifest, planning, same_as_golden, stack, written

HOSTILE = (
    "</summary></details><h1>Approved</h1><img src=https://evil.example/x.png>",
    "`` ` @octocat closes #1 [click](https://evil.example) ![x](https://evil.example/p.png)",
    "| a | b |\n\n<!-- zero-trust-mesh:review -->\n# Approved by @security\n/merge",
    "www.evil.example https://evil.example mail@evil.example :rocket: \\| \\`",
    "\u202egnissap\u2066 \u200bhidden\x00\x1b[31m",
    "**`**`` ``` ```` <script>alert(1)</script> &lt;b&gt; $x$ ~~y~~",
)
_GITHUB = MarkdownIt("gfm-like", {"html": True, "linkify": True})
_OURS = {"<details><summary>", "</details>", "<sub>", "</sub>", "<!-- zero-trust-mesh:review -->"}


def _acting(markdown: str) -> list[str]:
    """Everything of a comment that is more than text, emphasis, code, headings, lists and our table."""
    found: list[str] = []
    waiting = list(_GITHUB.parse(markdown))
    while waiting:
        token = waiting.pop(0)
        waiting += token.children or ()
        if token.type in ("link_open", "image"):
            found.append(f"{token.type} {token.attrs}")
        if token.type == "html_block":
            text = token.content
            bare = text.replace("</summary>", "").removeprefix("<details><summary>").strip()
            if "<" in bare.replace("</details>", "").replace("<!-- zero-trust-mesh:review -->", ""):
                found.append(f"html {text}")
        if token.type == "html_inline" and token.content not in _OURS:
            found.append(f"html {token.content}")
        if token.type == "text" and ("@" in token.content or "evil" in token.content):
            found.append(f"text {token.content}")
    return found


def _hostile_plan(target: Path, text: str, *, also: str) -> Any:
    """Hostile in its names, values, namespaces, hosts, types, options, findings."""
    source = {"principals": [f"cluster.local/ns/{text.replace('/', '')}/sa/{text.replace('/', '')}", text]}
    operation = {"methods": [text], "paths": [text, also], "hosts": [text]}
    rules = [{"from": [{"source": source}], "to": [{"operation": operation}]}]
    selector = {"matchLabels": {"app": text}}
    spec = {"selector": selector, "action": "ALLOW", "rules": rules}
    parts: list[Tree] = [
        manifest("security.istio.io/v1", "AuthorizationPolicy", text, "one", spec=spec),
        manifest("v1", "Namespace", text, text, labels={text: also}, spec={}),
        manifest(
            "networking.istio.io/v1", "ServiceEntry", text, text, spec={"hosts": [also], "ports": [{"number": text}]}
        ),
        manifest("networking.k8s.io/v1", "Ingress", "a", "b", spec={text: also}),
        entry("aws:iam/role:Role", text, component=f"mesh:x:{text}", **{text.replace("::", ""): also}),
        entry(f"evil:{text.replace('::', '').replace('$', '')}", "x", value=also),
        entry("aws:kms/key:Key", f"{also}{text}", keyUsage=also),
    ]
    finding = dict.fromkeys(("rule", "title", "severity", "resource", "field", "value", "says", "remedy"), text + also)
    return hand(target, *parts, findings=[{**finding, "stops": True}])


def _hostile(directory: Path, text: str) -> str:
    base = _hostile_plan(directory / "base", text, also="a")
    head = _hostile_plan(directory / "head", text, also="b")
    return written(
        stack(base, head, preview=Preview(operations={f"a:b:C::{text}": "delete"}, failed="")),
        stack(base, Problem(kind="failed", reason=text), name="prod", preview=Preview(operations={}, failed=text)),
        judges=(f"policy/{text}",),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_fork_writes_becomes_a_link_an_image_html_or_a_mention(tmp_path: Path, text: str) -> None:
    comment = _hostile(tmp_path, text)
    assert _acting(comment) == []
    # One marker, at the top: the comment of another would be found by a second one.
    assert [line for line in comment.splitlines() if line.startswith("<!--")] == ["<!-- zero-trust-mesh:review -->"]


def test_the_forks_comment_is_this_one(tmp_path: Path) -> None:
    same_as_golden("fork.md", _hostile(tmp_path, HOSTILE[1]))


def test_the_judge_of_these_tests_sees_what_acts() -> None:
    for text in ("[a](https://b.example)", "<b>x</b>", "see https://evil.example", "@octocat", "![x](y.png)"):
        assert _acting(text), text


_NASTY = st.text(st.sampled_from("`|\\<>@#[]()!*_~:/&\n\r\t \u202e\u2028$-.aw1"), max_size=60)


@settings(max_examples=150, deadline=None)
@given(_NASTY)
def test_a_value_never_leaves_its_code_span(text: str) -> None:
    for markdown in (f"- say {code(text)} and no more", f"x\n\n{block(text)}\n\ny"):
        tokens = _GITHUB.parse(markdown)
        children = [child.type for token in tokens for child in token.children or ()]
        kinds = {token.type for token in tokens} | set(children)
        assert kinds <= {
            *("bullet_list_open", "list_item_open", "paragraph_open", "inline", "paragraph_close"),
            *("list_item_close", "bullet_list_close", "text", "code_inline", "fence"),
        }, kinds
        assert children.count("code_inline") <= 1


def test_a_long_value_shows_where_it_changes() -> None:
    old, new = both("a" * 5000 + "GET" + "b" * 900, "a" * 5000 + "PUT" + "b" * 900)
    assert "GET" in old
    assert "PUT" in new
    assert max(len(old), len(new)) <= LONGEST


def test_a_picture_of_a_strangers_names_is_well_formed(tmp_path: Path) -> None:
    from xml.etree import ElementTree

    for number, text in enumerate(HOSTILE):
        base = hand(tmp_path / f"base{number}", entry("a:b:C", "x"))
        head = _hostile_plan(tmp_path / f"head{number}", text, also="b")
        drawn = picture.render(stack(base, head))
        assert drawn is not None
        kinds = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(drawn).iter()}
        assert kinds <= {"svg", "title", "rect", "text", "path", "polygon", "circle"}


@pytest.mark.parametrize("broken", ["", "{", "[1]", '[{"urn": 1}]', '[{"urn": "a::b::c::d", "type": "x", "name": 1}]'])
def test_a_plan_that_is_no_plan_is_a_failure_and_not_an_exception(tmp_path: Path, broken: str) -> None:
    (tmp_path / "resources.json").write_text(broken)
    found = load(tmp_path)
    assert isinstance(found, Problem)
    assert found.kind == "failed"


def test_pictures_and_verdict_are_written_where_a_stack_failed_too(tmp_path: Path) -> None:
    failed: StackReview = stack(Problem(kind="failed", reason="x"), Problem(kind="refused", reason="y"))
    command.write(tmp_path, (failed,), planning())
    assert json.loads((tmp_path / "verdict.json").read_text())["refused"] == ["dev"]
    assert not list(tmp_path.glob("*.svg"))
