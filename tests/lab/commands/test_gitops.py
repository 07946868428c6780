"""Flux owns a namespace on the lab: what it takes away, what it leaves, and what keeps a label (make gitops-test)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from configuration.parsing import parse
from configuration.settings import Settings
from lab.cluster.objects import Objects
from lab.commands import onboarding
from lab.commands.verification import prove
from lab.gitops import flux, source
from lab.paths import STACK
from lab.progress import TerminalProgress
from lab.waiting import patiently
from meshops.adopt import command as adopt
from meshops.checks.model import Verdict
from meshops.owners import GIT_MANAGERS, git_owner, managers
from meshops.preflight import namespaces
from meshops.preflight.aws import Endpoint
from meshops.waves import rollback
from offline.stack_files import for_parsing
from tests import ROOT
from tests.whole_lab import WholeLab, lab_command, running
from versions import CURL_IMAGE

pytestmark = [pytest.mark.gitops, pytest.mark.timeout(1800)]

LABEL = "istio.io/rev"
OWNER = "Flux (Kustomization flux-system/lab)"
# More than one interval of the lab's Flux, and the time that it takes.
RECONCILED_SECONDS = 90.0
ENTRY = {"name": "shop", "existing": True, "phase": "permissive"}
_NAMESPACE = "shop/namespace.yaml"
_SEEN = {"from": "shop/front", "to": "shop/cart", "port": 8080, "method": "GET", "path": "/", "status": 200}


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A lab whose namespace `shop` Flux owns. revision: of the control plane."""

    lab: WholeLab
    revision: str
    directory: Path

    def namespace(self) -> dict[str, Any]:
        return self.lab.get("namespace", "shop", "--show-managed-fields")

    def label(self) -> str | None:
        return (self.namespace()["metadata"].get("labels") or {}).get(LABEL)

    def label_by_hand(self) -> None:
        self.kubectl("label", "namespace", "shop", f"{LABEL}={self.revision}", "--overwrite")

    def commit(self, files: dict[str, str | None], message: str) -> None:
        """Committed, and applied by Flux."""
        commit = source.commit(self.lab.plane.state, files, message)
        objects = Objects(api=self.lab.plane.api)
        try:
            flux.await_applied(objects, commit)
        finally:
            objects.close()

    @contextmanager
    def between_reconciliations(self) -> Generator[None]:
        """Flux applies nothing while this lasts."""
        where = ("kustomizations.kustomize.toolkit.fluxcd.io", flux.NAME, f"--namespace={flux.NAMESPACE}")
        self.kubectl("patch", *where, "--type=merge", '--patch={"spec": {"suspend": true}}')
        try:
            yield
        finally:
            self.kubectl("patch", *where, "--type=merge", '--patch={"spec": {"suspend": false}}')

    def entry(self, **more: str) -> Path:
        return self.entries([{**ENTRY, **more}])

    def entries(self, found: list[dict[str, Any]]) -> Path:
        path = self.directory / "entry.yaml"
        path.write_text(json.dumps(found), encoding="utf-8")
        return path

    def settings(self, entry: Path) -> Settings:
        return parse(STACK, for_parsing(onboarding.with_entry(ROOT, entry)))

    def preflight(self, entry: Path) -> Verdict:
        """MP701, as `meshops preflight` asks it."""
        endpoint = Endpoint(public=True, public_cidrs=())
        return namespaces.check(self.settings(entry), endpoint, namespaces.read(self.lab.plane.tools))

    def verify(self, entry: Path, id: str) -> Verdict:
        return prove(self.lab.plane, self.settings(entry), STACK, only=(id,)).result(id).verdict

    def new_pod(self, application: str) -> dict[str, Any]:
        """In the place of the one that was there."""
        where = ("--namespace=shop", f"--selector=app={application}")
        self.kubectl("delete", "pod", *where, "--wait=true", "--timeout=90s")
        self.kubectl("rollout", "status", f"deployment/{application}", "--namespace=shop", "--timeout=120s")
        (pod,) = self.lab.get("pods", *where)["items"]
        return pod

    def kubectl(self, *arguments: str) -> str:
        done = self.lab.tool("kubectl", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def owned(lab_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owned]:
    """`make lab GITOPS=1`; that the rest of it holds, other tests prove."""
    up = lab_command(lab_state, "up", "--gitops", "--no-proofs")
    assert up.returncode == 0, f"{up.stdout[-3000:]}\n{up.stderr[-3000:]}"
    assert "Flux has applied main@sha1:" in up.stdout + up.stderr
    yield Owned(
        lab=WholeLab(state=lab_state, output=up.stdout, plane=running(lab_state)),
        revision=parse(STACK, for_parsing(onboarding.with_entry(ROOT, None))).mesh.revision(),
        directory=tmp_path_factory.mktemp("gitops"),
    )
    down = lab_command(lab_state, "down")
    assert down.returncode == 0, down.stderr
    assert not lab_state.exists(), "lab-down leaves nothing behind"


def sidecar(pod: dict[str, Any]) -> bool:
    spec = pod["spec"]
    return any(one["name"] == "istio-proxy" for one in (*spec.get("initContainers", ()), *spec["containers"]))


def until(holds: Callable[[], Any], why: str) -> None:
    assert patiently(holds, bool, seconds=RECONCILED_SECONDS, pause=1.0), why


def test_fluxs_marks_and_field_manager_are_those_by_which_an_owner_is_told(owned: Owned) -> None:
    namespace = owned.namespace()
    marks = managers(namespace, "metadata", "labels", "kustomize.toolkit.fluxcd.io/name")
    assert marks == ("kustomize-controller",)
    assert set(marks) <= set(GIT_MANAGERS)
    assert git_owner(namespace) == OWNER
    namespace["metadata"]["labels"] = {}
    assert git_owner(namespace) == "Flux (field manager kustomize-controller)"


def test_a_label_set_by_hand_is_gone_at_the_next_reconciliation_and_the_next_pod_has_no_sidecar(owned: Owned) -> None:
    with owned.between_reconciliations():
        owned.label_by_hand()
        assert sidecar(owned.new_pod("cart")), "it seems to have worked"
        verdict = owned.preflight(owned.entry())
    assert verdict.status == "fail"
    assert f"{OWNER} owns it, and {LABEL} (set by kubectl-label) is not in its Git" in verdict.finding
    until(lambda: owned.label() is None, "Flux took the label away")
    assert not sidecar(owned.new_pod("cart")), "nobody noticed, and it runs in plaintext"
    found = owned.verify(owned.entry(delivery="git"), "MV607")
    assert found.status == "fail"
    assert f"namespace shop: {LABEL} is (not set), not {owned.revision}, " in found.finding
    assert found.finding.endswith(f"; {OWNER} owns it: the label belongs into its Git")


def test_what_another_field_manager_applied_flux_leaves_until_its_git_says_otherwise(owned: Owned) -> None:
    onboarding.apply(ROOT, owned.entry(), TerminalProgress())
    assert owned.label() == owned.revision
    time.sleep(40)  # two reconciliations and more
    assert owned.label() == owned.revision
    verdict = owned.preflight(owned.entry())
    assert verdict.status == "fail"
    assert "(set by pulumi-lab) is not in its Git: it may go" in verdict.finding
    labelled = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {LABEL: "1-30-0"}}}
    owned.commit({_NAMESPACE: yaml.safe_dump(labelled)}, "An older control plane's")
    until(lambda: owned.label() == "1-30-0", "Flux has the last word")
    del labelled["metadata"]["labels"]
    owned.commit({_NAMESPACE: yaml.safe_dump(labelled)}, "No label again")
    onboarding.apply(ROOT, None, TerminalProgress())
    assert owned.label() is None


def test_what_adopt_writes_for_git_is_applied_and_stays(owned: Owned, capsys: pytest.CaptureFixture[str]) -> None:
    traffic, target = owned.directory / "seen.jsonl", owned.directory / "adopted"
    traffic.write_text(f"{json.dumps(_SEEN)}\n" * 5, encoding="utf-8")
    where = ("--output", str(target), "--kubeconfig", str(owned.lab.plane.kubeconfig))
    adopt.main(["--stack", STACK, "--namespaces", "shop", "--phase", "strict", "--traffic", str(traffic), *where])
    print(capsys.readouterr().out)
    written = yaml.safe_load((target / "settings.yaml").read_text(encoding="utf-8"))
    (entry,) = written["config"]["zero-trust-mesh:namespaces"]
    assert (entry["delivery"], entry["existing"], entry["phase"]) == ("git", True, "strict")
    entries = owned.entries([entry])

    onboarding.apply(ROOT, entries, TerminalProgress())
    assert owned.label() is None, "the program itself puts nothing there"
    files: dict[str, str | None] = {
        f"shop/mesh/{path.name}": path.read_text(encoding="utf-8") for path in (target / "git" / "shop").iterdir()
    }
    whole = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    whole["resources"] = ["mesh", "cart.yaml", "front.yaml"]
    files |= {_NAMESPACE: None, "shop/kustomization.yaml": yaml.safe_dump(whole)}
    owned.commit(files, "shop into the mesh")

    until(lambda: owned.label() == owned.revision, "Flux applied it")
    assert managers(owned.namespace(), "metadata", "labels", LABEL) == ("kustomize-controller",)
    for application in ("cart", "front"):
        assert sidecar(owned.new_pod(application)), application
    verdict = owned.preflight(entries)
    assert verdict.status == "pass", verdict.finding
    assert f"shop: {OWNER}" in verdict.evidence
    owned.kubectl("label", "namespace", "shop", f"{LABEL}=1-30-0", "--overwrite")
    until(lambda: owned.label() == owned.revision, "what is in Git comes back")
    owned.kubectl("delete", "authorizationpolicies", "--all", "--namespace=shop")
    until(lambda: owned.lab.get("authorizationpolicies", "--namespace=shop")["items"], "its policies come back")
    # As `waves rollback --now` would: whose field it is does not matter to what is in Git.
    open_to_all = '--patch={"spec": {"rules": [{}]}}'
    owned.kubectl(
        "patch", "authorizationpolicy", "cart", "--namespace=shop", "--type=merge", open_to_all,
        f"--field-manager={rollback.FIELD_MANAGER}",
    )  # fmt: skip
    until(lambda: owned.lab.get("authorizationpolicy", "cart", "--namespace=shop")["spec"]["rules"] != [{}], "closed")
    for id in ("MV602", "MV605", "MV607"):
        found = owned.verify(entries, id)
        assert found.status == "pass", (id, found.finding, found.evidence)
    # Both ends have an identity, and the policy that adopt wrote lets this one in.
    until(lambda: _answers(owned)[-3:] == ["200"] * 3, f"the cart answers: {_answers(owned)[-5:]}")


def test_nobody_else_in_fluxs_namespace_reaches_its_git_server(owned: Owned) -> None:
    url = f"{source.url(owned.lab.plane.network)}/info/refs?service=git-upload-pack"
    script = f"sleep 8; curl -s -o /dev/null -m 5 -w '%{{http_code}}' '{url}'; true"
    answers = {}
    for namespace in (flux.NAMESPACE, "default"):
        where = f"--namespace={namespace}"
        image = f"--image={CURL_IMAGE}"
        owned.kubectl("run", "asker", where, image, "--restart=Never", "--command", "--", "sh", "-c", script)
        owned.kubectl("wait", "pod/asker", where, "--for=jsonpath={.status.phase}=Succeeded", "--timeout=120s")
        answers[namespace] = owned.kubectl("logs", "asker", where)
        owned.kubectl("delete", "pod", "asker", where)
    assert answers == {flux.NAMESPACE: "000", "default": "200"}


def _answers(owned: Owned) -> list[str]:
    return owned.kubectl("logs", "deployment/front", "--container=front", "--namespace=shop", "--tail=20").split()
