// What a user of AWS CDK would write for a cluster with the same parts (no applications, no policies of the mesh).
const cdk = require("aws-cdk-lib");
const eks = require("aws-cdk-lib/aws-eks");
const blueprints = require("@aws-quickstart/eks-blueprints");

const app = new cdk.App();
blueprints.EksBlueprint.builder()
  .account("111122223333")
  .region("eu-west-1")
  .version(eks.KubernetesVersion.V1_33)
  .addOns(
    new blueprints.addons.VpcCniAddOn({ version: "v1.20.1-eksbuild.3" }),
    new blueprints.addons.CoreDnsAddOn("v1.12.2-eksbuild.4"),
    new blueprints.addons.KubeProxyAddOn("v1.33.3-eksbuild.4"),
    new blueprints.addons.AwsLoadBalancerControllerAddOn(),
    new blueprints.addons.CertManagerAddOn(),
    new blueprints.addons.IstioBaseAddOn(),
    new blueprints.addons.IstioControlPlaneAddOn(),
  )
  .build(app, "mesh");
