"""`manifests.stack` and the components hold the same documents: what only one of them has, the other forgot."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
import yaml

from configuration.parsing import parse
from manifests.document import Document
from manifests.karpenter import Launch
from manifests.stack import StackDocuments
from meshops.plan import plan
from offline.stack_files import read_stack
from offline.values import Secret, revealed
from tests import ROOT

_ALB = "alb.ingress.kubernetes.io"
Key = tuple[str, str, str, str]

# What the shipped stacks do not say, in the form of a stack's file, so that every branch is compared.
VARIANTS: dict[str, str] = {
    "an existing namespace, one outside the mesh, applications of another pipeline": """
        namespaces:
          - name: shop
            phase: permissive
            existing: true
            applications:
              - {name: cart, port: 8080, workload: external, egress: [{host: api.example.com}],
                 callers: [{application: front}]}
              - {name: front, port: 8080, image: "example.com/front:1", hosts: [shop.dev.example.com]}
          - name: orders
            phase: permissive
            existing: true
            delivery: git
            applications:
              - {name: orders, port: 8080, servicePort: 80, service: orders-svc, workload: external, callers: [
                  {application: shop/front, methods: [GET], paths: [/orders]},
                  {application: shop/front, methods: [POST], paths: [/orders/new]}]}
          - name: old
            phase: outside
            applications: [{name: ledger, port: 9000, image: "example.com/ledger:1"}]
        """,
    "what is private: a network, a host, an endpoint of the VPC, and an identity in AWS": """
        network:
          cidr: 10.20.0.0/16
          zones: [eu-west-1a, eu-west-1b]
          interfaceEndpoints: [sts, ecr.dkr]
        namespaces:
          - name: shop
            phase: strict
            applications:
              - name: cart
                image: "example.com/cart:1"
                egress:
                  - {cidr: 10.50.0.0/24, port: 5432, protocol: TCP}
                  - {cidr: 10.20.224.8/32, port: 6379, protocol: TCP}
                  - {host: orders.internal.example.com, networks: [10.61.0.0/24]}
                  - {host: prices.internal.example.com, networks: [10.61.0.0/24], originate: true}
                  - {host: sts.eu-west-1.amazonaws.com}
                awsPolicy:
                  - {actions: ["s3:GetObject"], resources: ["arn:aws:s3:::invoices/*"]}
              - {name: elsewhere, port: 8080, workload: external, awsPolicy: [
                 {actions: ["xray:PutTraceSegments"], resources: ["*"]}]}
          - name: old
            phase: outside
            applications: [{name: ledger, image: "example.com/ledger:1", awsPolicy: [
              {actions: ["s3:GetObject"], resources: ["arn:aws:s3:::ledger/*"]}]}]
        """,
    "an existing cluster that has nothing": """
        network: {existing: {vpcId: vpc-0123456789abcdef0,
          privateSubnetIds: [subnet-00000001, subnet-00000002], publicSubnetIds: [subnet-00000003, subnet-00000004]}}
        cluster: {name: shared, existing: {}}
        """,
    "an existing cluster that has everything, and an internal CA": """
        network: {existing: {vpcId: vpc-0123456789abcdef0,
          privateSubnetIds: [subnet-00000001, subnet-00000002], publicSubnetIds: [subnet-00000003, subnet-00000004]}}
        cluster: {name: shared, existing: {loadBalancerController: true, certManager: true, metricsServer: true,
          networkPolicy: true, podIdentityAgent: true}}
        certificates: {issuer: internalCa}
        """,
    "Karpenter": """
        cluster:
          name: mesh-dev
          publicAccessCidrs: [198.51.100.0/24]
          access: [{principalArn: "arn:aws:iam::111122223333:role/deploy", policy: ClusterAdmin}]
          nodeGroup: {autoscaler: karpenter, minSize: 2, karpenter: {cpuLimit: 200}}
        """,
    "an internal CA, no tracing, and an NLB beside the ALB": """
        certificates: {issuer: internalCa}
        observability: {tracing: false}
        loadBalancer:
          domain: dev.example.com
          hostedZoneId: Z0123456789DEVEXAMPLE
          entries: [alb, nlb]
          allowedCidrs: [198.51.100.0/24]
        secrets: {key: 0123456789abcdef0123456789abcdef, values: {token: t, pin: 0042}}
        namespaces:
          - name: vault
            phase: strict
            applications:
              - {name: till, image: "example.com/till:1", environment: {
                 LEVEL: info, TOKEN: {secret: token}, PIN: {secret: pin}, URL: {secretRef: database/url}}}
              - {name: safe, port: 8443, image: "example.com/safe:1", tls: passthrough, hosts: [safe.dev.example.com]}
        """,
}


def variant(text: str) -> dict[str, Any]:
    config = {key: revealed(value) for key, value in read_stack(ROOT, "dev").config.items()}
    cluster = json.loads(config["zero-trust-mesh:cluster"])
    # Those of tenants name namespaces of the stack's own.
    cluster["access"] = [entry for entry in cluster["access"] if "namespaces" not in entry]
    config["zero-trust-mesh:cluster"] = json.dumps(cluster)
    config |= {f"zero-trust-mesh:{key}": json.dumps(value) for key, value in yaml.safe_load(text).items()}
    secrets = "zero-trust-mesh:secrets"
    return config | {key: Secret(value) for key, value in config.items() if key == secrets}


CONFIGS = {
    **{
        stack: {key: revealed(value) for key, value in read_stack(ROOT, stack).config.items()}
        for stack in ("dev", "prod", "lab")
    },
    **{name: variant(text) for name, text in VARIANTS.items()},
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_program_submits_the_documents_of_the_stack_and_no_others(name: str) -> None:
    made = plan.make("dev", directory=ROOT, config=CONFIGS[name])
    settings = made.settings
    assert settings is not None
    submitted = _by_key(json.loads(json.dumps(revealed(item.content))) for item in made.objects)
    ingress = next((item for key, item in submitted.items() if key[1] == "Ingress"), None)
    annotations: Mapping[str, str] = ingress["metadata"]["annotations"] if ingress else {}
    documents = StackDocuments(settings=settings).all(
        certificate_arn=annotations.get(f"{_ALB}/certificate-arn"),
        web_acl_arn=annotations.get(f"{_ALB}/wafv2-acl-arn"),
        launch=_launch(submitted),
        tags={**settings.tags, "environment": settings.environment, "managed-by": "pulumi"},
    )
    expected = _by_key(json.loads(json.dumps(document)) for document in documents)

    assert set(submitted) == set(expected), "every object of the program is in manifests.stack, and none besides"
    for key, content in expected.items():
        assert submitted[key] == content, key


def test_each_document_is_there_once() -> None:
    settings = parse("prod", CONFIGS["prod"])
    documents = StackDocuments(settings=settings).all(certificate_arn="arn", tags={})
    assert len(_by_key(documents)) == len(documents)


def _launch(submitted: Mapping[Key, Any]) -> Launch | None:
    """What only AWS knows, as the engine made it up."""
    spec = next((item["spec"] for key, item in submitted.items() if key[1] == "EC2NodeClass"), None)
    if spec is None:
        return None
    return Launch(
        subnet_ids=[term["id"] for term in spec["subnetSelectorTerms"]],
        security_group_id=spec["securityGroupSelectorTerms"][0]["id"],
        instance_profile=spec["instanceProfile"],
    )


def _by_key(documents: Iterable[Document]) -> dict[Key, Any]:
    """By API version, kind, namespace and name."""
    return {
        (
            item["apiVersion"],
            item["kind"],
            item["metadata"].get("namespace", ""),
            item["metadata"]["name"],
        ): item
        for item in documents
    }
