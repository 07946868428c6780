package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/invoke"
	cni "github.com/containernetworking/cni/pkg/types"
	current "github.com/containernetworking/cni/pkg/types/100"
	"github.com/containernetworking/cni/pkg/version"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
)

const (
	// labNetwork is the node's own network as a CNI plugin, the place that the VPC CNI has on an EKS node. This
	// program plays it: the interface is there before any plugin is called.
	labNetwork     = "lab-network"
	cniVersion     = "1.0.0"
	cniDirectory   = "etc/cni/net.d"
	cniBinaries    = "opt/cni/bin"
	cniPatience    = 90 * time.Second // istio-cni itself asks 30 times for the pod, a second apart
	firstNetwork   = "10-lab.conflist"
	podMaskBits    = 32
	attachmentName = "eth0"
)

// writeNetwork writes the node's CNI configuration. DaemonSets chain their own plugins after it.
func (n *Node) writeNetwork() error {
	if err := n.makeHostRoot(); err != nil {
		return err
	}
	directory := filepath.Join(n.hostRoot(), cniDirectory)
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return err
	}
	list, err := json.MarshalIndent(map[string]any{
		"name": labNetwork, "cniVersion": cniVersion, "plugins": []map[string]string{{"type": labNetwork}},
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(directory, firstNetwork), list, 0o644)
}

// attach calls the node's chain of CNI plugins for a pod whose interface is up, as a container runtime does.
func (n *Node) attach(box *sandbox, pod *corev1.Pod) error {
	if pod.Spec.HostNetwork {
		return nil
	}
	return n.callNetwork(box, pod, func(ctx context.Context, caller *libcni.CNIConfig, list *libcni.NetworkConfigList, runtime *libcni.RuntimeConf) error {
		_, err := caller.AddNetworkList(ctx, list, runtime)
		return err
	})
}

// detach undoes attach. The namespace goes in any case, so a plugin that fails is only written down.
func (n *Node) detach(box *sandbox, pod *corev1.Pod) {
	if pod.Spec.HostNetwork {
		return
	}
	err := n.callNetwork(box, pod, func(ctx context.Context, caller *libcni.CNIConfig, list *libcni.NetworkConfigList, runtime *libcni.RuntimeConf) error {
		return caller.DelNetworkList(ctx, list, runtime)
	})
	if err != nil {
		klog.ErrorS(err, "CNI DEL", "pod", klog.KObj(pod))
	}
}

type networkCall func(context.Context, *libcni.CNIConfig, *libcni.NetworkConfigList, *libcni.RuntimeConf) error

func (n *Node) callNetwork(box *sandbox, pod *corev1.Pod, call networkCall) error {
	list, err := firstNetworkList(filepath.Join(n.hostRoot(), cniDirectory))
	if err != nil {
		return fmt.Errorf("CNI configuration: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), cniPatience)
	defer cancel()
	caller := libcni.NewCNIConfigWithCacheDir(
		[]string{filepath.Join(n.hostRoot(), cniBinaries)}, filepath.Join(n.hostRoot(), "var/lib/cni"),
		&pluginRunner{host: n.hostRoot(), box: box},
	)
	err = call(ctx, caller, list, &libcni.RuntimeConf{
		ContainerID: string(pod.UID),
		NetNS:       fmt.Sprintf("/proc/%d/ns/net", box.process.Process.Pid),
		IfName:      attachmentName,
		Args: [][2]string{
			{"IgnoreUnknown", "1"},
			{"K8S_POD_NAMESPACE", pod.Namespace},
			{"K8S_POD_NAME", pod.Name},
			{"K8S_POD_INFRA_CONTAINER_ID", string(pod.UID)},
			{"K8S_POD_UID", string(pod.UID)},
		},
	})
	if err != nil {
		return fmt.Errorf("CNI: %w", err)
	}
	return nil
}

// firstNetworkList reads the first file by name, which is the one that a runtime takes.
func firstNetworkList(directory string) (*libcni.NetworkConfigList, error) {
	files, err := libcni.ConfFiles(directory, []string{".conflist"})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no network list in %s", directory)
	}
	sort.Strings(files)
	return libcni.NetworkConfFromFile(files[0])
}

// pluginSlots keeps many pods that begin at once from starting as many programs of 80 MB at once.
var pluginSlots = make(chan struct{}, cpuCount())

// pluginRunner runs the plugins of one pod; the first of the chain is played here.
type pluginRunner struct {
	version.PluginDecoder
	host string
	box  *sandbox
}

// FindInPath names a plugin's program.
func (r *pluginRunner) FindInPath(plugin string, paths []string) (string, error) {
	if plugin == labNetwork {
		return labNetwork, nil
	}
	return invoke.FindInPath(plugin, paths)
}

// ExecPlugin calls a plugin as CNI says: environment and standard input in, a result or an error on standard output.
func (r *pluginRunner) ExecPlugin(ctx context.Context, path string, input []byte, environment []string) ([]byte, error) {
	if path == labNetwork {
		return json.Marshal(r.result())
	}
	pluginSlots <- struct{}{}
	defer func() { <-pluginSlots }()
	command := exec.CommandContext(ctx, "/proc/self/exe", pluginCommand, path, r.host)
	command.Args[0] = "lab-node"
	command.Env = pluginEnvironment(environment)
	var output, complaints bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &output, &complaints
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := command.Run(); err != nil {
		return nil, pluginError(filepath.Base(path), err, output.Bytes(), complaints.String())
	}
	return output.Bytes(), nil
}

func (r *pluginRunner) result() *current.Result {
	index := 0
	return &current.Result{
		CNIVersion: cniVersion,
		Interfaces: []*current.Interface{{Name: attachmentName, Sandbox: fmt.Sprintf("/proc/%d/ns/net", r.box.process.Process.Pid)}},
		IPs: []*current.IPConfig{{
			Interface: &index,
			Address:   net.IPNet{IP: r.box.address.AsSlice(), Mask: net.CIDRMask(podMaskBits, podMaskBits)},
		}},
	}
}

// pluginEnvironment keeps what CNI defines, and a path for the programs that a plugin runs (iptables, nsenter).
func pluginEnvironment(all []string) []string {
	kept := []string{"PATH=" + defaultPath}
	for _, pair := range all {
		if strings.HasPrefix(pair, "CNI_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

func pluginError(name string, err error, output []byte, complaints string) error {
	var said cni.Error
	if json.Unmarshal(output, &said) == nil && said.Msg != "" {
		return fmt.Errorf("%s: %w", name, &said)
	}
	lines := strings.Split(strings.TrimSpace(complaints), "\n")
	return fmt.Errorf("%s: %w: %s", name, err, lines[len(lines)-1])
}
