package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
)

const sandboxCommand = "sandbox"

// sandbox holds a pod's namespaces open: a process that only waits. They and the pod's half of the veth pair
// vanish with the last process in them, so nothing of it can be left behind on the host.
type sandbox struct {
	process     *exec.Cmd
	address     netip.Addr // of the pod; the node's own if it is in the node's network
	hostNetwork bool
	record      func()
}

// sandboxNetwork is what the process inside needs to know to set its interface up.
type sandboxNetwork struct {
	Hostname string     `json:"hostname"`
	Address  netip.Addr `json:"address"` // none where the network is the node's
}

// startSandbox makes a pod's namespaces and waits until its interface is up. A pod of the host's network
// shares the node's.
func (n *Node) startSandbox(pod *corev1.Pod) (*sandbox, error) {
	if pod.Spec.HostNetwork {
		address, err := netip.ParseAddr(n.config.Address)
		if err != nil {
			return nil, err
		}
		return n.startSandboxAt(address, n.config.NodeName, true)
	}
	address, err := n.addresses.take()
	if err != nil {
		return nil, err
	}
	box, err := n.startSandboxAt(address, hostnameOf(pod), false)
	if err != nil {
		n.addresses.release(address)
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	return box, nil
}

func (n *Node) startSandboxAt(address netip.Addr, hostname string, hostNetwork bool) (*sandbox, error) {
	command := exec.Command("/proc/self/exe", sandboxCommand)
	command.Args[0] = "lab-node"
	command.Env = []string{}
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true,
	}
	network := sandboxNetwork{Hostname: hostname}
	if !hostNetwork {
		command.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNET
		network.Address = address
	}
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
	box := &sandbox{
		process: command, address: address, hostNetwork: hostNetwork, record: n.recordProcess(command.Process.Pid),
	}
	if !hostNetwork {
		err = n.connect(command.Process.Pid, address)
	}
	if err == nil {
		err = json.NewEncoder(input).Encode(network)
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

func (s *sandbox) kill() {
	if !s.hostNetwork {
		disconnect(s.address)
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.record()
}

func (n *Node) stopSandbox(box *sandbox) {
	box.kill()
	if !box.hostNetwork {
		n.addresses.release(box.address)
	}
}

// runSandbox is the process inside: it configures its interface, says so, and waits to be killed.
func runSandbox() error {
	var network sandboxNetwork
	if err := json.NewDecoder(os.Stdin).Decode(&network); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(network.Hostname)); err != nil {
		return err
	}
	if network.Address.IsValid() {
		if err := configurePodInterfaces(network.Address); err != nil {
			return err
		}
	}
	fmt.Println("up")
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM)
	<-stopped
	return nil
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
