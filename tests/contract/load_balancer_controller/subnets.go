package main

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/go-logr/logr"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/aws/services"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/config"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/model/elbv2"
	"sigs.k8s.io/aws-load-balancer-controller/pkg/networking"
)

const vpcID = "vpc-1"

type subnet struct {
	ID     string            `json:"id"`
	Zone   string            `json:"zone"`
	Locale string            `json:"locale"`
	Free   int32             `json:"free"`
	Public bool              `json:"public"` // whether its routes lead to an internet gateway
	Tags   map[string]string `json:"tags"`
}

type layout struct {
	Cluster string   `json:"cluster"`
	Scheme  string   `json:"scheme"`
	Type    string   `json:"type"`
	Subnets []subnet `json:"subnets"`
}

type answer struct {
	Chosen []string `json:"chosen,omitempty"`
	Error  string   `json:"error,omitempty"`
}

func decide(one layout) answer {
	chosen, err := subnetsOf(one).ResolveViaDiscovery(context.Background(),
		networking.WithSubnetsResolveLBType(elbv2.LoadBalancerType(one.Type)),
		networking.WithSubnetsResolveLBScheme(elbv2.LoadBalancerScheme(one.Scheme)),
	)
	if err != nil {
		return answer{Error: err.Error()}
	}
	var ids []string
	for _, each := range chosen {
		ids = append(ids, aws.ToString(each.SubnetId))
	}
	slices.Sort(ids)
	return answer{Chosen: ids}
}

func subnetsOf(one layout) networking.SubnetsResolver {
	features := config.NewFeatureGates()
	return networking.NewDefaultSubnetsResolver(
		zones{one}, account{layout: one}, vpcID, one.Cluster,
		features.Enabled(config.SubnetsClusterTagCheck),
		features.Enabled(config.ALBSingleSubnet),
		features.Enabled(config.SubnetDiscoveryByReachability),
		logr.Discard(),
	)
}

// account is EC2 with one VPC. What the controller does not ask for in these decisions is nil and would end the program.
type account struct {
	services.EC2
	layout layout
}

func (a account) DescribeSubnetsAsList(_ context.Context, input *ec2.DescribeSubnetsInput) ([]ec2types.Subnet, error) {
	var found []ec2types.Subnet
	for _, each := range a.layout.Subnets {
		if !matches(each, input.Filters) {
			continue
		}
		made := ec2types.Subnet{
			SubnetId: aws.String(each.ID), AvailabilityZone: aws.String(each.Zone), AvailabilityZoneId: aws.String(each.ID),
			AvailableIpAddressCount: aws.Int32(each.Free), VpcId: aws.String(vpcID),
		}
		if each.Locale == "outpost" {
			made.OutpostArn = aws.String("arn:aws:outposts:eu-west-1:111122223333:outpost/op-1")
		}
		for key, value := range each.Tags {
			made.Tags = append(made.Tags, ec2types.Tag{Key: aws.String(key), Value: aws.String(value)})
		}
		found = append(found, made)
	}
	return found, nil
}

func matches(each subnet, filters []ec2types.Filter) bool {
	for _, filter := range filters {
		name := aws.ToString(filter.Name)
		if name == "vpc-id" {
			continue
		}
		value, tagged := each.Tags[strings.TrimPrefix(name, "tag:")]
		if !tagged || !slices.Contains(filter.Values, value) {
			return false
		}
	}
	return true
}

func (a account) DescribeRouteTablesAsList(context.Context, *ec2.DescribeRouteTablesInput) ([]ec2types.RouteTable, error) {
	tables := []ec2types.RouteTable{{Associations: []ec2types.RouteTableAssociation{{Main: aws.Bool(true)}}}}
	for _, each := range a.layout.Subnets {
		if each.Public {
			tables = append(tables, ec2types.RouteTable{
				Associations: []ec2types.RouteTableAssociation{{SubnetId: aws.String(each.ID)}},
				Routes:       []ec2types.Route{{GatewayId: aws.String("igw-1")}},
			})
		}
	}
	return tables, nil
}

// zones says of what kind a subnet's zone is; here each subnet has an id of its zone's own.
type zones struct{ layout layout }

func (z zones) FetchAZInfos(_ context.Context, ids []string) (map[string]ec2types.AvailabilityZone, error) {
	found := map[string]ec2types.AvailabilityZone{}
	for _, each := range z.layout.Subnets {
		if slices.Contains(ids, each.ID) {
			found[each.ID] = ec2types.AvailabilityZone{ZoneType: aws.String(each.Locale)}
		}
	}
	return found, nil
}
