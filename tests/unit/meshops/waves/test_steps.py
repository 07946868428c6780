"""Which step comes next, how it is taken back, and what of a stack's file it changes."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from configuration.applications import Application, Caller, Namespace, Stickiness
from configuration.problems import SettingsError
from configuration.settings import Settings
from meshops.checks.options import UsageError
from meshops.preflight.zone import recorded_hosts
from meshops.stack_settings import stack_settings
from meshops.waves import command, picture
from meshops.waves.order import Step, next_step, waves, way_back
from meshops.waves.patch import edited, patch
from meshops.waves.rollback import found_by, moved, taken_back, turns
from meshops.waves.stages import Stage, settings_of, stage_of, standings
from tests import ROOT
from tests.unit.meshops.verify import world

_FILE = """\
# ours
config:
  zero-trust-mesh:namespaces:
    - name: shop   # the pilot
      phase: outside  # since May
      applications: [{name: a, phase: outside}]
    - {name: flow, phase: "outside", applications: []}   # short
    - phase: permissive
      authorization: "shadow"
      name: late
"""


def _application(name: str, **more: object) -> Application:
    return Application(name=name, image="x:1", port=8080, **more)  # ty: ignore[invalid-argument-type]


def _settings(**stages: Stage) -> Settings:
    """`plain` and `other` have nothing of their own, `sticky` has; `other` is called by both."""
    callers = (Caller(application="plain/web"), Caller(application="sticky/cart"))
    applications = {
        "other": (_application("api", callers=callers),),
        "plain": (_application("web"),),
        "sticky": (_application("cart", stickiness=Stickiness(cookie="c")),),
    }
    namespaces = []
    for name, found in applications.items():
        phase, authorization = settings_of(stages.get(name, "outside"))
        namespaces.append(Namespace(name=name, phase=phase, authorization=authorization, applications=found))
    return dataclasses.replace(world.settings(), namespaces=tuple(namespaces))


def test_the_waves_go_from_the_simplest_to_those_with_rules_of_their_own() -> None:
    found = waves(_settings())
    assert [(wave.name, wave.namespaces) for wave in found] == [
        ("Pilot", ("plain",)),
        ("Wave 1", ("other",)),
        ("Wave 2", ("sticky",)),
    ]


def test_the_waves_stay_the_same_on_the_way() -> None:
    assert waves(_settings()) == waves(_settings(plain="strict", sticky="shadow"))


def test_from_outside_to_strict_one_namespace_after_the_other() -> None:
    settings, taken = _settings(), []
    while (step := next_step(settings)).moves:
        assert len(step.moves) == 1 or step.title == "STRICT"
        taken.append((step.title, dict(step.moves)))
        settings = moved(settings, step)
    assert taken == [
        ("Pilot", {"plain": "shadow"}),
        ("Enforce", {"plain": "permissive"}),
        ("Wave 1", {"other": "shadow"}),
        ("Enforce", {"other": "permissive"}),
        ("Wave 2", {"sticky": "shadow"}),
        ("Enforce", {"sticky": "permissive"}),
        ("STRICT", {"other": "strict", "plain": "strict", "sticky": "strict"}),
    ]
    assert step.title == "Done"


def test_the_way_back_takes_those_along_who_would_refuse_whoever_leaves() -> None:
    settings = _settings(plain="strict", other="strict", sticky="strict")
    assert dict(way_back(settings, ("plain",), 1).moves) == {"plain": "permissive"}
    assert dict(way_back(settings, ("plain",), 2).moves) == {"plain": "outside", "other": "permissive"}
    assert dict(way_back(settings, ("other",), 2).moves) == {"other": "outside"}
    assert not way_back(_settings(), ("plain",), 2).moves


def _published(settings: Settings, name: str, *hosts: str) -> Settings:
    """The settings with public hosts of the application in this namespace."""

    def placed(one: Namespace) -> Namespace:
        applications = tuple(dataclasses.replace(each, hosts=hosts) for each in one.applications)
        return dataclasses.replace(one, applications=applications) if one.name == name else one

    return dataclasses.replace(settings, namespaces=tuple(map(placed, settings.namespaces)))


def test_who_leaves_would_lose_the_names_under_which_the_gateway_serves_it() -> None:
    host = f"web.{world.settings().load_balancer.domain}"
    settings = _published(_settings(plain="strict", sticky="strict"), "plain", host)
    step = way_back(settings, ("plain", "sticky"), 2)
    assert step.named == ("plain",), "the other one has no host"
    after = moved(settings, step)
    assert recorded_hosts(after) == recorded_hosts(settings) == (host,)
    assert way_back(settings, ("plain",), 1).named == ()
    again = moved(after, Step(title="", why="", moves={"plain": "shadow"}))
    assert [one.dns_records for one in again.namespaces if one.name == "plain"] == ["always"]


def test_names_that_are_somebody_elses_would_be_taken_over_by_a_rollback() -> None:
    elsewhere = _published(_settings(plain="strict"), "plain", "web.other.example")
    assert way_back(elsewhere, ("plain",), 2).named == ()
    settings = _published(_settings(plain="strict"), "plain", f"web.{world.settings().load_balancer.domain}")
    no_zone = dataclasses.replace(settings.load_balancer, hosted_zone_id=None)
    assert way_back(dataclasses.replace(settings, load_balancer=no_zone), ("plain",), 2).named == ()


def test_a_patch_would_forget_the_names_of_whoever_leaves() -> None:
    said = _FILE.replace("phase: outside  # since May", "phase: strict  # since May\n      dnsRecords: in-mesh  # x")
    text = edited(said, {"shop": "outside", "flow": "outside", "late": "outside"}, named=("shop", "flow", "late"))
    wanted = _FILE.replace("# since May", "# since May\n      dnsRecords: always  # x")
    wanted = wanted.replace('phase: "outside", app', "phase: outside, dnsRecords: always, app")
    wanted = wanted.replace("- phase: permissive\n", "- phase: outside\n      dnsRecords: always\n")
    assert text == wanted.replace('authorization: "shadow"', "authorization: enforce")


def test_a_patch_changes_the_words_that_say_it_and_no_others() -> None:
    text = edited(_FILE, {"shop": "shadow", "flow": "shadow", "late": "permissive"})
    wanted = _FILE.replace("phase: outside  # since May", "phase: permissive  # since May\n      authorization: shadow")
    wanted = wanted.replace('phase: "outside", app', "phase: permissive, authorization: shadow, app")
    assert text == wanted.replace('authorization: "shadow"', "authorization: enforce")


def test_what_a_file_does_not_list_is_not_patched() -> None:
    with pytest.raises(UsageError, match="lists no namespace nowhere: it lists shop, flow, late"):
        edited(_FILE, {"nowhere": "strict"})


@pytest.mark.parametrize("stack", ["dev", "prod", "lab"])
def test_every_step_of_the_stacks_here_can_be_patched(stack: str) -> None:
    made = patch(ROOT, stack, {"payments": "shadow"})
    payments = next(one for one in made.settings.namespaces if one.name == "payments")
    assert stage_of(payments) == "shadow"
    changed = [line for line in made.diff().splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    added = [line.strip("+- ") for line in changed if line.startswith("+")]
    assert added[-1] == "authorization: shadow"
    assert set(added) <= {"phase: permissive", "authorization: shadow"}


def test_a_step_that_the_rules_refuse_is_no_patch() -> None:
    # account-ui asks its users for a token: outside the mesh nobody would.
    with pytest.raises(SettingsError, match="Its own sidecar checks the token"):
        patch(ROOT, "lab", {"secure-apps": "outside"})


def test_next_writes_the_file_that_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    asked = ["next", "--stack=dev", f"--directory={tmp_path}", "--write"]
    assert command.main(asked) == 0
    assert "+      phase: strict" in capsys.readouterr().out
    assert command.main(asked) == 0
    assert capsys.readouterr().out == "# Done: every namespace is strict.\n"
    assert all(one.phase == "strict" for one in stack_settings(tmp_path, "dev").namespaces)


def test_a_rollback_and_the_way_in_again_leave_every_host_its_record(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("Pulumi.yaml", "Pulumi.prod.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    asked = ["--stack=prod", f"--directory={tmp_path}", "--write"]
    before = recorded_hosts(stack_settings(tmp_path, "prod"))
    assert "vault.example.com" in before
    assert command.main(["rollback", "--namespace", "payments", "--level=2", *asked]) == 0
    shown = capsys.readouterr().out
    assert "# The gateway serves the hosts of payments as before: their DNS records stay.\n" in shown
    assert "+      phase: outside\n+      dnsRecords: always\n" in shown
    assert recorded_hosts(stack_settings(tmp_path, "prod")) == before
    assert command.main(["next", *asked]) == 0
    assert "dnsRecords: in-mesh" not in capsys.readouterr().out
    (payments,) = (one for one in stack_settings(tmp_path, "prod").namespaces if one.name == "payments")
    assert (payments.phase, payments.dns_records) == ("permissive", "always")


def test_level_1_sets_the_others_own_mode_before_the_meshs() -> None:
    settings = _settings(plain="strict", other="strict", sticky="strict")
    found = turns(settings, way_back(settings, ("plain",), 1))
    modes = [
        (item["metadata"]["namespace"], item["spec"]["mtls"]["mode"])
        for turn in found
        for item in turn.apply
        if item["kind"] == "PeerAuthentication"
    ]
    assert modes == [("other", "STRICT"), ("sticky", "STRICT"), ("istio-system", "PERMISSIVE")]
    assert not any(turn.restart for turn in found)


def test_level_2_ends_mutual_tls_before_the_pods_lose_their_sidecars_and_their_walls_last() -> None:
    settings = _settings(plain="strict", other="strict", sticky="strict")
    found = turns(settings, way_back(settings, ("plain",), 2))
    kinds = [({item["kind"] for item in turn.apply}, bool(turn.delete), turn.restart) for turn in found]
    rules = next(index for index, (applied, _, _) in enumerate(kinds) if "DestinationRule" in applied)
    restarted = next(index for index, (_, _, restart) in enumerate(kinds) if restart == ("plain",))
    assert kinds[rules][0] == {"DestinationRule"}
    assert rules < restarted
    gone = found[-1].delete
    # What a sidecar goes by stays: one that is on its way out still answers.
    assert {kind for kind, namespace, _ in gone if namespace == "plain"} == {"NetworkPolicy"}
    assert restarted == len(found) - 2
    # The mode first: its callers speak plaintext from then on.
    first = next(index for index, (applied, _, _) in enumerate(kinds) if "PeerAuthentication" in applied)
    assert first < rules


def test_no_way_back_touches_what_holds_a_secret_or_an_image() -> None:
    settings = stack_settings(ROOT, "lab")
    for level in (1, 2):
        for turn in turns(settings, way_back(settings, ("payments",), level)):
            assert not {item["kind"] for item in turn.apply} & {"Secret", "Deployment", "Service", "ServiceAccount"}


def test_a_way_back_that_git_undoes_would_be_taken_to_hold() -> None:
    # Seen on the lab: Flux had the policy back after four seconds.
    settings = _settings(plain="strict", other="strict", sticky="strict")
    first, *others = settings.namespaces
    in_git = dataclasses.replace(settings, namespaces=(dataclasses.replace(first, delivery="git"), *others))
    assert first.name == "other"
    assert taken_back(in_git, way_back(in_git, ("other",), 1)) == ("other",)
    assert taken_back(settings, way_back(settings, ("other",), 1)) == ()


def test_the_drift_is_named_by_the_checks_that_find_it() -> None:
    settings = _settings(plain="strict", other="strict", sticky="strict")
    assert {"MW101", "MV606", "MV608"} <= {*found_by(settings, way_back(settings, ("other",), 1))}


def test_the_picture_says_what_disagrees_and_what_is_next() -> None:
    settings = _settings(plain="strict")
    stack = dataclasses.replace(world.stack(), settings=settings)
    there = standings(settings.namespaces, world.objects(stack))
    drawn = picture.render(settings, there, stack="dev", when=world.NOW)
    assert "1 of 3 strict" in drawn
    assert "Next: Wave 1: other to shadow." in drawn
    behind = dataclasses.replace(there[0], contradictions=("it is not there",))
    assert "First: settings and cluster disagree about other." in picture.render(
        settings, (behind, *there[1:]), stack="dev", when=None
    )
