"""Pods, and what pods are made from, that try to leave the mesh."""

from __future__ import annotations

from collections.abc import Iterator

from configuration.applications import SIDECAR_USER
from manifests.names import EXCLUDED_RANGES, GATEWAY_SELECTOR, INJECTION_LABEL
from meshops.verify.attempt import Attempt
from meshops.verify.attempts.against import Against
from meshops.verify.attempts.documents import (
    changed,
    container,
    cron_job,
    deployment,
    pod,
)


class PodAttempts(Against):
    def leaving_the_mesh(self) -> Iterator[Attempt]:
        for id, kind, key, value in (
            ("inject-label", "labels", "sidecar.istio.io/inject", "false"),
            ("other-revision", "labels", INJECTION_LABEL, "none"),
            ("ambient", "labels", "istio.io/dataplane-mode", "none"),
            ("tls-mode", "labels", "security.istio.io/tlsMode", "disabled"),
            ("gateway-label", "labels", *next(iter(GATEWAY_SELECTOR.items()))),
            ("inject-annotation", "annotations", "sidecar.istio.io/inject", "false"),
            ("inbound-ports", "annotations", "traffic.sidecar.istio.io/excludeInboundPorts", "8080"),
            ("outbound-ports", "annotations", "traffic.sidecar.istio.io/excludeOutboundPorts", "443"),
            ("outbound-ranges", "annotations", "traffic.sidecar.istio.io/includeOutboundIPRanges", ""),
            ("metadata", "annotations", EXCLUDED_RANGES, "169.254.169.254/32"),
            ("interception", "annotations", "sidecar.istio.io/interceptionMode", "NONE"),
            ("proxy-image", "annotations", "sidecar.istio.io/proxyImage", "docker.io/example/proxy:1"),
            ("bootstrap", "annotations", "sidecar.istio.io/bootstrapOverride", "mine"),
            ("user-volume", "annotations", "sidecar.istio.io/userVolume", '[{"name": "mine"}]'),
            ("proxy-config", "annotations", "proxy.istio.io/config", "concurrency: 1"),
            ("overrides", "annotations", "proxy.istio.io/overrides", "{}"),
            ("status", "annotations", "sidecar.istio.io/status", "{}"),
            ("templates", "annotations", "inject.istio.io/templates", "gateway"),
            ("other-network", "annotations", "k8s.v1.cni.cncf.io/networks", "other"),
        ):
            template = changed(self.template, "metadata", kind, key, to=value)
            yield self.ask.create(f"template-{id}", f"a Deployment with {key}: {value}", deployment(template))
            if id in ("inject-label", "inject-annotation", "inbound-ports", "proxy-config", "tls-mode"):
                yield self.ask.create(f"pod-{id}", f"a pod with {key}: {value}", pod(template), as_="controller")
                yield self.ask.create(f"cron-{id}", f"a CronJob with {key}: {value}", cron_job(template))
        yield self.ask.patch(
            "unlabel-namespace",
            "takes the injection label from the namespace",
            "Namespace",
            self.namespace,
            {"metadata": {"labels": {INJECTION_LABEL: None}}},
        )
        yield self.ask.patch(
            "namespace-security",
            "lowers the Pod Security level of the namespace",
            "Namespace",
            self.namespace,
            {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
        )

    def users(self) -> Iterator[Attempt]:
        context = ("spec", "securityContext")
        own = ("spec", "containers", 0, "securityContext")
        for id, path, value in (
            ("uid", (*context, "runAsUser"), SIDECAR_USER),
            ("gid", (*context, "runAsGroup"), SIDECAR_USER),
            ("fs-group", (*context, "fsGroup"), SIDECAR_USER),
            ("supplemental-group", (*context, "supplementalGroups"), [SIDECAR_USER]),
            ("container-uid", (*own, "runAsUser"), SIDECAR_USER),
            ("container-gid", (*own, "runAsGroup"), SIDECAR_USER),
        ):
            template = changed(self.template, *path, to=value)
            yield self.ask.create(f"template-{id}", f"a Deployment with the sidecar's {id}", deployment(template))
            yield self.ask.create(f"pod-{id}", f"a pod with the sidecar's {id}", pod(template), as_="controller")
        mixed = changed(
            self.template,
            "spec",
            "initContainers",
            to=[container("setup", self.images, securityContext={"runAsUser": SIDECAR_USER})],
        )
        yield self.ask.create("init-uid", "an init container with the sidecar's uid", deployment(mixed))
        if not self.member.namespace.image_users:
            for field in ("runAsUser", "runAsGroup"):
                silent = changed(self.template, *context, field, to=None)
                yield self.ask.create(f"no-{field}", f"leaves {field} to the image", pod(silent), as_="controller")

    def node(self) -> Iterator[Attempt]:
        # In Deployments: in pods the Pod Security level refuses the same, and first.
        for id, path, value in (
            ("host-network", ("spec", "hostNetwork"), True),
            ("host-pid", ("spec", "hostPID"), True),
            ("host-path", ("spec", "volumes"), [{"name": "node", "hostPath": {"path": "/"}}]),
            ("host-port", ("spec", "containers", 0, "ports"), [{"containerPort": 8080, "hostPort": 8080}]),
            ("net-admin", ("spec", "containers", 0, "securityContext", "capabilities", "add"), ["NET_ADMIN"]),
        ):
            template = changed(self.template, *path, to=value)
            yield self.ask.create(id, f"a Deployment with {id.replace('-', ' ')}", deployment(template))

    def sidecar(self) -> Iterator[Attempt]:
        template = self.template
        for name in ("istio-proxy", "istio-validation", "istio-init"):
            forged = changed(template, "spec", "initContainers", to=[container(name, self.images)])
            yield self.ask.create(f"template-{name}", f"its own container {name}", deployment(forged))
        beside = [*template["spec"]["containers"], container("istio-proxy", self.images)]
        forged = changed(template, "spec", "containers", to=beside)
        yield self.ask.create("template-beside", "its own istio-proxy beside the application", deployment(forged))
        # Told that it was injected before, istiod leaves no note of what it merged.
        status = changed(forged, "metadata", "annotations", "sidecar.istio.io/status", to="{}")
        yield self.ask.create(
            "pod-merged", "an istio-proxy merged with the injected one", pod(status), as_="controller"
        )
        mounts = [{"name": "istio-token", "mountPath": "/stolen"}]
        stolen = changed(template, "spec", "containers", 0, "volumeMounts", to=mounts)
        yield self.ask.create("sidecars-token", "mounts the sidecar's token", pod(stolen), as_="controller")
        yield self.ask.create("bare-pod", "a pod without a template", pod(template))
        image = {"spec": {"initContainers": [{"name": "istio-proxy", "image": "docker.io/example/proxy:1"}]}}
        if self.pod:
            yield self.ask.patch("proxy-image-of-a-pod", "another image for a running sidecar", "Pod", self.pod, image)
            label = {"metadata": {"annotations": {"traffic.sidecar.istio.io/includeInboundPorts": ""}}}
            yield self.ask.patch("annotate-a-pod", "changes what a running pod redirects", "Pod", self.pod, label)
