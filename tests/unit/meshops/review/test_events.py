"""What the comment says of each event of a pull request, held against a golden one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from meshops.review import comment, verdict
from meshops.review.facts import NOTHING, Problem
from meshops.review.preview import Preview
from policy.registry import RULES
from tests.unit.meshops.review.plans import (
    Tree,
    application,
    dev,
    entry,
    hand,
    manifest,
    planning,
    real,
    same_as_golden,
    stack,
    written,
)


def _wider(tree: Tree) -> None:
    caller = application(tree, "billing-api")["callers"][0]
    del caller["paths"], caller["methods"]
    tree["zero-trust-mesh:tags"]["team"] = "payments"
    application(tree, "billing-api")["egress"].append({"host": "hooks.example.org", "port": 443})
    application(tree, "ledger")["callers"][0]["methods"] = ["GET"]
    application(tree, "frontend-ui")["hosts"].append("shop.dev.example.com")


def test_a_change_of_settings_says_first_who_may_newly_call_whom(tmp_path: Path) -> None:
    one = stack(real(tmp_path / "base", dev()), real(tmp_path / "head", dev(_wider)))
    text = written(one)
    same_as_golden("settings.md", text)
    opened = (
        "`secure-apps/billing-api` may now be called with every method on every path by `secure-apps/frontend-ui`; "
        "before: `GET` on `/api/data`."
    )
    assert opened in text
    assert "🔒 `payments/ledger` may be called with no more than `GET`" in text
    assert text.index(opened) < text.index("🔒 `payments/ledger`") < text.index("defaultTags")


def test_refused_settings_stand_at_the_top_with_the_reason_and_other_stacks_below(tmp_path: Path) -> None:
    def wrong(tree: Tree) -> None:
        application(tree, "billing-api")["callers"][0]["application"] = "nobody"

    refused = stack(real(tmp_path / "base", dev()), real(tmp_path / "head", dev(wrong)))
    other = stack(real(tmp_path / "base2", dev()), real(tmp_path / "head2", dev(_wider)), name="stage")
    text = written(refused, other)
    same_as_golden("refused.md", text)
    assert text.splitlines()[0] == comment.MARKER
    assert text.index("⛔ Refused or failed") < text.index("may now be called")
    found = verdict.data((refused, other), planning(), left_out=0)
    assert (found["refused"], found["failed"], found["stops"]) == (["dev"], [], True)
    assert "nobody" in found["stacks"]["dev"]["reason"]


def test_a_failing_program_is_told_with_its_last_words(tmp_path: Path) -> None:
    failed = stack(
        hand(tmp_path / "base", entry("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16")),
        Problem(kind="failed", reason="Traceback:\n  ./components/network.py, line 7\nKeyError: 'zones'"),
    )
    text = written(failed)
    same_as_golden("failed.md", text)
    found = verdict.data((failed,), planning(), left_out=0)
    assert (found["refused"], found["failed"], found["stacks"]["dev"]["counts"]) == ([], ["dev"], None)


def test_what_the_base_cannot_plan_is_no_deletion_of_everything(tmp_path: Path) -> None:
    head = hand(tmp_path / "head", entry("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16"))
    text = written(stack(Problem(kind="failed", reason="boom"), head))
    assert "its program failed at the base, so that what changes cannot be said" in text
    assert "deleted" not in text
    assert "created" not in text


_BILLING = {"selector": {"matchLabels": {"app": "api"}}, "action": "ALLOW"}


def _policy(**operation: Any) -> Tree:
    source = {"principals": ["cluster.local/ns/shop/sa/web-sa"]}
    rules = [{"from": [{"source": source}], "to": [{"operation": operation}]}]
    spec = {**_BILLING, "rules": rules}
    return manifest("security.istio.io/v1", "AuthorizationPolicy", "shop", "api", spec=spec)


def _labelled(team: str) -> list[Tree]:
    return [
        manifest("apps/v1", "Deployment", "shop", f"app-{number}", labels={"team": team}, spec={"replicas": 1})
        for number in range(400)
    ]


def test_one_rule_among_four_hundred_labels_stands_at_the_top(tmp_path: Path) -> None:
    base = hand(tmp_path / "base", *_labelled("a"), _policy(methods=["GET"], paths=["/data"]))
    head = hand(tmp_path / "head", *_labelled("b"), _policy(methods=["GET"], paths=["/data*"]))
    text = written(stack(base, head))
    same_as_golden("many-changes.md", text)
    assert "`shop/api` may now be called with `GET` on `/data*` by `shop/web`; before: `GET` on `/data`." in text
    assert "400 resources alike" in text
    assert len(text) < 3000


def test_a_removed_stack_file_reads_as_nothing_destroyed(tmp_path: Path) -> None:
    base = hand(tmp_path / "base", entry("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16"))
    removed = stack(base, NOTHING, presence="removed")
    text = written(removed, head_stacks=())
    same_as_golden("removed.md", text)
    assert "Nothing is destroyed by that" in text
    assert "is deleted" not in text
    assert verdict.data((removed,), planning(), left_out=0)["removed"] == ["dev"]


def test_a_renamed_stack_reads_as_a_second_one_and_says_how_to_carry_it_over(tmp_path: Path) -> None:
    def of(name: str) -> Tree:
        vpc = entry("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16", tags={"stack": name})
        return vpc | {"parent": f"urn:pulumi:{name}::zero-trust-mesh::pulumi:pulumi:Stack::zero-trust-mesh-{name}"}

    base, head = hand(tmp_path / "base", of("dev")), hand(tmp_path / "head", of("stage"))
    renamed = stack(base, head, name="stage", presence="renamed", formerly="dev")
    text = written(renamed)
    same_as_golden("renamed.md", text)
    assert "`pulumi stack rename stage --stack dev`" in text
    assert "parent" not in text
    assert verdict.data((renamed,), planning(), left_out=0)["renamed"] == [{"from": "dev", "to": "stage"}]


def test_what_holds_state_comes_before_every_other_deletion(tmp_path: Path) -> None:
    role = entry("aws:iam/role:Role", "role", name="a")
    base = hand(
        tmp_path / "base",
        role,
        entry("aws:kms/key:Key", "secrets", keyUsage="ENCRYPT_DECRYPT"),
        entry("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16"),
        manifest("v1", "Service", "shop", "api", spec={}),
        entry("aws:cloudwatch/logGroup:LogGroup", "audit", options={"retain_on_delete": True}, name="audit"),
    )
    head = hand(tmp_path / "head", entry("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.1.0.0/16"))
    text = written(stack(base, head))
    same_as_golden("losses.md", text)
    order = ["`secrets`", "`audit`", "`vpc`", "aws:iam/role:Role"]
    assert [text.index(one) for one in order] == sorted(text.index(one) for one in order)
    assert "because `cidrBlock` cannot be changed in place" in text
    assert "Pulumi only forgets it" in text


def test_a_host_that_is_served_would_lose_its_name_as_one_resource_among_many(tmp_path: Path) -> None:
    def outside(tree: Tree) -> None:
        (payments,) = (one for one in tree["zero-trust-mesh:namespaces"] if one["name"] == "payments")
        payments["phase"] = "outside"

    text = written(stack(real(tmp_path / "base", dev()), real(tmp_path / "head", dev(outside))))
    assert "**The DNS record of `statements.dev.example.com` is deleted, and the gateway goes on serving it**" in text
    assert "`dnsRecords: always` keeps it" in text


def test_a_rename_with_an_alias_is_no_deletion(tmp_path: Path) -> None:
    old = entry("aws:iam/role:Role", "role", name="a")
    alias = {"aliases": [old["urn"]]}
    base = hand(tmp_path / "base", old)
    head = hand(tmp_path / "head", entry("aws:iam/role:Role", "identity", options=alias, name="a"))
    one = stack(base, head)
    assert one.losses.renamed == (("aws:iam/role:Role::role", "aws:iam/role:Role::identity"),)
    assert one.counts == {"create": 0, "update": 0, "replace": 0, "delete": 0}
    assert "renamed: 1 resource" in written(one)


def test_a_real_preview_stands_beside_the_plan_with_what_they_disagree_on(tmp_path: Path) -> None:
    base = hand(tmp_path / "base", entry("aws:iam/role:Role", "role", name="a", description="x"))
    head = hand(tmp_path / "head", entry("aws:iam/role:Role", "role", name="a", description="y"))
    operations = {"aws:iam/role:Role::role": "update", "aws:ec2/vpc:Vpc::vpc": "replace"}
    one = stack(base, head, preview=Preview(operations=operations, same=7))
    text = written(one)
    same_as_golden("preview.md", text)
    assert "offline plan **nothing**, real preview **replace**: `Vpc vpc`" in text
    assert "update" not in text.partition("disagrees")[2].partition("###")[0]


def test_a_failed_preview_stands_at_the_top(tmp_path: Path) -> None:
    plan = hand(tmp_path / "base", entry("aws:iam/role:Role", "role", name="a"))
    one = stack(plan, plan, preview=Preview(operations={}, failed="error: no credentials"))
    text = written(one)
    assert "the real preview failed" in text
    assert "no credentials" in text
    assert verdict.data((one,), planning(), left_out=0)["failed"] == ["dev"]


def test_a_finding_that_stood_before_is_no_news(tmp_path: Path) -> None:
    def finding(rule: str, severity: str, resource: str) -> Tree:
        known = {one.id: one for one in RULES}[rule]
        values = {"title": known.title, "field": "spec", "value": "1", "says": "", "remedy": known.remedy}
        return {"rule": rule, "severity": severity, "stops": severity != "low", "resource": resource, **values}

    old = finding("MR601", "high", "Deployment shop/old")
    plan = (entry("aws:iam/role:Role", "role", name="a"),)
    base = hand(tmp_path / "base", *plan, findings=[old, finding("MR201", "low", "setting mesh")])
    head = hand(tmp_path / "head", *plan, findings=[old, finding("MR602", "critical", "Deployment shop/new")])
    one = stack(base, head)
    text = written(one)
    same_as_golden("findings.md", text)
    news, _, folded = text.partition("Findings that stood before")
    assert "shop/new" in news
    assert "shop/old" not in news
    assert "shop/old" in folded
    assert "🔒 No longer weakened" in news
    found = verdict.data((one,), planning(), left_out=0)
    assert [one["rule"] for one in found["findings"]] == ["MR602"]
    assert found["stopped"] == ["dev"]


def test_the_same_sentence_of_two_stacks_stands_once(tmp_path: Path) -> None:
    base = hand(tmp_path / "base", _policy(methods=["GET"]))
    head = hand(tmp_path / "head", _policy(methods=["GET", "POST"]))
    text = written(stack(base, head), stack(base, head, name="prod"))
    assert text.count("may now be called") == 1
    assert "`dev`, `prod`: `shop/api` may now be called" in text


def test_a_review_that_changes_its_own_judges_says_so(tmp_path: Path) -> None:
    plan = hand(tmp_path / "base", entry("aws:iam/role:Role", "role", name="a"))
    text = written(stack(plan, plan), judges=("policy/judge.py",))
    assert "It changes 1 file of what judges and writes this" in text
    assert "`policy/judge.py`" in text


def test_what_does_not_fit_is_counted_at_the_top_and_kept_whole_beside_it(tmp_path: Path) -> None:
    base = hand(tmp_path / "base", *_numbered("a"), _policy(methods=["GET"]))
    head = hand(tmp_path / "head", *_numbered("b"), _policy(methods=["GET", "POST"]))
    made = comment.write((stack(base, head),), planning())
    assert len(made.text.encode()) <= comment.LIMIT + 200
    assert made.left_out > 100
    top = made.text.partition("###")[0]
    assert f"{made.left_out} statements did not fit" in top
    assert "may now be called with `POST`, `GET`" in made.text
    assert "app-399" in made.whole
    assert "app-399" not in made.text


def _numbered(value: str) -> list[Tree]:
    """Four hundred resources, no two of which change alike."""
    return [
        manifest("v1", "ConfigMap", "shop", f"app-{number}", data={f"key-{number}": value * 300})
        for number in range(400)
    ]


def test_a_new_binding_of_a_role_stands_with_the_walls_and_not_in_a_fold(tmp_path: Path) -> None:
    base = hand(tmp_path / "base", entry("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16"))
    binding = manifest("rbac.authorization.k8s.io/v1", "RoleBinding", "shop", "debug", roleRef={"name": "admin"})
    vpc = entry("aws:ec2/vpc:Vpc", "vpc", cidrBlock="10.0.0.0/16")
    text = written(stack(base, hand(tmp_path / "head", vpc, binding)))
    assert (
        "made: 1 resource of type `kubernetes:rbac.authorization.k8s.io/v1:RoleBinding`: `shop/debug`"
        in (text.partition("<details>")[0])
    )
