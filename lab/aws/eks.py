"""EKS in the lab's account. The API server that the program then talks to is the lab's own, not the account's."""

from __future__ import annotations

import contextlib
from typing import Any

from lab.aws.made import Aws, Inputs, Made, Maker, given, tag_list
from lab.node.nodes import NODES

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
        created = iam.create_role(RoleName=_role_name(name), AssumeRolePolicyDocument=_TRUST_EKS)
        role_arn = created["Role"]["Arn"]
    groups = [inputs["clusterSecurityGroup"]] if isinstance(inputs.get("clusterSecurityGroup"), str) else []
    group = _cluster_group(aws, name, inputs["vpcId"])
    key, logs = inputs.get("encryptionConfigKeyArn"), inputs.get("enabledClusterLogTypes")
    cluster = aws.client("eks").create_cluster(
        name=name,
        roleArn=role_arn,
        resourcesVpcConfig=given(
            subnetIds=_subnets(inputs),
            securityGroupIds=groups,
            endpointPrivateAccess=inputs.get("endpointPrivateAccess"),
            endpointPublicAccess=inputs.get("endpointPublicAccess"),
            publicAccessCidrs=inputs.get("publicAccessCidrs"),
        ),
        **given(
            version=inputs.get("version"),
            tags=inputs.get("tags") or inputs.get("clusterTags"),
            encryptionConfig=[{"resources": ["secrets"], "provider": {"keyArn": key}}] if key else None,
            logging={"clusterLogging": [{"types": logs, "enabled": True}]} if logs else None,
        ),
    )["cluster"]
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
    iam = aws.client("iam")
    aws.client("eks").delete_cluster(name=made.id)
    aws.client("ec2").delete_security_group(GroupId=made.outputs["clusterSecurityGroupId"])
    with contextlib.suppress(iam.exceptions.NoSuchEntityException):  # the program may have given one of its own
        iam.delete_role(RoleName=_role_name(made.id))


def _role_name(cluster: str) -> str:
    return f"{cluster}-eks-role"


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
    """The lab's nodes, whatever number was asked for: instances whose interfaces have their pods' addresses."""
    ec2, name = aws.client("ec2"), inputs["clusterName"]
    made = Made(id=f"{name}:{inputs.get('nodeGroupName') or 'nodes'}")
    running = [{"Name": "instance-state-name", "Values": ["running"]}]
    owned = {"Name": f"tag:kubernetes.io/cluster/{name}", "Values": ["owned"]}
    found = ec2.describe_security_groups(Filters=[owned])["SecurityGroups"]
    # Of a launch template without a group EKS makes one with the cluster's own.
    groups = [group["GroupId"] for group in found if group["GroupName"].startswith("eks-cluster-sg-")]
    if reservations := ec2.describe_instances(Filters=running)["Reservations"]:
        # They outlived a cluster that was destroyed.
        for each in reservations:
            ec2.modify_instance_attribute(InstanceId=each["Instances"][0]["InstanceId"], Groups=groups)
        return made
    subnets = inputs["subnetIds"]
    for node in NODES:
        instance = ec2.run_instances(
            MinCount=1,
            MaxCount=1,
            SubnetId=subnets[node.number % len(subnets)],
            SecurityGroupIds=groups,
        )["Instances"][0]
        ec2.assign_private_ip_addresses(
            NetworkInterfaceId=instance["NetworkInterfaces"][0]["NetworkInterfaceId"],
            Ipv4Prefixes=[node.share(aws.pods)],
        )
    return made


def _delete_node_group(aws: Aws, inputs: Inputs, made: Made) -> None:
    """Nothing: the lab's nodes stay, and an instance keeps its id even when it was terminated."""


MAKERS: dict[str, Maker] = {
    "eks:index:Cluster": Maker(create=_component, delete=_delete_component),
    "aws:eks/nodeGroup:NodeGroup": Maker(create=_node_group, delete=_delete_node_group),
}
