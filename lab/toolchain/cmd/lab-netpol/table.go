package main

import (
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

const tableName = "lab-netpol"

// The two directions look at a packet one after the other: what one lets through, the other may still refuse. Packets
// are looked at after Service addresses were translated. What the node itself sends is not looked at: a kubelet reaches
// its own pods. Nor can a pod be cut off from itself.
const hooks = `
	chain forward-egress {
		type filter hook forward priority filter; policy accept
		goto leaving
	}
	chain input-egress {
		type filter hook input priority filter; policy accept
		goto leaving
	}
	chain leaving {
		ct state established,related accept
		ip saddr . ip daddr @itself accept
		ip saddr vmap @egress
	}
	chain forward-ingress {
		type filter hook forward priority filter + 1; policy accept
		ct state established,related accept
		ip saddr . ip daddr @itself accept
		ip daddr vmap @ingress
	}
`

// table gives the whole of it as nft reads it. The first two lines let the third replace whatever there was.
func (c *cluster) table() string {
	var text strings.Builder
	fmt.Fprintf(&text, "table ip %[1]s\ndelete table ip %[1]s\ntable ip %[1]s {\n", tableName)
	var itself []string
	for _, one := range c.pods {
		itself = append(itself, fmt.Sprintf("%[1]s . %[1]s", one.address))
	}
	declare(&text, "set itself", "ipv4_addr . ipv4_addr", itself)
	for _, d := range []direction{egress, ingress} {
		c.write(&text, d)
	}
	text.WriteString(hooks)
	text.WriteString("}\n")
	return text.String()
}

// write adds a chain for each policy, a chain for each combination of policies that some pod has, and the map that
// leads from an isolated pod's address to its chain. Pods that no policy isolates are not in the map.
func (c *cluster) write(text *strings.Builder, d direction) {
	has := map[string][]string{} // address -> chains of its policies
	for number, policy := range c.policies {
		if _, isolates := d.rules(policy); !isolates {
			continue
		}
		chain := fmt.Sprintf("%s-policy-%d", d.name, number)
		for _, one := range c.selected(policy) {
			has[one.address.String()] = append(has[one.address.String()], chain)
		}
		fmt.Fprintf(text, "\tchain %s {\n", chain)
		for _, statement := range c.statements(policy, d) {
			fmt.Fprintf(text, "\t\t%s\n", joined(statement, "accept", comment(policy)))
		}
		text.WriteString("\t}\n")
	}
	names := map[string]string{} // the chains of some policies -> the chain that asks them all
	var leads []string
	for _, one := range c.pods {
		address := one.address.String()
		if len(has[address]) == 0 {
			continue
		}
		together := strings.Join(has[address], " ")
		if names[together] == "" {
			names[together] = fmt.Sprintf("%s-pods-%d", d.name, len(names))
			fmt.Fprintf(text, "\tchain %s {\n", names[together])
			for _, chain := range has[address] {
				fmt.Fprintf(text, "\t\tjump %s\n", chain)
			}
			text.WriteString("\t\tdrop\n\t}\n")
		}
		leads = append(leads, fmt.Sprintf("%s : goto %s", address, names[together]))
	}
	declare(text, "map "+d.name, "ipv4_addr : verdict", leads)
}

func declare(text *strings.Builder, what, kind string, elements []string) {
	fmt.Fprintf(text, "\t%s {\n\t\ttype %s\n", what, kind)
	if len(elements) > 0 {
		fmt.Fprintf(text, "\t\telements = { %s }\n", strings.Join(elements, ", "))
	}
	text.WriteString("\t}\n")
}

// comment names the policy for who lists the table; the kernel keeps 128 bytes of it.
func comment(policy *networkingv1.NetworkPolicy) string {
	name := policy.Namespace + "/" + policy.Name
	return fmt.Sprintf("comment %q", name[:min(len(name), 120)])
}
