"""EKS in the lab's account. The API server that the program then talks to is the lab's own, not the account's."""

from __future__ import annotations

from typing import Any

from lab.aws.made import Aws, Inputs, Made, Maker, given, tag_list

_TRUST_EKS = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},'
    '"Action":["sts:AssumeRole","sts:TagSession"]}]}'
)


def _subnets(inputs: Inputs) -> list[str]:
    named = [*(inputs.get("subnetIds") or ())]
    apart = [*(inputs.get("privateSubnetIds") or ()), *(inputs.get("publicSubnetIds") or ())]
    return list(dict.fromkeys([*named, *apart]))


def _component(aws: Aws, inputs: Inputs) -> Made:
    """`eks:index:Cluster`, which its plugin would expand into a role, a security group and the cluster."""
    name = inputs["name"]
    role = inputs.get("serviceRole")
    role_arn = inputs.get("roleArn") or (role.get("arn") if isinstance(role, dict) else None)
    if role_arn is None:
        iam = aws.client("iam")
        created = iam.create_role(RoleName=f"{name}-eks-role", AssumeRolePolicyDocument=_TRUST_EKS)
        role_arn = created["Role"]["Arn"]
    groups = [inputs["clusterSecurityGroup"]] if isinstance(inputs.get("clusterSecurityGroup"), str) else []
    group = _cluster_group(aws, name, inputs["vpcId"])
    cluster = _create(
        aws,
        name=name,
        role_arn=role_arn,
        version=inputs.get("version"),
        key=inputs.get("encryptionConfigKeyArn"),
        logs=inputs.get("enabledClusterLogTypes"),
        tags=inputs.get("tags") or inputs.get("clusterTags"),
        network={
            "subnetIds": _subnets(inputs),
            "securityGroupIds": groups,
            "endpointPrivateAccess": inputs.get("endpointPrivateAccess"),
            "endpointPublicAccess": inputs.get("endpointPublicAccess"),
            "publicAccessCidrs": inputs.get("publicAccessCidrs"),
        },
    )
    return Made(id=name, outputs={**_outputs(cluster, group), "vpcId": inputs["vpcId"]})


def _cluster_group(aws: Aws, name: str, vpc: str) -> str:
    """The group that EKS itself makes for the nodes; the stand-in does not."""
    ec2 = aws.client("ec2")
    return ec2.create_security_group(
        GroupName=f"eks-cluster-sg-{name}",
        Description="EKS created security group applied to ENI that is attached to EKS Control Plane master nodes",
        VpcId=vpc,
        TagSpecifications=[
            {"ResourceType": "security-group", "Tags": tag_list({f"kubernetes.io/cluster/{name}": "owned"})}
        ],
    )["GroupId"]


def _delete_component(aws: Aws, inputs: Inputs, made: Made) -> None:
    aws.client("eks").delete_cluster(name=made.id)
    aws.client("ec2").delete_security_group(GroupId=made.outputs["clusterSecurityGroupId"])


def _plain_cluster(aws: Aws, inputs: Inputs) -> Made:
    """`aws.eks.Cluster`."""
    network = dict(inputs.get("vpcConfig") or {})
    ec2 = aws.client("ec2")
    subnets = ec2.describe_subnets(SubnetIds=network["subnetIds"])["Subnets"]
    group = _cluster_group(aws, inputs["name"], subnets[0]["VpcId"])
    encryption = inputs.get("encryptionConfig") or {}
    cluster = _create(
        aws,
        name=inputs["name"],
        role_arn=inputs["roleArn"],
        version=inputs.get("version"),
        key=(encryption.get("provider") or {}).get("keyArn"),
        logs=inputs.get("enabledClusterLogTypes"),
        tags=inputs.get("tags"),
        network=network,
    )
    return Made(
        id=inputs["name"],
        outputs={
            **_outputs(cluster, group),
            "vpcConfig": {**network, "vpcId": subnets[0]["VpcId"], "clusterSecurityGroupId": group},
        },
    )


def _create(
    aws: Aws,
    *,
    name: str,
    role_arn: str,
    version: str | None,
    key: str | None,
    logs: list[str] | None,
    tags: dict[str, str] | None,
    network: dict[str, Any],
) -> dict[str, Any]:
    allowed = (
        "subnetIds",
        "securityGroupIds",
        "endpointPrivateAccess",
        "endpointPublicAccess",
        "publicAccessCidrs",
    )
    return aws.client("eks").create_cluster(
        name=name,
        roleArn=role_arn,
        resourcesVpcConfig=given(**{name: network.get(name) for name in allowed}),
        **given(
            version=version,
            tags=tags,
            encryptionConfig=[{"resources": ["secrets"], "provider": {"keyArn": key}}] if key else None,
            logging={"clusterLogging": [{"types": logs, "enabled": True}]} if logs else None,
        ),
    )["cluster"]


def _outputs(cluster: dict[str, Any], group: str) -> dict[str, Any]:
    issuer = cluster["identity"]["oidc"]["issuer"]
    return {
        "arn": cluster["arn"],
        "name": cluster["name"],
        "endpoint": cluster["endpoint"],
        "status": cluster["status"],
        "platformVersion": cluster["platformVersion"],
        "version": cluster["version"],
        "certificateAuthority": cluster["certificateAuthority"],
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "clusterSecurityGroupId": group,
        "nodeSecurityGroupId": group,
        "oidcIssuer": issuer.removeprefix("https://"),
    }


def _node_group(aws: Aws, inputs: Inputs) -> Made:
    """`aws.eks.NodeGroup`; its nodes do not exist: pods run on the lab's one node."""
    cluster = inputs["clusterName"]
    name = inputs.get("nodeGroupName") or f"{inputs.get('nodeGroupNamePrefix') or 'nodes'}"
    template = inputs.get("launchTemplate")
    group = aws.client("eks").create_nodegroup(
        clusterName=cluster,
        nodegroupName=name,
        nodeRole=inputs["nodeRoleArn"],
        subnets=list(inputs["subnetIds"]),
        **given(
            scalingConfig={key: int(value) for key, value in (inputs.get("scalingConfig") or {}).items()} or None,
            instanceTypes=inputs.get("instanceTypes"),
            amiType=inputs.get("amiType"),
            capacityType=inputs.get("capacityType"),
            labels=inputs.get("labels"),
            tags=inputs.get("tags"),
            version=inputs.get("version"),
            launchTemplate={key: str(value) for key, value in template.items() if key in ("id", "name", "version")}
            if template
            else None,
        ),
    )["nodegroup"]
    return Made(
        id=f"{cluster}:{name}",
        outputs={
            "arn": group["nodegroupArn"],
            "status": group["status"],
            "nodeGroupName": name,
            "version": group.get("version", ""),
            "resources": [],
        },
    )


def _delete_node_group(aws: Aws, inputs: Inputs, made: Made) -> None:
    cluster, name = made.id.split(":")
    aws.client("eks").delete_nodegroup(clusterName=cluster, nodegroupName=name)


MAKERS: dict[str, Maker] = {
    "eks:index:Cluster": Maker(create=_component, delete=_delete_component),
    "aws:eks/cluster:Cluster": Maker(create=_plain_cluster, delete=_delete_component),
    "aws:eks/nodeGroup:NodeGroup": Maker(create=_node_group, delete=_delete_node_group),
}
