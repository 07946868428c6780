package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The pods' network is laid out as the AWS VPC CNI lays it out: each pod has an address of its own with
// nothing else in its network, and a default route over a link-local address that only says "the other end".
// That end is in the node's namespace, so Service addresses are translated there and sources stay as they are.
const (
	podInterface = "eth0"
	podGateway   = "169.254.1.1"
	// addressPatience bounds how long the lab may take to give this namespace its address.
	addressPatience = 20 * time.Second
	addressPoll     = 10 * time.Millisecond
)

// gatewayLink is the link address of every pod's gateway. The links are all separate, so one will do.
var gatewayLink = net.HardwareAddr{0x02, 0x5a, 0xa9, 0xfe, 0x01, 0x01}

// awaitAddress waits until this namespace has the node's address. It is also what keeps this program, started
// by hand in a namespace that is not the node's, from changing anything there.
func awaitAddress(ctx context.Context, address string) error {
	wanted := net.ParseIP(address)
	for deadline := time.Now().Add(addressPatience); ; {
		addresses, err := net.InterfaceAddrs()
		if err != nil {
			return err
		}
		for _, one := range addresses {
			if network, ok := one.(*net.IPNet); ok && network.IP.Equal(wanted) {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("this network namespace has no address %s: the lab gives it one, so start a lab instead", address)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(addressPoll):
		}
	}
}

// connect makes the pair of interfaces between the node and a pod, and the node's route to the pod.
func (n *Node) connect(pid int, address netip.Addr) error {
	link := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: nodeInterface(address), HardwareAddr: gatewayLink},
		PeerName:         podInterface,
		PeerNamespace:    netlink.NsPid(pid),
		PeerHardwareAddr: podLink(address),
	}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("interface %s: %w", link.Name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	// Both ends know each other's link address beforehand, so a new pod is reachable with its first packet.
	if err := permanentNeighbour(link.Index, address.AsSlice(), podLink(address)); err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{
		LinkIndex: link.Index, Scope: netlink.SCOPE_LINK, Dst: only(address.AsSlice()), Src: net.ParseIP(n.config.Address),
	})
}

// disconnect takes the pair away at once; the kernel would with the namespace, but some time later.
func disconnect(address netip.Addr) {
	if link, err := netlink.LinkByName(nodeInterface(address)); err == nil {
		_ = netlink.LinkDel(link)
	}
}

// configurePodInterfaces is run inside a pod's namespace, where its end of the pair has been put already.
func configurePodInterfaces(address netip.Addr) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return err
	}
	link, err := netlink.LinkByName(podInterface)
	if err != nil {
		return fmt.Errorf("interface %s: %w", podInterface, err)
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: only(address.AsSlice())}); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	gateway := net.ParseIP(podGateway).To4()
	if err := permanentNeighbour(link.Attrs().Index, gateway, gatewayLink); err != nil {
		return err
	}
	err = netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: only(gateway)})
	if err != nil {
		return err
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway})
}

// nodeInterface names the node's end after the pod's address: pod64-7 for 10.201.64.7.
func nodeInterface(address netip.Addr) string {
	bytes := address.As4()
	return fmt.Sprintf("pod%d-%d", bytes[2], bytes[3])
}

// podLink tells a pod's link apart from that of the pod that had the address before.
func podLink(address netip.Addr) net.HardwareAddr {
	bytes := address.As4()
	return net.HardwareAddr{0x02, 0x5a, bytes[0], bytes[1], bytes[2], bytes[3]}
}

func only(address net.IP) *net.IPNet {
	return &net.IPNet{IP: address, Mask: net.CIDRMask(32, 32)}
}

func permanentNeighbour(index int, address net.IP, link net.HardwareAddr) error {
	return netlink.NeighSet(&netlink.Neigh{
		LinkIndex: index, Family: unix.AF_INET, State: netlink.NUD_PERMANENT, IP: address, HardwareAddr: link,
	})
}
