"""Configuration: which control plane each sidecar is of, and whether that one is there and stays."""

from __future__ import annotations

from configuration.mesh import Mesh, revision_of
from manifests.names import CERT_MANAGER, INJECTION_LABEL, ISTIO_SYSTEM
from meshops.checks.model import Verdict
from meshops.verify.check import Layer, check
from meshops.verify.checks.pods import injected_pods, own_pods
from meshops.verify.facts import Objects, Pod
from meshops.verify.subject import Subject
from meshops.verify.tally import Tally
from versions import CERT_MANAGER as CERT_MANAGER_VERSION

_LAYER: Layer = "Configuration"
_INJECTOR = "sidecar-injector"
_ISTIO_IMAGES = ("pilot", "proxyv2", "install-cni")


@check(
    "MV602",
    _LAYER,
    name="Sidecars are of the revision asked for",
    shows="Each control plane of the settings injects by a webhook of its own, and every pod has its sidecar from the "
    "one that its namespace names.",
    how="The webhook configurations, and each pod's annotation istio.io/rev.",
    severity="high",
    remedy="Restart the workloads that another revision injected: kubectl rollout restart. What another pipeline "
    "deploys keeps its sidecar, and works, until its control plane goes.",
)
def revisions(subject: Subject) -> Verdict:
    tally, stack = Tally(), subject.stack
    hooks = {
        hook.labels.get(INJECTION_LABEL)
        for hook in subject.objects.of_kind("MutatingWebhookConfiguration")
        if hook.labels.get("app") == _INJECTOR
    }
    for revision in stack.settings.mesh.revisions:
        if revision not in hooks:
            tally.failed(f"no webhook injects for revision {revision}: its pods get no sidecar")
    for pod in injected_pods(subject):
        wanted = revision_of(stack.istio_version(pod.namespace))
        if pod.sidecar and pod.revision != wanted:
            tally.failed(f"{pod} is of revision {pod.revision or '(none)'}, not {wanted}")
        elif pod.sidecar:
            tally.passed(f"{pod}: {pod.revision}")
    return tally.verdict("{count} sidecars are of the revision asked for: " + f"{_listed(stack.settings.mesh)}.")


@check(
    "MV614",
    _LAYER,
    name="Versions of the mesh's own parts",
    shows="Each istiod is of its revision's version and every proxy of its namespace's; the CNI agent is of the "
    "newest, cert-manager of its pinned one.",
    how="The tags of the images that run.",
    severity="medium",
    remedy="`pulumi up` brings them to the version; workloads then need a restart for their sidecars.",
)
def part_versions(subject: Subject) -> Verdict:
    tally, mesh = Tally(), subject.stack.settings.mesh
    seen: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for pod in own_pods(subject):
        for image in pod.images:
            name, tag = _name_and_tag(image)
            if name in _ISTIO_IMAGES or name.startswith("cert-manager-"):
                seen.setdefault((name, tag, _wanted(subject, pod, name)), []).append(str(pod))
    for (name, tag, wanted), pods in sorted(seen.items()):
        line = f"{name} {tag} in {len(pods)} pods"
        if tag in wanted or tag.startswith(tuple(f"{version}-" for version in wanted)):
            tally.passed(line)
        else:
            tally.failed(f"{line}, not {' or '.join(wanted)} (first {pods[0]})")
    for name in ("pilot", "proxyv2"):
        if not any(found == name for found, _, _ in seen):
            tally.failed(f"no pod runs {name}")
    versions = " and ".join(mesh.istio_versions)
    issuing = "somebody else's" if subject.stack.settings.cluster.provided.cert_manager else CERT_MANAGER_VERSION
    return tally.verdict("{count} parts, Istio " + f"{versions}, {CERT_MANAGER} {issuing}.")


@check(
    "MV628",
    _LAYER,
    name="No sidecar's control plane is missing or goes",
    shows="Every sidecar in the cluster calls a control plane that is there, and that the settings keep.",
    how="Each pod's annotation istio.io/rev, the Services of istio-system, istiod's pods, and the settings' versions.",
    severity="critical",
    remedy="Restart these pods, or have whoever deploys them do so; until then keep their version as "
    "mesh.secondIstioVersion.",
)
def control_planes_stay(subject: Subject) -> Verdict:
    tally, mesh = Tally(), subject.stack.settings.mesh
    for pod in subject.objects.pods:
        if not pod.sidecar or pod.leaving or pod.phase in ("Succeeded", "Failed"):
            continue
        if not _serves(subject.objects, pod.revision):
            tally.failed(f"{pod} calls istiod-{pod.revision or '(none)'}, which does not answer")
        elif pod.revision not in mesh.revisions:
            tally.failed(f"{pod} calls istiod-{pod.revision}, and the settings keep {_listed(mesh)} only")
        else:
            tally.passed(f"{pod}: istiod-{pod.revision}")
    return tally.verdict("{count} sidecars call a control plane that is there and stays: " + f"{_listed(mesh)}.")


def _serves(objects: Objects, revision: str) -> bool:
    """Whether the control plane of this revision has its Service and a pod behind it."""
    if objects.find("Service", ISTIO_SYSTEM, f"istiod-{revision}") is None:
        return False
    behind = objects.pods_of(ISTIO_SYSTEM, {"app": "istiod", INJECTION_LABEL: revision})
    return any(pod.ready for pod in behind)


def _wanted(subject: Subject, pod: Pod, image: str) -> tuple[str, ...]:
    """The versions that are right for this image in this pod."""
    mesh = subject.stack.settings.mesh
    match image:
        case "proxyv2":
            return (subject.stack.istio_version(pod.namespace),)
        case "install-cni":
            return (mesh.istio_versions[-1],)
        case "pilot":
            own = [
                version for version in mesh.istio_versions if revision_of(version) == pod.labels.get(INJECTION_LABEL)
            ]
            return tuple(own) or mesh.istio_versions
    return (CERT_MANAGER_VERSION,)


def _listed(mesh: Mesh) -> str:
    return " and ".join(mesh.revisions)


def _name_and_tag(image: str) -> tuple[str, str]:
    """`docker.io/istio/pilot:1.31.1-distroless` -> (`pilot`, `1.31.1-distroless`)."""
    last = image.partition("@")[0].rpartition("/")[2]
    name, _, tag = last.partition(":")
    return name, tag or "(no tag)"
