"""Pods, Services and credentials that try to pass for an application."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.cert_manager import SELF_SIGNED
from manifests.document import document
from meshops.verify.attempt import Attempt
from meshops.verify.attempts.against import Against
from meshops.verify.attempts.documents import (
    NAME,
    changed,
    deployment,
    job,
    named_object,
    pod,
    service,
)
from meshops.verify.attempts.requests import DRY_RUN


class IdentityAttempts(Against):
    def identity(self) -> Iterator[Attempt]:
        name, account = self.member.name, self.member.application.identity
        labelled = changed(self.template, "metadata", "labels", "app", to=name)
        borrowed = changed(self.template, "spec", "serviceAccountName", to=account)
        both = changed(labelled, "spec", "serviceAccountName", to=account)
        yield self.ask.create("label-of-another", f"a Deployment with the label of {name}", deployment(labelled))
        yield self.ask.create(
            "account-of-another", f"a Deployment with the service account of {name}", deployment(borrowed)
        )
        yield self.ask.create(
            "pod-label-of-another", f"a pod with the label of {name}", pod(labelled), as_="controller"
        )
        yield self.ask.create("pod-account-of-another", f"a pod as {account}", pod(borrowed), as_="controller")
        yield self.ask.create(
            "both-of-another", f"a Deployment with label and service account of {name}", deployment(both)
        )
        yield self.ask.create("job-as-another", f"a Job with label and service account of {name}", job(both))
        image = {"spec": {"template": {"spec": {"containers": [{"name": name, "image": "docker.io/example/x:1"}]}}}}
        yield self.ask.patch("image-of-another", f"another image for {name}", "Deployment", name, image)
        if self.pod:
            image = {"spec": {"containers": [{"name": name, "image": "docker.io/example/x:1"}]}}
            yield self.ask.patch("image-of-a-pod", f"another image in a running pod of {name}", "Pod", self.pod, image)

    def services(self) -> Iterator[Attempt]:
        for id, key, value in (
            ("node-port", "type", "NodePort"),
            ("load-balancer", "type", "LoadBalancer"),
            ("external-ips", "externalIPs", ["203.0.113.7"]),
        ):
            yield self.ask.create(id, f"a Service with {key} {value}", changed(service(), "spec", key, to=value))
        outside = service(selector=None, type="ExternalName", externalName="example.com")
        yield self.ask.create("external-name", "a Service that is another name", outside)
        yield self.ask.create("selects-another", f"a Service over the pods of {self.member.name}",
                      service(selector=self.member.name))  # fmt: skip
        wide = changed(service(), "spec", "selector", to={"app.kubernetes.io/managed-by": "pulumi"})
        yield self.ask.create("selects-all", "a Service over the pods of all applications", wide)
        yield self.ask.create("selects-none", "a Service without a selector", service(selector=None))
        annotated = changed(
            service(), "metadata", "annotations", "alpha.istio.io/kubernetes-serviceaccounts", to="default"
        )
        yield self.ask.create("service-identities", "a Service that names who may be it", annotated)
        if self.member.application.port is not None:
            selector = {"spec": {"selector": {"app": NAME}}}
            yield self.ask.patch("takes-a-service", f"leads the Service of {self.member.name} elsewhere", "Service",
                         self.member.name, selector)  # fmt: skip

    def credentials(self) -> Iterator[Attempt]:
        account = self.member.application.identity
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": ["istio-ca"], "expirationSeconds": 600},
        }
        yield Attempt(
            id="token",
            title=f"a token of {account} for istiod",
            method="POST",
            path=f"{self.ask.path('v1', 'ServiceAccount')}/{account}/token?{DRY_RUN}",
            body=request,
        )
        secret = document(
            "v1",
            "Secret",
            NAME,
            annotations={"kubernetes.io/service-account.name": account},
            type="kubernetes.io/service-account-token",
        )
        yield self.ask.create("token-secret", f"a token of {account} that never ends", secret)
        yield self.ask.patch("root-certificate", "another root for the sidecars", "ConfigMap", "istio-ca-root-cert",
                     {"data": {"root-cert.pem": ""}})  # fmt: skip
        issued = named_object(
            "cert-manager.io/v1",
            "Certificate",
            secretName=NAME,
            dnsNames=["example.com"],
            issuerRef={"kind": "ClusterIssuer", "name": SELF_SIGNED, "group": "cert-manager.io"},
        )
        yield self.ask.create("certificate", "a certificate of the platform's issuer", issued)
