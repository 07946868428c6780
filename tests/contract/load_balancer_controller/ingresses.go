package main

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/annotations"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/aws/services"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/config"
	elbv2deploy "sigs.k8s.io/aws-load-balancer-controller/pkg/deploy/elbv2"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/deploy/tracking"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/ingress"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/metrics/lbc"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/model/ec2"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/model/elbv2"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/model/wafv2"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/networking"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The controller's flags as they are when its chart does not set them.
const (
	defaultPolicy     = "ELBSecurityPolicy-2016-08"
	defaultTargetType = string(elbv2.TargetTypeInstance)
	defaultScheme     = string(elbv2.LoadBalancerSchemeInternal)
)

// made is the load balancer that an Ingress would become, or why it would not.
type made struct {
	Error       string            `json:"error,omitempty"`
	Scheme      string            `json:"scheme,omitempty"`
	Listeners   []listener        `json:"listeners,omitempty"`
	Allowed     []string          `json:"allowed,omitempty"` // address ranges; nil where the groups are the user's own
	Attributes  map[string]string `json:"attributes,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	WebACL      string            `json:"web_acl,omitempty"`
	TargetGroup *targetGroup      `json:"target_group,omitempty"`
}

type listener struct {
	Port         int32    `json:"port"`
	Protocol     string   `json:"protocol"`
	Policy       string   `json:"policy,omitempty"`
	Certificates []string `json:"certificates,omitempty"`
	Action       string   `json:"action"` // "forward", "redirect 443" or another's type
}

type targetGroup struct {
	Type       string            `json:"type"`
	Protocol   string            `json:"protocol"`
	Version    string            `json:"version"`
	Health     string            `json:"health"` // protocol:port path
	Codes      string            `json:"codes"`
	Interval   int32             `json:"interval"`
	Timeout    int32             `json:"timeout"`
	Healthy    int32             `json:"healthy"`
	Unhealthy  int32             `json:"unhealthy"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

func modelOf(notes map[string]string) made {
	parser := annotations.NewSuffixAnnotationParser(annotations.AnnotationPrefixIngress)
	auth := ingress.NewDefaultAuthConfigBuilder(parser)
	one := layout{Cluster: "mesh", Scheme: notes["alb.ingress.kubernetes.io/scheme"], Subnets: []subnet{
		roles("subnet-1", "eu-west-1a"), roles("subnet-2", "eu-west-1b"),
	}}
	builder := ingress.NewDefaultModelBuilder(
		gateways{}, record.NewFakeRecorder(1), account{layout: one}, nil, nil, noCertificates{}, parser, subnetsOf(one), auth,
		ingress.NewDefaultEnhancedBackendBuilder(gateways{}, parser, auth, true, true),
		tracking.NewDefaultProvider("ingress.k8s.aws", one.Cluster), nothingYet{}, config.NewFeatureGates(),
		vpcID, one.Cluster, nil, nil, defaultPolicy, defaultTargetType, defaultScheme,
		backendGroup{}, groups{}, true, true, false, nil, true, nil, logr.Discard(), lbc.NewMockCollector(),
	)
	key := types.NamespacedName{Namespace: "istio-ingress", Name: "istio-ingressgateway"}
	member := &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Annotations: notes},
		Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
			Name: key.Name, Port: networkingv1.ServiceBackendPort{Number: 443},
		}}},
	}
	stack, balancer, _, _, _, _, err := builder.Build(context.Background(), ingress.Group{
		ID: ingress.NewGroupIDForImplicitGroup(key), Members: []ingress.ClassifiedIngress{{Ing: member}},
	}, lbc.NewMockCollector())
	if err != nil {
		return made{Error: err.Error()}
	}
	answer := made{
		Scheme: string(balancer.Spec.Scheme), Attributes: map[string]string{}, Tags: balancer.Spec.Tags,
	}
	for _, each := range balancer.Spec.LoadBalancerAttributes {
		answer.Attributes[each.Key] = each.Value
	}
	var listeners []*elbv2.Listener
	exitOn(stack.ListResources(&listeners))
	for _, each := range listeners {
		answer.Listeners = append(answer.Listeners, listenerOf(each))
	}
	slices.SortFunc(answer.Listeners, func(a, b listener) int { return int(a.Port - b.Port) })
	answer.Allowed = allowed(stack)
	var associations []*wafv2.WebACLAssociation
	exitOn(stack.ListResources(&associations))
	for _, each := range associations {
		answer.WebACL = each.Spec.WebACLARN
	}
	var targets []*elbv2.TargetGroup
	exitOn(stack.ListResources(&targets))
	for _, each := range targets {
		answer.TargetGroup = targetGroupOf(each)
	}
	return answer
}

func listenerOf(each *elbv2.Listener) listener {
	one := listener{Port: each.Spec.Port, Protocol: string(each.Spec.Protocol), Policy: aws.ToString(each.Spec.SSLPolicy)}
	for _, certificate := range each.Spec.Certificates {
		one.Certificates = append(one.Certificates, aws.ToString(certificate.CertificateARN))
	}
	last := each.Spec.DefaultActions[len(each.Spec.DefaultActions)-1]
	one.Action = string(last.Type)
	if last.RedirectConfig != nil {
		one.Action += " " + aws.ToString(last.RedirectConfig.Port)
	}
	return one
}

func allowed(stack interface{ ListResources(any) error }) []string {
	var found []*ec2.SecurityGroup
	exitOn(stack.ListResources(&found))
	ranges := []string{}
	for _, group := range found {
		for _, permission := range group.Spec.Ingress {
			for _, each := range permission.IPRanges {
				ranges = append(ranges, each.CIDRIP)
			}
			for _, each := range permission.IPv6Range {
				ranges = append(ranges, each.CIDRIPv6)
			}
		}
	}
	slices.Sort(ranges)
	return slices.Compact(ranges)
}

func targetGroupOf(each *elbv2.TargetGroup) *targetGroup {
	health := each.Spec.HealthCheckConfig
	one := &targetGroup{
		Type: string(each.Spec.TargetType), Protocol: string(each.Spec.Protocol), Version: string(*each.Spec.ProtocolVersion),
		Health:   string(health.Protocol) + ":" + health.Port.String() + " " + aws.ToString(health.Path),
		Codes:    aws.ToString(health.Matcher.HTTPCode) + aws.ToString(health.Matcher.GRPCCode),
		Interval: aws.ToInt32(health.IntervalSeconds), Timeout: aws.ToInt32(health.TimeoutSeconds),
		Healthy: aws.ToInt32(health.HealthyThresholdCount), Unhealthy: aws.ToInt32(health.UnhealthyThresholdCount),
		Attributes: map[string]string{},
	}
	for _, attribute := range each.Spec.TargetGroupAttributes {
		one.Attributes[attribute.Key] = attribute.Value
	}
	return one
}

func roles(id, zone string) subnet {
	return subnet{ID: id, Zone: zone, Locale: "availability-zone", Free: 100, Tags: map[string]string{
		"kubernetes.io/role/elb": "1", "kubernetes.io/role/internal-elb": "1",
	}}
}

// gateways is a cluster with the gateway's Service in it.
type gateways struct{ client.Client }

func (gateways) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	*into.(*corev1.Service) = corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: types.UID("1")},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{
			{Name: "https", Port: 443, TargetPort: intstr.FromInt32(8443)},
			{Name: "status-port", Port: 15021, TargetPort: intstr.FromInt32(15021)},
		}},
	}
	return nil
}

// nothingYet is an account without load balancers.
type nothingYet struct{ elbv2deploy.TaggingManager }

func (nothingYet) ListLoadBalancers(context.Context, ...tracking.TagFilter) ([]elbv2deploy.LoadBalancerWithTags, error) {
	return nil, nil
}

// noCertificates is ACM before anybody asked it for a certificate.
type noCertificates struct{ services.ACM }

func (noCertificates) ListCertificatesAsList(context.Context, *acm.ListCertificatesInput) ([]acmtypes.CertificateSummary, error) {
	return nil, nil
}

type backendGroup struct{ networking.BackendSGProvider }

func (backendGroup) Get(context.Context, networking.ResourceType, []types.NamespacedName) (string, error) {
	return "sg-backend", nil
}

// groups knows a security group by its id only.
type groups struct{}

func (groups) ResolveViaNameOrID(_ context.Context, asked []string) ([]string, error) {
	for _, each := range asked {
		if !strings.HasPrefix(each, "sg-") {
			return nil, errUnknownGroup(each)
		}
	}
	return asked, nil
}

type errUnknownGroup string

func (e errUnknownGroup) Error() string {
	return "couldn't find security group " + strconv.Quote(string(e))
}
