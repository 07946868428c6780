// Command lab-node plays the node of the lab's cluster: scheduler, kubelet and container runtime in one
// small program. It binds pods whose images are all in its table and runs their containers as processes
// of this machine, each pod in a network namespace of its own, each container in a root file system of its
// own made of bind mounts.
//
// The lab starts it in a network namespace of its own, which is the node's: all traffic of pods crosses it
// (network.go), kube-proxy and hostNetwork pods are in it too, and whatever this program listens on or dials
// is the node's as a matter of course.
//
// What is here: node registration, binding, network, volumes, environment, probes, hooks, restarts,
// termination, status, and the kubelet's endpoints for logs, exec, attach and port-forward.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"k8s.io/klog/v2"
)

func main() {
	if filepath.Base(os.Args[0]) == collectorName {
		exitOn(runCollector(os.Args[1:]))
		return
	}
	// The program starts itself again inside new namespaces; these never return to the node.
	if len(os.Args) == 4 && os.Args[1] == pluginCommand {
		exitOn(becomePlugin(os.Args[2], os.Args[3]))
		return
	}
	if len(os.Args) == 2 {
		switch os.Args[1] {
		case sandboxCommand:
			exitOn(runSandbox())
			return
		case containerCommand:
			reportFailure(becomeContainer())
			return
		case enterCommand:
			exitOn(enterContainer())
			return
		}
	}
	path := flag.String("config", "", "the node's configuration, a JSON file (see Config)")
	flag.Parse()
	config, err := readConfig(*path)
	exitOn(err)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	node, err := NewNode(config)
	exitOn(err)
	exitOn(node.Run(ctx))
}

func exitOn(err error) {
	if err != nil {
		klog.Flush()
		fmt.Fprintf(os.Stderr, "lab-node: %v\n", err)
		os.Exit(1)
	}
}

// Config is written by the lab; every path is absolute.
type Config struct {
	Kubeconfig string `json:"kubeconfig"`
	NodeName   string `json:"nodeName"`
	Version    string `json:"version"` // as a kubelet's: istiod injects native sidecars only where it is new enough
	// Address is the node's in its own namespace; the lab gives it to that after this program has started.
	Address       string            `json:"address"`
	PodCIDR       string            `json:"podCIDR"`       // pods' addresses
	APIHost       string            `json:"apiHost"`       // where pods are told that the API server is
	APIPort       string            `json:"apiPort"`       // and its port there
	DNSAddress    string            `json:"dnsAddress"`    // of the cluster's DNS, the nameserver of every pod
	ClusterDomain string            `json:"clusterDomain"` // e.g. cluster.local
	StateDir      string            `json:"stateDir"`      // volumes, root file systems, process records
	LogDir        string            `json:"logDir"`        // one file for each run of a container
	Labels        map[string]string `json:"nodeLabels"`    // zone, region, instance type
	ProviderID    string            `json:"providerID"`
	Images        []Image           `json:"images"`

	// The kubelet's endpoints: what the node shows to the API server, and whose clients it listens to.
	KubeletCertificate string `json:"kubeletCertificate"`
	KubeletKey         string `json:"kubeletKey"`
	ClientAuthority    string `json:"clientAuthority"`
}

func readConfig(path string) (Config, error) {
	var config Config
	if path == "" {
		return config, fmt.Errorf("-config is required")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return config, fmt.Errorf("%s: %w", path, err)
	}
	return config, nil
}
