// Command network-policies runs Kubernetes' own NetworkPolicy tests against a cluster: the flags are those of every
// test of Kubernetes (--kubeconfig, --ginkgo.focus, …).
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"
	"k8s.io/kubernetes/test/e2e/framework"
	e2econfig "k8s.io/kubernetes/test/e2e/framework/config"
	_ "k8s.io/kubernetes/test/e2e/network/netpol" // the tests
)

type outcome struct{ failed bool }

func (o *outcome) Fail() { o.failed = true }

func main() {
	e2econfig.CopyFlags(e2econfig.Flags, flag.CommandLine)
	framework.RegisterCommonFlags(flag.CommandLine)
	framework.RegisterClusterFlags(flag.CommandLine)
	flag.Parse()
	framework.AfterReadingAllFlags(&framework.TestContext)
	gomega.RegisterFailHandler(framework.Fail)
	found := &outcome{}
	if !ginkgo.RunSpecs(found, "NetworkPolicies") || found.failed {
		fmt.Fprintln(os.Stderr, "not all of them passed")
		os.Exit(1)
	}
}
