"""The way in: the AWS Load Balancer Controller, and the ALB, the NLB or both with certificate, WAF and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi
import pulumi_aws as aws

from components.submission import KubernetesResource, release, submit, submit_all
from components.web_acl import WebAcl, WebAclLog
from configuration.applications import Namespace
from configuration.load_balancer import LoadBalancer as LoadBalancerSettings
from manifests.document import Document
from manifests.gateway import held_by, passthrough_hosts, terminated_hosts
from manifests.images import Images
from manifests.ingress import alb_ingress, nlb_service
from manifests.load_balancer_controller import CONTROLLER, controller_crds, controller_values
from manifests.names import KUBE_SYSTEM
from manifests.web_acl import log_group_name
from versions import LOAD_BALANCER_CONTROLLER_CHART

# The controller takes an ALB down in a few minutes and its security groups only after the last interface is gone;
# giving up earlier leaves both behind, and the VPC cannot be deleted.
_DELETE_TIMEOUT = "20m"


@dataclass(frozen=True, kw_only=True)
class LoadBalancerControllerArgs:
    region: str
    cluster_name: str
    vpc_id: pulumi.Input[str]
    images: Images
    provided: bool
    """Whether the cluster has it already, with an identity of its own."""
    after: Sequence[pulumi.Resource]
    """What its pods need to run and to reach AWS: nodes, add-ons, the way out of the VPC, its identity. On a destroy
    all of these go after it, so that it can still take its load balancers down."""
    deleted_with: pulumi.Resource | None
    """Of its CRDs alone: the cluster."""


class LoadBalancerController(pulumi.ComponentResource):
    """Never `deleted_with` the cluster: without it the finalizers of Ingress and Service would never be answered."""

    ready: tuple[pulumi.Resource, ...]
    """The controller, on which an Ingress or a load balancer's Service depends; what it would come after where it is
    somebody else's."""

    def __init__(self, name: str, args: LoadBalancerControllerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:load_balancer:LoadBalancerController", name, None, opts)
        self.ready = tuple(args.after) if args.provided else (self._install(args),)
        self.register_outputs({})

    def _install(self, args: LoadBalancerControllerArgs) -> pulumi.Resource:
        # Helm then finds them there, and leaves them alone.
        crds = submit_all(
            controller_crds(),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after), deleted_with=args.deleted_with),
        )
        return release(
            CONTROLLER,
            LOAD_BALANCER_CONTROLLER_CHART,
            namespace=KUBE_SYSTEM,
            values=controller_values(
                cluster_name=args.cluster_name, region=args.region, vpc_id=args.vpc_id, images=args.images
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(crds)),
        )


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    settings: LoadBalancerSettings
    cluster_name: str
    namespaces: tuple[Namespace, ...]
    """For the hosts of their applications. Names that are not the stack's (`Namespace.in_dns`) are left alone."""
    controller: LoadBalancerController
    after: Sequence[pulumi.Resource]
    """The gateway's Service, and with it the nodes and the way out of the VPC: a destroy takes the balancer down
    before these."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """For what the controller makes, which the AWS provider's default tags do not reach."""


class LoadBalancer(pulumi.ComponentResource):
    address: pulumi.Output[str]
    """The host name of the ALB, or of the NLB where there is no ALB."""
    passthrough_address: pulumi.Output[str]
    """The host name of the NLB; empty without one."""
    urls: pulumi.Output[list[str]]
    """Of the applications whose names lead here, in the order of the settings."""

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mesh:load_balancer:LoadBalancer", name, None, opts)
        self._args = args
        self._settings = args.settings
        in_dns = tuple(namespace for namespace in args.namespaces if namespace.in_dns)
        terminated, passed_through = terminated_hosts(in_dns), passthrough_hosts(in_dns)

        nothing = pulumi.Output.from_input("")
        alb, self.passthrough_address = nothing, nothing
        if "alb" in self._settings.entries:
            alb = self._alb()
            self._records(terminated, alb, "application")
        if "nlb" in self._settings.entries:
            self.passthrough_address = self._nlb()
            self._records(passed_through, self.passthrough_address, "network")
        self.address = alb if "alb" in self._settings.entries else self.passthrough_address
        self.urls = pulumi.Output.from_input([f"https://{host}" for host in (*terminated, *passed_through)])
        self.register_outputs(
            {"address": self.address, "passthrough_address": self.passthrough_address, "urls": self.urls}
        )

    def _child(self, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=list(depends_on))

    def _submit(self, document: Document) -> KubernetesResource:
        """An object with a cloud finalizer: never `deleted_with`, never retained, with time to go."""
        return submit(
            document,
            with_status=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*self._args.controller.ready, *self._args.after],
                custom_timeouts=pulumi.CustomTimeouts(delete=_DELETE_TIMEOUT),
            ),
        )

    def _alb(self) -> pulumi.Output[str]:
        document = alb_ingress(
            self._settings,
            certificate_arn=self._certificate_arn(),
            web_acl_arn=self._web_acl_arn(),
            tags=self._args.tags,
        )
        return self._submit(document).status.apply(_hostname)

    def _nlb(self) -> pulumi.Output[str]:
        return self._submit(nlb_service(self._settings, tags=self._args.tags)).status.apply(_hostname)

    def _certificate_arn(self) -> pulumi.Input[str]:
        if self._settings.certificate_arn:
            return self._settings.certificate_arn
        certificate = aws.acm.Certificate(
            "certificate",
            domain_name=self._settings.domain,
            subject_alternative_names=[f"*.{self._settings.domain}"],
            validation_method="DNS",
            key_algorithm="EC_prime256v1",
            opts=self._child(),
        )
        # A name and its wildcard share one validation record, so there is exactly one to make.
        option = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            "certificate-validation",
            zone_id=self._zone_id(),
            name=option.resource_record_name,
            type=option.resource_record_type,
            records=[option.resource_record_value],
            ttl=300,
            # ACM asks for the same record for each certificate of a name in an account: another stack may have made
            # it, and needs it for its renewals after this one is gone.
            # https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
            allow_overwrite=True,
            opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
        )
        validation = aws.acm.CertificateValidation(
            "certificate",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            opts=self._child(),
        )
        # Of the validation: a listener takes an issued certificate only.
        return validation.certificate_arn

    def _zone_id(self) -> str:
        if self._settings.hosted_zone_id is None:
            raise ValueError("loadBalancer.hostedZoneId is not set: settings.load() refuses a stack without it")
        return self._settings.hosted_zone_id

    def _web_acl_arn(self) -> pulumi.Input[str] | None:
        waf = self._settings.waf
        if waf is None:
            return None
        if waf.web_acl_arn:
            return waf.web_acl_arn
        acl = WebAcl("web-acl", oversize_bodies=waf.oversize_bodies, opts=self._child())
        if waf.logs:
            group = aws.cloudwatch.LogGroup(
                "web-acl",
                name=log_group_name(self._args.cluster_name),
                retention_in_days=waf.log_retention_days,
                opts=self._child(),
            )
            WebAclLog("web-acl", web_acl_arn=acl.arn, log_group_arn=group.arn, opts=self._child())
        return acl.arn

    def _records(
        self, hosts: Sequence[str], address: pulumi.Output[str], kind: Literal["application", "network"]
    ) -> None:
        """An alias for each host that the zone can hold."""
        ours = held_by(self._settings.domain, hosts)
        if self._settings.hosted_zone_id is None or not ours:
            return
        canonical = aws.lb.get_hosted_zone_id_output(
            load_balancer_type=kind, opts=pulumi.InvokeOutputOptions(parent=self)
        )
        for host in ours:
            aws.route53.Record(
                host,
                zone_id=self._settings.hosted_zone_id,
                name=host,
                type="A",
                aliases=[aws.route53.RecordAliasArgs(name=address, zone_id=canonical.id, evaluate_target_health=True)],
                opts=self._child(),
            )


def _hostname(status: Mapping[str, Any] | None) -> str:
    """The first host name in an Ingress' or a Service's status; empty while no controller has written one.

    Under the real engine there always is one: both resources are awaited until it is published.
    """
    balancer = (status or {}).get("loadBalancer") or {}
    entries = balancer.get("ingress") or ()
    return next((entry["hostname"] for entry in entries if entry.get("hostname")), "")
