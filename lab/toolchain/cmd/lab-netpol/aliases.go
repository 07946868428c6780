package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// aliases are ranges of addresses that stand for others. The lab has no VPC: its pods and load balancers have addresses
// of their own range, and a policy that names a subnet of the VPC means what stands there.
type aliases []alias

type alias struct{ named, meant netip.Prefix }

func (a *aliases) String() string { return fmt.Sprint(*a) }

// Set adds one, as the flag has it: 10.90.0.0/19=10.201.64.0/18.
func (a *aliases) Set(text string) error {
	named, meant, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("%q is not RANGE=RANGE", text)
	}
	var one alias
	var err error
	if one.named, err = netip.ParsePrefix(named); err != nil {
		return err
	}
	if one.meant, err = netip.ParsePrefix(meant); err != nil {
		return err
	}
	*a = append(*a, one)
	return nil
}

// of gives the IPv4 ranges that some CIDRs mean, none inside another: sorted, and as nftables takes them in one set.
func (a aliases) of(cidrs ...string) []netip.Prefix {
	var meant []netip.Prefix
	for _, cidr := range cidrs {
		block, err := netip.ParsePrefix(cidr)
		if err != nil || !block.Addr().Is4() {
			continue
		}
		meant = append(meant, block.Masked())
		for _, one := range a {
			if within(one.named, block) {
				meant = append(meant, one.meant.Masked())
			}
		}
	}
	slices.SortFunc(meant, func(x, y netip.Prefix) int {
		if x.Bits() != y.Bits() {
			return x.Bits() - y.Bits()
		}
		return x.Addr().Compare(y.Addr())
	})
	var widest []netip.Prefix
	for _, block := range meant {
		if !slices.ContainsFunc(widest, func(wide netip.Prefix) bool { return within(block, wide) }) {
			widest = append(widest, block)
		}
	}
	return widest
}

func within(inner, outer netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}
