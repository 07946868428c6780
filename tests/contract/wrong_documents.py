"""Documents that must not get through: each a mistake that reads well in a review.

`server` is what the real API server (its schema, its rules, or a webhook behind it) must say; `plan` is the field that
the offline plan must name, None where only a running webhook knows the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

NAMESPACE = "secure-apps"


@dataclass(frozen=True, kw_only=True)
class Wrong:
    name: str
    document: dict[str, Any]
    server: str
    plan: str | None


def _wrong(name: str, text: str, *, server: str, plan: str | None) -> Wrong:
    document = yaml.safe_load(text)
    document.setdefault("metadata", {"name": "wrong", "namespace": NAMESPACE})
    return Wrong(name=name, document=document, server=server, plan=plan)


WRONG: tuple[Wrong, ...] = (
    _wrong(
        "an mTLS mode that does not exist",
        """
        apiVersion: security.istio.io/v1
        kind: PeerAuthentication
        spec: {mtls: {mode: STRICTLY}}
        """,
        server='Unsupported value: "STRICTLY"',
        plan="spec.mtls.mode",
    ),
    _wrong(
        "a misspelt field of a policy",
        """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        spec: {action: ALLOW, rules: [{from: [{source: {principal: [cluster.local/ns/a/sa/b]}}]}]}
        """,
        server=".spec.rules[0].from[0].source.principal: field not declared in schema",
        plan="spec.rules[0].from[0].source.principal",
    ),
    _wrong(
        "an action in lower case",
        """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        spec: {action: allow}
        """,
        server='Unsupported value: "allow"',
        plan="spec.action",
    ),
    _wrong(
        "a policy bound in two ways",
        """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        spec:
          selector: {matchLabels: {app: a}}
          targetRefs: [{kind: Service, name: a}]
        """,
        server="only one of targetRefs or selector can be set",
        plan="spec",
    ),
    _wrong(
        "a rule whose operation is empty",
        """
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        spec: {action: ALLOW, rules: [{to: [{operation: {}}]}]}
        """,
        server="`to.operation` must not be empty",
        plan=None,
    ),
    _wrong(
        "affinity by cookie and header at once",
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        spec:
          host: a.secure-apps.svc.cluster.local
          trafficPolicy:
            tls: {mode: ISTIO_MUTUAL}
            loadBalancer: {consistentHash: {httpHeaderName: x-user, httpCookie: {name: user, ttl: 0s}}}
        """,
        server='"spec.trafficPolicy.loadBalancer.consistentHash" must validate one and only one schema',
        plan="spec.trafficPolicy.loadBalancer.consistentHash",
    ),
    _wrong(
        "a DestinationRule without a host",
        """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        spec: {trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}
        """,
        server="spec.host: Required value",
        plan="spec.host",
    ),
    _wrong(
        "a VirtualService without a route",
        """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        spec: {hosts: [a.example.com], gateways: [istio-ingress/istio-shared-gateway]}
        """,
        server="http, tcp or tls must be provided in virtual service",
        plan=None,
    ),
    _wrong(
        "an HTTPS server without a certificate",
        """
        apiVersion: networking.istio.io/v1
        kind: Gateway
        spec:
          selector: {istio: ingressgateway}
          servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: ["*"]}]
        """,
        server="server must have TLS settings",
        plan=None,
    ),
    _wrong(
        "a Gateway port that is text",
        """
        apiVersion: networking.istio.io/v1
        kind: Gateway
        spec:
          selector: {istio: ingressgateway}
          servers: [{port: {number: "443", name: tls, protocol: TLS}, hosts: ["*"], tls: {mode: PASSTHROUGH}}]
        """,
        server="spec.servers[0].port.number",
        plan="spec.servers[0].port.number",
    ),
    _wrong(
        "a wildcard ServiceEntry that asks DNS",
        """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        spec:
          hosts: ["*.stripe.com"]
          ports: [{number: 443, name: tls, protocol: TLS}]
          resolution: DNS
        """,
        server='resolution mode DNS, domain name "*.stripe.com" invalid',
        plan=None,
    ),
    _wrong(
        "a Sidecar host without its namespace",
        """
        apiVersion: networking.istio.io/v1
        kind: Sidecar
        spec: {egress: [{hosts: [billing-api.secure-apps.svc.cluster.local]}]}
        """,
        server="must be of form namespace/dnsName",
        plan=None,
    ),
    _wrong(
        "sampling above one hundred per cent",
        """
        apiVersion: telemetry.istio.io/v1
        kind: Telemetry
        spec: {tracing: [{randomSamplingPercentage: 101}]}
        """,
        server="should be less than or equal to 100",
        plan="spec.tracing[0].randomSamplingPercentage",
    ),
    _wrong(
        "a key algorithm cert-manager does not know",
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        spec: {secretName: a, dnsNames: [a.example.com], issuerRef: {name: a}, privateKey: {algorithm: P256}}
        """,
        server='Unsupported value: "P256"',
        plan="spec.privateKey.algorithm",
    ),
    _wrong(
        "a certificate that is renewed before it begins",
        """
        apiVersion: cert-manager.io/v1
        kind: Certificate
        spec: {secretName: a, dnsNames: [a.example.com], issuerRef: {name: a}, duration: 2h, renewBefore: 3h}
        """,
        server="renewBefore",
        plan=None,
    ),
    _wrong(
        "a NetworkPolicy for host bits",
        """
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0}}]}]}
        """,
        server="spec.egress[0].to[0].ipBlock.cidr",
        plan=None,
    ),
    _wrong(
        "a NetworkPolicy type in lower case",
        """
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        spec: {podSelector: {}, policyTypes: [egress]}
        """,
        server='Unsupported value: "egress"',
        plan="spec.policyTypes[0]",
    ),
    _wrong(
        "a selector that meets no template",
        """
        apiVersion: apps/v1
        kind: Deployment
        spec:
          selector: {matchLabels: {app: a}}
          template:
            metadata: {labels: {app: b}}
            spec: {containers: [{name: a, image: "registry.example.com/a:1"}]}
        """,
        server="`selector` does not match template `labels`",
        plan="spec.selector.matchLabels",
    ),
    _wrong(
        "a probe with a misspelt field",
        """
        apiVersion: apps/v1
        kind: Deployment
        spec:
          selector: {matchLabels: {app: a}}
          template:
            metadata: {labels: {app: a}}
            spec:
              containers:
                - name: a
                  image: "registry.example.com/a:1"
                  readinessProbe: {httpGet: {path: /, port: 80}, periodSecond: 5}
        """,
        server=".readinessProbe.periodSecond: field not declared in schema",
        plan="spec.template.spec.containers[0].readinessProbe.periodSecond",
    ),
    _wrong(
        "a port name that is none",
        """
        apiVersion: v1
        kind: Service
        spec: {selector: {app: a}, ports: [{name: Http_Main, port: 80}]}
        """,
        server="spec.ports[0].name",
        plan="spec.ports[0].name",
    ),
    _wrong(
        "a privileged pod in a restricted namespace",
        """
        apiVersion: v1
        kind: Pod
        spec: {containers: [{name: a, image: "registry.example.com/a:1", securityContext: {privileged: true}}]}
        """,
        server='violates PodSecurity "restricted:',
        plan=None,
    ),
)
