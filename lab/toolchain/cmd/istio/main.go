// Command istio is pilot-discovery (istiod) or istioctl, by the name it is called under: one link instead
// of two of the largest programs here. pilot-agent stays a program of its own, because one of it runs in
// every pod and its size counts there. Left out against istiod's own main: the import that sets a memory
// limit from the cgroup, which the lab does not set and which would speak in every istioctl command.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"istio.io/istio/istioctl/cmd"
	"istio.io/istio/pilot/cmd/pilot-discovery/app"
	"istio.io/istio/pkg/log"
	_ "k8s.io/client-go/plugin/pkg/client/auth" // as in istioctl's own main
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "pilot-discovery":
		log.EnableKlogWithCobra()
		if err := app.NewRootCommand().Execute(); err != nil {
			log.Error(err)
			os.Exit(-1)
		}
	case "istioctl":
		if err := cmd.ConfigAndEnvProcessing(); err != nil {
			fmt.Fprintf(os.Stderr, "Could not initialize: %v\n", err)
			os.Exit(cmd.GetExitCode(err))
		}
		root := cmd.GetRootCmd(os.Args[1:])
		log.EnableKlogWithCobra()
		if err := root.Execute(); err != nil {
			os.Exit(cmd.GetExitCode(err))
		}
	default:
		fmt.Fprintf(os.Stderr, "%s: call this as pilot-discovery or istioctl\n", name)
		os.Exit(2)
	}
}
