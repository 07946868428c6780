"""What the lab builds and runs, against what the stack pins: the source of the report's differences."""

from __future__ import annotations

from dataclasses import dataclass

# The versions of the modules are in toolchain/go.mod; these are what the programs say of themselves.
KUBERNETES = "v1.36.3"
CERT_MANAGER = "v1.21.2"
# Of toolchain/container_runtime/go.mod.
CONTAINERD = "v2.4.2"
RUNC = "v1.5.2"
# The module proxy has no release of Istio, only this commit of its main branch; the version is its own file's.
ISTIO = "1.31-dev"
ISTIO_COMMIT = "eed52ebb66ad"
# Nor has it a release of this one: its repository is no module of its own name.
LOAD_BALANCER_CONTROLLER = "v3.2.2"
LOAD_BALANCER_CONTROLLER_COMMIT = "93ff3b5fdaad"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One way in which the lab is not the real thing; `part` is what it concerns."""

    part: str
    lab: str
    real: str


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        part="Kubernetes",
        lab=f"API server, controller manager, scheduler and kubelets {KUBERNETES}, built from the module",
        real="EKS at the stack's version",
    ),
    Difference(
        part="Nodes",
        lab=f"two, each with kubelet, containerd {CONTAINERD}, runc {RUNC}, namespaces and a file system of its own, "
        "on one kernel; both say that they have eight processors and this machine's memory; one network namespace, "
        "and in it one kube-proxy, is both nodes'",
        real="EC2 instances",
    ),
    Difference(
        part="Images",
        lab="made by the lab of its own programs, this machine's files and the libraries that those need, and given "
        "out by a registry of its own in the place of every other; what it does not have, nobody can pull",
        real="the published images",
    ),
    Difference(
        part="Istio",
        lab=f"programs and charts (version 1.0.0) of main-branch commit {ISTIO_COMMIT} of 2026-08-27, {ISTIO}; "
        "API modules 1.31.1",
        real="the stack's Istio release",
    ),
    Difference(
        part="Istio telemetry",
        lab="chart value telemetry.enabled=false, and the ALPN and metadata-exchange filters off in istiod's "
        "environment: upstream Envoy lacks Istio's own filters",
        real="istio_requests_total and the other standard metrics",
    ),
    Difference(
        part="Metrics",
        lab="metrics-server v0.9.0 with its own chart, every 10 s; what a node uses is this machine's",
        real="the EKS add-on metrics-server, every 15 s",
    ),
    Difference(
        part="cert-manager",
        lab=f"{CERT_MANAGER}: its webhook, CA injector, API check and the controllers for SelfSigned and CA "
        "issuers under a main of the lab's own; no ACME, Vault or Venafi, no leader election",
        real="the released images",
    ),
    Difference(
        part="AWS Load Balancer Controller",
        lab=f"program and chart {LOAD_BALANCER_CONTROLLER}, main-branch commit {LOAD_BALANCER_CONTROLLER_COMMIT} of "
        "2026-04-23, against moto; placeholder credentials and moto's address in its environment",
        real="the stack's chart; credentials by EKS Pod Identity, AWS by its names",
    ),
    Difference(
        part="The nodes in EC2",
        lab="two instances of moto's, whatever the node groups ask for; their interfaces have their pods' ranges as "
        "prefixes, which are not of the VPC, so that targets are registered for all zones",
        real="an instance for each node, addresses or prefixes of its subnet",
    ),
    Difference(
        part="ALB and NLB",
        lab="one Envoy of this machine, told by moto's state: without rules of listeners, WAF, access logs and client "
        "addresses kept by an NLB; a client outside inbound-cidrs is hung up on; a target whose TLS handshake takes "
        "over 10 s gives 504 where an ALB gives 502",
        real="Elastic Load Balancing",
    ),
    Difference(
        part="The ACM certificate",
        lab="moto's, an RSA key whatever was asked for, requested as exportable: the Envoy in a load balancer's place "
        "needs it",
        real="ACM's own, which no one but AWS's services can use",
    ),
    Difference(
        part="Pods' network",
        lab="laid out as the VPC CNI does (each pod an address of its own, routed through the node), by the "
        f"CNI project's plugins ptp and host-local, with kube-proxy {KUBERNETES} in nftables mode; a pod sees its node "
        "under an address of the pods' range",
        real="Amazon VPC CNI and the add-on's kube-proxy",
    ),
    Difference(
        part="NetworkPolicies",
        lab="enforced by lab-netpol, a program of the lab's own, by nftables on the node, after Service addresses are "
        "translated; a range of the VPC means what stands in its place here. Kubernetes' own tests of them pass (make "
        "netpol-conformance)",
        real="the VPC CNI's agent, by eBPF at each pod's interface, before they are translated",
    ),
    Difference(
        part="Cluster DNS",
        lab="CoreDNS v1.14.2, one pod; whatever name is not the cluster's and is looked up has the internet's address",
        real="the EKS add-on coredns, which asks the VPC's resolver",
    ),
    Difference(
        part="DNS firewall",
        lab="CoreDNS refuses what is not in the stack's list of names; it knows no CNAMEs, and a process that asks no "
        "CoreDNS finds no resolver at all",
        real="Route 53 Resolver DNS Firewall on the VPC's resolver, with the same list",
    ),
    Difference(
        part="The nodes' file systems",
        lab="this machine's programs and libraries, read-only, its /dev and control groups; the rest is the lab's own",
        real="Amazon Linux",
    ),
    Difference(
        part="The internet",
        lab="one server of the lab's that answers for every public address with certificates of its own authority; "
        "nothing leaves this machine",
        real="the real one, through the VPC's NAT gateway",
    ),
)
