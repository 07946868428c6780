package main

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// resolverFile is /etc/resolv.conf as a kubelet writes it for a pod's dnsPolicy and dnsConfig.
//
// dnsPolicy Default means the node's own resolver. On EKS that is the VPC's, which knows every public name; in
// the lab the cluster's DNS plays it too, without the search list.
func resolverFile(pod *corev1.Pod, config Config) string {
	policy := pod.Spec.DNSPolicy
	if policy == corev1.DNSClusterFirst && pod.Spec.HostNetwork {
		policy = corev1.DNSDefault
	}
	var servers, searches, options []string
	switch policy {
	case corev1.DNSNone:
	case corev1.DNSDefault:
		servers = []string{config.DNSAddress}
	default:
		servers = []string{config.DNSAddress}
		service := "svc." + config.ClusterDomain
		searches = []string{pod.Namespace + "." + service, service, config.ClusterDomain}
		options = []string{"ndots:5"}
	}
	if more := pod.Spec.DNSConfig; more != nil {
		servers = union(servers, more.Nameservers)
		searches = union(searches, more.Searches)
		for _, option := range more.Options {
			options = withOption(options, option)
		}
	}
	var lines strings.Builder
	for _, server := range servers {
		lines.WriteString("nameserver " + server + "\n")
	}
	if len(searches) > 0 {
		lines.WriteString("search " + strings.Join(searches, " ") + "\n")
	}
	if len(options) > 0 {
		lines.WriteString("options " + strings.Join(options, " ") + "\n")
	}
	return lines.String()
}

func union(first, second []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, one := range append(append([]string{}, first...), second...) {
		if !seen[one] {
			seen[one], all = true, append(all, one)
		}
	}
	return all
}

// withOption adds an option; a pod's own takes the place of one of the same name.
func withOption(options []string, option corev1.PodDNSConfigOption) []string {
	var kept []string
	for _, one := range options {
		if name, _, _ := strings.Cut(one, ":"); name != option.Name {
			kept = append(kept, one)
		}
	}
	if option.Value != nil {
		return append(kept, option.Name+":"+*option.Value)
	}
	return append(kept, option.Name)
}
