"""A stack with one of everything: three phases, managed and external workloads, HTTP, TCP and passthrough."""

from __future__ import annotations

from configuration.applications import Application, Caller, Namespace, Stickiness
from configuration.leaving.egress import Egress
from configuration.mesh import Mesh
from manifests.mesh_graph import Member, MeshGraph

SECURE_APPS = Namespace(
    name="secure-apps",
    phase="strict",
    applications=(
        Application(
            name="billing-api",
            image="ghcr.io/example/billing-api:v1.2.0",
            port=3000,
            replicas=3,
            readiness_path="/readyz",
            liveness_path="/livez",
            callers=(Caller(application="frontend-ui", methods=("GET",), paths=("/api/data",)),),
            egress=(Egress(host="api.stripe.com"),),
            environment={"LOG_LEVEL": "info", "BASE_PATH": "/api"},
            writable_paths=("/var/cache/billing",),
        ),
        Application(
            name="frontend-ui",
            image="ghcr.io/example/frontend-ui@sha256:" + "ab" * 32,
            port=8080,
            hosts=("app.example.com", "www.example.com"),
            stickiness=Stickiness(cookie="session", cookie_ttl_seconds=3600),
            readiness_path="/healthz",
            liveness_path="/healthz",
        ),
        Application(name="inventory-job", image="ghcr.io/example/inventory-job:v0.9.3", replicas=1, command=("run",)),
    ),
)

PAYMENTS = Namespace(
    name="payments",
    phase="permissive",
    applications=(
        Application(
            name="ledger",
            image="registry.internal.example.com/ledger:v4",
            port=8080,
            callers=(
                Caller(application="secure-apps/billing-api", methods=("GET", "POST"), paths=("/entries/*",)),
                Caller(application="legacy/reports", methods=("GET",), paths=("/entries/*",)),
            ),
            egress=(Egress(host="api.stripe.com"), Egress(host="ftp.bank.example.net", port=990, protocol="TCP")),
            stickiness=Stickiness(header="x-account"),
        ),
        Application(name="statements", workload="external", port=8443, hosts=("statements.example.com",)),
        Application(
            name="cache",
            image="docker.io/example/cache:7",
            port=6379,
            protocol="tcp",
            replicas=1,
            callers=(Caller(application="ledger"),),
        ),
        Application(
            name="vault",
            image="docker.io/example/vault:1.18",
            port=8200,
            tls="passthrough",
            hosts=("vault.example.com",),
        ),
    ),
)

LEGACY = Namespace(
    name="legacy",
    phase="outside",
    existing=True,
    pod_security="baseline",
    applications=(
        Application(
            name="reports",
            image="ghcr.io/example/reports:v7",
            port=9000,
            hosts=("reports.example.com",),
            callers=(Caller(application="payments/ledger"),),
        ),
    ),
)

NAMESPACES = (SECURE_APPS, PAYMENTS, LEGACY)


def graph(*namespaces: Namespace, plaintext_hosts: frozenset[str] = frozenset()) -> MeshGraph:
    """The calls of these namespaces; of the whole stack if none is named."""
    return MeshGraph(
        namespaces=namespaces or NAMESPACES,
        trust_domain=Mesh().trust_domain,
        plaintext_hosts=plaintext_hosts,
    )


def member(namespace: Namespace, name: str) -> Member:
    application = next(application for application in namespace.applications if application.name == name)
    return Member(namespace=namespace, application=application)
