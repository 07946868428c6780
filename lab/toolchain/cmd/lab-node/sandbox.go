package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	sandboxCommand = "sandbox"
	podInterface   = "eth0"
)

// sandbox holds a pod's network namespace open: a process that only waits. The namespace and its half of
// the veth pair vanish with the last process in it, so nothing of it can be left behind on the host.
type sandbox struct {
	process *exec.Cmd
	address netip.Addr
	record  func()
}

// sandboxNetwork is what the process inside needs to know to set its interface up.
type sandboxNetwork struct {
	Address string `json:"address"` // with prefix length
	Gateway string `json:"gateway"`
}

// startSandbox makes the namespace, connects it to the bridge and waits until its interface is up.
// The seam for the data plane: cluster DNS and Service addresses are set up where this returns.
func (n *Node) startSandbox(hostname string) (*sandbox, error) {
	address, err := n.addresses.take()
	if err != nil {
		return nil, err
	}
	box, err := n.startSandboxAt(address, hostname)
	if err != nil {
		n.addresses.release(address)
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	return box, nil
}

func (n *Node) startSandboxAt(address netip.Addr, hostname string) (*sandbox, error) {
	command := exec.Command("/proc/self/exe", sandboxCommand)
	command.Args[0] = "lab-node"
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true,
	}
	command.Env = []string{"HOSTNAME=" + hostname}
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	box := &sandbox{process: command, address: address, record: n.recordProcess(command.Process.Pid)}
	err = n.connect(command.Process.Pid, address)
	if err == nil {
		err = json.NewEncoder(input).Encode(sandboxNetwork{
			Address: fmt.Sprintf("%s/%d", address, n.config.PrefixLen), Gateway: n.config.Address,
		})
	}
	if err == nil {
		_, err = bufio.NewReader(output).ReadString('\n')
	}
	if err != nil {
		box.kill()
		return nil, err
	}
	return box, nil
}

func (n *Node) connect(pid int, address netip.Addr) error {
	bridge, err := netlink.LinkByName(n.config.Bridge)
	if err != nil {
		return fmt.Errorf("bridge %s: %w", n.config.Bridge, err)
	}
	bytes := address.As4()
	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: fmt.Sprintf("ztm%02x%02x%02x", bytes[1], bytes[2], bytes[3]), MasterIndex: bridge.Attrs().Index},
		PeerName:      podInterface,
		PeerNamespace: netlink.NsPid(pid),
		// An address tells its neighbours apart from the one that had it before.
		PeerHardwareAddr: net.HardwareAddr{0x02, 0x5a, bytes[0], bytes[1], bytes[2], bytes[3]},
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("veth %s: %w", veth.Name, err)
	}
	return netlink.LinkSetUp(veth)
}

func (s *sandbox) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.record()
}

func (n *Node) stopSandbox(box *sandbox) {
	box.kill()
	n.addresses.release(box.address)
}

// runSandbox is the process inside: it configures its interface, says so, and waits to be killed.
func runSandbox() error {
	var network sandboxNetwork
	if err := json.NewDecoder(os.Stdin).Decode(&network); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(os.Getenv("HOSTNAME"))); err != nil {
		return err
	}
	if err := configureInterface("lo", nil, nil); err != nil {
		return err
	}
	address, err := netlink.ParseAddr(network.Address)
	if err != nil {
		return err
	}
	if err := configureInterface(podInterface, address, net.ParseIP(network.Gateway)); err != nil {
		return err
	}
	fmt.Println("up")
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	<-stopped
	return nil
}

func configureInterface(name string, address *netlink.Addr, gateway net.IP) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	if address != nil {
		if err := netlink.AddrAdd(link, address); err != nil {
			return err
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	if gateway == nil {
		return nil
	}
	return netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway})
}

// recordProcess notes a child where the lab's records are, with its start time so that a recycled id is
// never taken for it. The lab stops what it finds there should this program be killed. The function it
// returns removes the note.
func (n *Node) recordProcess(pid int) func() {
	path := fmt.Sprintf("%s/processes/%d", n.config.StateDir, pid)
	started, err := startTime(pid)
	if err == nil {
		err = os.WriteFile(path, []byte(strconv.FormatUint(started, 10)), 0o600)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "lab-node: recording process %d: %v\n", pid, err)
	}
	return func() { _ = os.Remove(path) }
}
