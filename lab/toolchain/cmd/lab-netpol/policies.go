package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// pod is one that policies can be about: with an address of its own, and not over.
type pod struct {
	*corev1.Pod
	address netip.Addr
}

type cluster struct {
	pods       []pod
	namespaces map[string]labels.Set
	policies   []*networkingv1.NetworkPolicy
	aliases    aliases
}

// newCluster puts everything into one order, so that equal clusters have equal tables.
func newCluster(all []*corev1.Pod, namespaces []*corev1.Namespace, policies []*networkingv1.NetworkPolicy, aliases aliases) *cluster {
	c := &cluster{namespaces: map[string]labels.Set{}, policies: slices.Clone(policies), aliases: aliases}
	for _, namespace := range namespaces {
		c.namespaces[namespace.Name] = namespace.Labels
	}
	for _, one := range all {
		// A pod of the node's network is the node to a policy; the address of one that is over may be another's.
		over := one.Status.Phase == corev1.PodSucceeded || one.Status.Phase == corev1.PodFailed
		if address, ok := addressOf(one); ok && !one.Spec.HostNetwork && !over {
			c.pods = append(c.pods, pod{Pod: one, address: address})
		}
	}
	slices.SortFunc(c.pods, func(x, y pod) int { return x.address.Compare(y.address) })
	slices.SortFunc(c.policies, func(x, y *networkingv1.NetworkPolicy) int {
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	return c
}

func addressOf(one *corev1.Pod) (netip.Addr, bool) {
	for _, each := range one.Status.PodIPs {
		if address, err := netip.ParseAddr(each.IP); err == nil && address.Is4() {
			return address, true
		}
	}
	return netip.Addr{}, false
}

// A direction says which end of a packet is the pod that a policy is for.
type direction struct {
	kind       networkingv1.PolicyType
	name       string
	own, other string // as nftables calls the two ends
}

var (
	egress  = direction{networkingv1.PolicyTypeEgress, "egress", "saddr", "daddr"}
	ingress = direction{networkingv1.PolicyTypeIngress, "ingress", "daddr", "saddr"}
)

type rule struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

// rules gives what a policy lets through in a direction, and whether it isolates its pods in it at all.
func (d direction) rules(policy *networkingv1.NetworkPolicy) ([]rule, bool) {
	var found []rule
	if d.kind == networkingv1.PolicyTypeIngress {
		for _, one := range policy.Spec.Ingress {
			found = append(found, rule{one.From, one.Ports})
		}
	} else {
		for _, one := range policy.Spec.Egress {
			found = append(found, rule{one.To, one.Ports})
		}
	}
	types := policy.Spec.PolicyTypes
	if len(types) == 0 { // the API server says which; this is what it would say
		return found, d.kind == networkingv1.PolicyTypeIngress || len(found) > 0
	}
	return found, slices.Contains(types, d.kind)
}

// selected are the pods that a policy is for, wherever they run.
func (c *cluster) selected(policy *networkingv1.NetworkPolicy) []pod {
	return c.matching(&policy.Spec.PodSelector, func(namespace string) bool { return namespace == policy.Namespace })
}

func (c *cluster) matching(selector *metav1.LabelSelector, in func(namespace string) bool) []pod {
	wanted, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil { // the API server admits none
		return nil
	}
	var found []pod
	for _, one := range c.pods {
		if in(one.Namespace) && wanted.Matches(labels.Set(one.Labels)) {
			found = append(found, one)
		}
	}
	return found
}

// peerPods are those that one peer means; both selectors together are an "and". A nil podSelector means all pods.
func (c *cluster) peerPods(peer networkingv1.NetworkPolicyPeer, home string) []pod {
	in := func(namespace string) bool { return namespace == home }
	if peer.NamespaceSelector != nil {
		wanted, err := metav1.LabelSelectorAsSelector(peer.NamespaceSelector)
		if err != nil {
			return nil
		}
		in = func(namespace string) bool { return wanted.Matches(c.namespaces[namespace]) }
	}
	selector := peer.PodSelector
	if selector == nil {
		selector = &metav1.LabelSelector{}
	}
	return c.matching(selector, in)
}

// statements are the matches of nftables, one for each way in which a packet fits a policy in a direction.
func (c *cluster) statements(policy *networkingv1.NetworkPolicy, d direction) []string {
	var found []string
	rules, _ := d.rules(policy)
	for _, one := range rules {
		numbers, named := sorted(one.ports)
		matches := portMatches(numbers)
		if len(one.ports) == 0 {
			matches = []string{""}
		}
		for _, end := range c.ends(one.peers, policy.Namespace, d) {
			for _, match := range matches {
				found = append(found, joined(end, match))
			}
		}
		for _, port := range named {
			found = append(found, c.namedPort(policy, one, port, d)...)
		}
	}
	return found
}

// ends match the other end of a packet: all that the peers mean. No peers at all mean everybody.
func (c *cluster) ends(peers []networkingv1.NetworkPolicyPeer, home string, d direction) []string {
	if len(peers) == 0 {
		return []string{""}
	}
	var pods []pod
	var found []string
	for _, peer := range peers {
		if peer.IPBlock == nil {
			pods = append(pods, c.peerPods(peer, home)...)
			continue
		}
		but := ""
		if excepted := c.aliases.of(peer.IPBlock.Except...); len(excepted) > 0 {
			but = fmt.Sprintf("ip %s != %s", d.other, set(excepted))
		}
		for _, block := range c.aliases.of(peer.IPBlock.CIDR) {
			found = append(found, joined(fmt.Sprintf("ip %s %s", d.other, block), but))
		}
	}
	if len(pods) > 0 {
		found = append(found, fmt.Sprintf("ip %s %s", d.other, set(addresses(pods))))
	}
	return found
}

// namedPort matches a port by its name, which means another number in each pod that is called: for ingress in the
// policy's own pods, for egress in the peers. An address that is no pod's has no names.
func (c *cluster) namedPort(policy *networkingv1.NetworkPolicy, one rule, port networkingv1.NetworkPolicyPort, d direction) []string {
	called, ends := c.selected(policy), c.ends(one.peers, policy.Namespace, d)
	if d.kind == networkingv1.PolicyTypeEgress {
		called, ends = nil, []string{""}
		for _, peer := range one.peers {
			if peer.IPBlock == nil {
				called = append(called, c.peerPods(peer, policy.Namespace)...)
			}
		}
		if len(one.peers) == 0 {
			called = c.pods
		}
	}
	protocol := protocolOf(port)
	with := map[int32][]pod{}
	for _, each := range called {
		for _, number := range numbersOf(each, port.Port.StrVal, protocol) {
			with[number] = append(with[number], each)
		}
	}
	var found []string
	for _, number := range slices.Sorted(maps.Keys(with)) {
		match := fmt.Sprintf("ip daddr %s %s dport %d", set(addresses(with[number])), lower(protocol), number)
		for _, end := range ends {
			found = append(found, joined(end, match))
		}
	}
	return found
}

func numbersOf(one pod, name string, protocol corev1.Protocol) []int32 {
	var found []int32
	for _, container := range append(slices.Clone(one.Spec.InitContainers), one.Spec.Containers...) {
		for _, port := range container.Ports {
			if port.Name == name && cmp.Or(port.Protocol, corev1.ProtocolTCP) == protocol {
				found = append(found, port.ContainerPort)
			}
		}
	}
	return found
}

// sorted tells ports with numbers, or none, from those with names.
func sorted(ports []networkingv1.NetworkPolicyPort) (numbers, named []networkingv1.NetworkPolicyPort) {
	for _, port := range ports {
		if port.Port != nil && port.Port.Type == intstr.String {
			named = append(named, port)
		} else {
			numbers = append(numbers, port)
		}
	}
	return numbers, named
}

func portMatches(ports []networkingv1.NetworkPolicyPort) []string {
	var found []string
	for _, port := range ports {
		protocol := lower(protocolOf(port))
		switch {
		case port.Port == nil:
			found = append(found, "meta l4proto "+protocol)
		case port.EndPort != nil:
			found = append(found, fmt.Sprintf("%s dport %d-%d", protocol, port.Port.IntVal, *port.EndPort))
		default:
			found = append(found, fmt.Sprintf("%s dport %d", protocol, port.Port.IntVal))
		}
	}
	return found
}

func protocolOf(port networkingv1.NetworkPolicyPort) corev1.Protocol {
	if port.Protocol == nil {
		return corev1.ProtocolTCP
	}
	return *port.Protocol
}

func lower(protocol corev1.Protocol) string { return strings.ToLower(string(protocol)) }

func addresses(pods []pod) []netip.Addr {
	var found []netip.Addr
	for _, one := range pods {
		found = append(found, one.address)
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found)
}

func set[T fmt.Stringer](elements []T) string {
	var texts []string
	for _, one := range elements {
		texts = append(texts, one.String())
	}
	return "{ " + strings.Join(texts, ", ") + " }"
}

func joined(matches ...string) string {
	return strings.Join(slices.DeleteFunc(matches, func(match string) bool { return match == "" }), " ")
}
