"""What a stack's settings give up compared with the strictest form, each by name.

Nothing here is an error: these are decisions that somebody may take, and that a reviewer and an auditor must see.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import collapse_addresses

from configuration.admission import Admission
from configuration.applications import Application, Namespace, qualified
from configuration.kinds.images import PUBLIC_HOSTS, split_host
from configuration.kinds.weakening import Weakening as Weakening
from configuration.leaving.weakenings import leaving
from configuration.load_balancer import Waf
from configuration.rules.aws import is_nearly_everyone
from configuration.rules.each import path_of
from configuration.settings import Settings

_WORKING_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
_LASTING_DAYS = 30
"""An attack is often found weeks later: logs that are gone by then show nothing."""


def weakenings(settings: Settings) -> tuple[Weakening, ...]:
    """Every weakening of a stack, in the order of its settings."""
    return (
        *_network(settings),
        *_cluster(settings),
        *_mesh(settings),
        *_way_in(settings),
        *_observability(settings),
        *_admission(settings.admission),
        *_policies(settings),
        *(found for namespace in settings.namespaces for found in _namespace(settings, namespace)),
    )


def _network(settings: Settings) -> Iterator[Weakening]:
    if settings.network.nat == "single" and not settings.network.existing:
        yield Weakening(
            path="network.nat", value="single", effect="When its zone fails, no node of any zone reaches the internet."
        )
    firewall = settings.network.dns_firewall
    if firewall is None:
        yield Weakening(
            path="network.dnsFirewall",
            value="(not set)",
            effect="Every name is looked up: what may connect to nobody can still tell the owner of a domain, name by "
            "name.",
        )
    for name in firewall.allowed_names if firewall else ():
        if name.startswith("*."):
            yield Weakening(
                path="network.dnsFirewall.allowedNames",
                value=name,
                effect="Whoever owns this zone reads every name that is asked for in it.",
            )
    if settings.network.flow_log_retention_days < _LASTING_DAYS and not settings.network.existing:
        yield Weakening(
            path="network.flowLogRetentionDays",
            value=str(settings.network.flow_log_retention_days),
            effect="Who spoke to whom is gone after so many days.",
        )


def _cluster(settings: Settings) -> Iterator[Weakening]:
    cluster = settings.cluster
    if cluster.existing:
        yield Weakening(
            path="cluster.existing",
            value=cluster.name,
            effect="Its owner says whether its API server keeps an audit log: what tenants do may leave no trace.",
        )
        if not cluster.existing.network_policy:
            yield Weakening(
                path="cluster.existing.networkPolicy",
                value="false",
                effect="Nothing enforces NetworkPolicies: what bypasses its sidecar is held back by nobody.",
            )
        return
    if cluster.public_access_cidrs:
        cidrs = ", ".join(map(str, cluster.public_access_cidrs))
        yield Weakening(
            path="cluster.publicAccessCidrs", value=cidrs, effect="The API server can be reached from these networks."
        )
    if not cluster.deletion_protection:
        yield Weakening(path="cluster.deletionProtection", value="false", effect="One API call deletes the cluster.")
    missing = [name for name in ("api", "audit", "authenticator") if name not in cluster.logs]
    if missing:
        yield Weakening(
            path="cluster.logs",
            value=", ".join(cluster.logs) or "[]",
            effect=f"The control plane keeps no {', '.join(missing)} log.",
        )
    if cluster.log_retention_days < _LASTING_DAYS:
        yield Weakening(
            path="cluster.logRetentionDays",
            value=str(cluster.log_retention_days),
            effect="Audit lines, the API server's and the sidecars', are gone after so many days.",
        )
    for entry in cluster.access:
        if entry.policy == "ClusterAdmin":
            yield Weakening(
                path="cluster.access",
                value=entry.principal_arn,
                effect="This principal may change every policy of the mesh.",
            )
        if entry.policy == "Edit" and not entry.namespaces:
            yield Weakening(
                path="cluster.access",
                value=entry.principal_arn,
                effect="This principal changes workloads and reads secrets in every namespace of the stack.",
            )
        if entry.policy == "Admin":
            yield Weakening(
                path="cluster.access",
                value=entry.principal_arn,
                effect="EKS's own role has exec, port-forward, NetworkPolicies and service accounts, and may "
                "impersonate these: admission alone stops what it does in the mesh.",
            )


def _mesh(settings: Settings) -> Iterator[Weakening]:
    if settings.mesh.peer_authentication == "PERMISSIVE":
        yield Weakening(
            path="mesh.peerAuthentication",
            value="PERMISSIVE",
            effect="The mesh-wide default is held open: a namespace without a policy of its own accepts plaintext.",
        )
    for service in settings.mesh.plaintext_services:
        yield Weakening(
            path="mesh.plaintextServices",
            value=service.host,
            effect=f"Meshed pods call it in plaintext: {service.reason}",
        )
    for network in settings.mesh.issuer_networks:
        yield Weakening(
            path="mesh.issuerNetworks",
            value=str(network),
            effect="istiod may be made to call addresses of this network.",
        )


def _way_in(settings: Settings) -> Iterator[Weakening]:
    balancer = settings.load_balancer
    if "1-2" in balancer.ssl_policy:
        yield Weakening(
            path="loadBalancer.sslPolicy", value=balancer.ssl_policy, effect="Clients may still connect with TLS 1.2."
        )
    if "-PQ-" not in balancer.ssl_policy:
        yield Weakening(
            path="loadBalancer.sslPolicy",
            value=balancer.ssl_policy,
            effect="No post-quantum key exchange: traffic recorded today may be read one day.",
        )
    if is_nearly_everyone(balancer.allowed_cidrs):
        guard = "a WAF stands before it" if balancer.waf else "no WAF stands before it"
        # However it is written: 0.0.0.0/1 and 128.0.0.0/1 are everyone too.
        cidrs = ", ".join(map(str, collapse_addresses(balancer.allowed_cidrs)))
        yield Weakening(path="loadBalancer.allowedCidrs", value=cidrs, effect=f"Everyone may connect; {guard}.")
    if balancer.waf and "nlb" in balancer.entries:
        yield Weakening(
            path="loadBalancer.entries",
            value="nlb",
            effect="The WAF stands before the ALB: whoever comes by the NLB passes none.",
        )
    yield from _waf(balancer.waf)
    if not balancer.access_logs:
        yield Weakening(
            path="loadBalancer.accessLogs", value="(not set)", effect="The load balancer keeps no access log."
        )
    if not balancer.deletion_protection:
        yield Weakening(
            path="loadBalancer.deletionProtection", value="false", effect="One API call deletes the load balancer."
        )
    if settings.image_registry is None:
        yield Weakening(
            path="imageRegistry",
            value="(not set)",
            effect="Nodes pull images from public registries, through any proxy that stands between (trap 6).",
        )


def _waf(waf: Waf | None) -> Iterator[Weakening]:
    if waf is None or waf.web_acl_arn:
        return
    if waf.oversize_bodies == "pass":
        yield Weakening(
            path="loadBalancer.waf.oversizeBodies",
            value="pass",
            effect="The WAF sees the first 8 KiB of a body: an attack that begins later passes it.",
        )
    if not waf.logs:
        yield Weakening(
            path="loadBalancer.waf.logs", value="false", effect="Nobody can say later what the WAF refused, and why."
        )
    elif waf.log_retention_days < _LASTING_DAYS:
        yield Weakening(
            path="loadBalancer.waf.logRetentionDays",
            value=str(waf.log_retention_days),
            effect="What the WAF refused is gone after so many days.",
        )


def _observability(settings: Settings) -> Iterator[Weakening]:
    if not settings.observability.container_logs:
        yield Weakening(
            path="observability.containerLogs",
            value="false",
            effect="The sidecars' audit lines stay on the nodes and are lost with them.",
        )
    if not settings.observability.tracing:
        yield Weakening(path="observability.tracing", value="false", effect="No request can be followed across pods.")


def _admission(admission: Admission) -> Iterator[Weakening]:
    for identity in admission.deployers:
        yield Weakening(
            path="admission.deployers", value=identity, effect="No policy of the API server holds for this identity."
        )
    for identity in admission.pod_makers:
        yield Weakening(
            path="admission.podMakers",
            value=identity,
            effect="It makes pods from what no policy has looked at: its own sidecar may pass for istiod's.",
        )
    for path, allowed, effect in (
        ("exec", admission.exec, "Tenants run commands in pods, as the sidecar too, without a line in the access log."),
        ("portForward", admission.port_forward, "Tenants reach pods past their sidecars and every policy."),
        ("debugContainers", admission.debug_containers, "Tenants put containers of their choice into running pods."),
        (
            "istioElsewhere",
            admission.istio_elsewhere,
            "Who may write Istio's kinds in a namespace outside the stack may take over routes of the whole mesh.",
        ),
    ):
        if allowed:
            yield Weakening(path=f"admission.{path}", value="true", effect=effect)


def _policies(settings: Settings) -> Iterator[Weakening]:
    if settings.retirement:
        yield Weakening(
            path="retirement.until",
            value=str(settings.retirement.until),
            effect=f"Until then its protection may be off: {settings.retirement.reason}",
        )
    for suppression in settings.policy_suppressions:
        yield Weakening(
            path="policySuppressions",
            value=f"{suppression.rule} {suppression.resource}",
            effect=f"This finding stands until {suppression.expires}: {suppression.reason}",
        )


def _namespace(settings: Settings, namespace: Namespace) -> Iterator[Weakening]:
    path = f"namespaces[{namespace.name}]"
    if namespace.phase == "outside":
        yield Weakening(
            path=f"{path}.phase",
            value="outside",
            effect="Its traffic is plaintext, has no identity and no policy; the mesh calls it in plaintext.",
        )
    if not namespace.in_mesh and namespace.in_dns and any(one.hosts for one in namespace.applications):
        yield Weakening(
            path=f"{path}.dnsRecords",
            value=namespace.dns_records,
            effect="Its public names lead here still: from the gateway to its pods there is no mTLS and no policy.",
        )
    if namespace.phase == "permissive":
        yield Weakening(path=f"{path}.phase", value="permissive", effect="Its pods still accept plaintext beside mTLS.")
    if namespace.pod_security != "restricted":
        yield Weakening(
            path=f"{path}.podSecurity",
            value=namespace.pod_security,
            effect="Pods may run with more rights than the restricted standard allows; one that runs as root may "
            "become the sidecar's user and leave the mesh.",
        )
    if namespace.in_mesh and namespace.admission != "enforce":
        yield Weakening(
            path=f"{path}.admission",
            value=namespace.admission,
            effect="Whoever may make pods in it may leave the mesh, or take the place of an application.",
        )
    if namespace.shadowed:
        yield Weakening(
            path=f"{path}.authorization",
            value="shadow",
            effect="Its policies refuse nobody: whoever reaches a port of an application may ask for everything.",
        )
    if namespace.in_mesh and namespace.image_users:
        yield Weakening(
            path=f"{path}.imageUsers",
            value="true",
            effect="An image may run as the sidecar's user, whose traffic is not captured.",
        )
    for application in namespace.applications:
        yield from _application(settings, namespace, application)


def _application(settings: Settings, namespace: Namespace, application: Application) -> Iterator[Weakening]:
    path = path_of(namespace, application)
    outside = {other.name for other in settings.namespaces if other.phase == "outside"}
    for caller in application.callers:
        home = qualified(caller.application, namespace.name).partition("/")[0]
        every_method = not caller.methods or {*caller.methods} >= _WORKING_METHODS
        every_path = not caller.paths or not {"/*", "/{**}"}.isdisjoint(caller.paths)
        if not application.opaque and (every_method or every_path):
            what = "method and path" if every_method and every_path else "method" if every_method else "path"
            yield Weakening(
                path=f"{path}.callers", value=caller.application, effect=f"This caller may use every {what}."
            )
        if home in outside and namespace.in_mesh:
            yield Weakening(
                path=f"{path}.callers",
                value=caller.application,
                effect="The caller is outside the mesh: anybody's plaintext may use what is declared for it.",
            )
    if settings.image_registry and application.image and split_host(application.image)[0] not in PUBLIC_HOSTS:
        yield Weakening(
            path=f"{path}.image",
            value=application.image,
            effect="It comes from this registry itself: imageRegistry stands in for the public ones only.",
        )
    if application.accepted_service_accounts:
        yield Weakening(
            path=f"{path}.acceptedServiceAccounts",
            value=", ".join(application.accepted_service_accounts),
            effect="Pods under these service accounts pass for this application too.",
        )
    yield from leaving(
        application.egress,
        application.aws_policy,
        path=path,
        existing_network=settings.network.existing is not None,
    )
    if application.hosts:
        yield from _users(namespace, application, path)
    if application.protocol == "tcp":
        # Envoy, network RBAC filter (enforcement_type): rules are judged when the first byte comes, not when the
        # connection does.
        yield Weakening(
            path=f"{path}.protocol",
            value="tcp",
            effect="A policy is judged at the client's first byte: a server that speaks first (MySQL, SMTP, SSH) has "
            "greeted any identity of the mesh before it is refused.",
        )
    if application.tls == "passthrough":
        yield Weakening(
            path=f"{path}.tls",
            value="passthrough",
            effect="The mesh sees an opaque stream: who may connect is checked, what is asked for is not.",
        )


def _users(namespace: Namespace, application: Application, path: str) -> Iterator[Weakening]:
    """What a public application does not ask of its users."""
    authentication = application.authentication
    if authentication is None:
        # No mistake by itself: a public site, or one with a login of its own, is meant to be so. But it must be seen.
        yield Weakening(
            path=f"{path}.hosts",
            value=", ".join(application.hosts),
            effect="Public: whoever reaches the load balancer reaches it; the mesh asks for no user's token.",
        )
        return
    if namespace.phase == "permissive":
        yield Weakening(
            path=f"{path}.authentication",
            value=namespace.phase,
            effect="A pod of it that has no sidecar yet asks nobody for a token.",
        )
    for exempt in authentication.except_paths:
        yield Weakening(path=f"{path}.authentication.exceptPaths", value=exempt, effect="Everybody may ask for it.")
    for source in authentication.token_sources:
        if source.query:
            yield Weakening(
                path=f"{path}.authentication.tokenSources",
                value=source.query,
                effect="Tokens travel in the query and stay in the load balancer's log and in browsers' histories.",
            )
    if authentication.forward_original_token:
        yield Weakening(
            path=f"{path}.authentication.forwardOriginalToken",
            value="true",
            effect="The application holds its users' tokens and can act as them wherever they are taken.",
        )
