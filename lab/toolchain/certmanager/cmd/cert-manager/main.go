// Command cert-manager runs one of cert-manager's parts in the lab: the controllers, the webhook, the CA
// injector or the API check. They are one program because each link of a Go program this size costs
// seconds of a cold build.
//
// The arguments after the part's name are those of the chart's containers. Arguments that only matter on
// a real cluster (leader election, ACME solver images) are accepted and have no effect.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/cert-manager/cert-manager/pkg/logs"
)

var parts = map[string]func(context.Context, []string) error{
	"controller":      runController,
	"webhook":         runWebhook,
	"cainjector":      runCAInjector,
	"startupapicheck": runAPICheck,
}

func main() {
	if len(os.Args) < 2 || parts[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: cert-manager controller|webhook|cainjector|startupapicheck [arguments of the chart's container]")
		os.Exit(2)
	}
	logs.InitLogs()
	defer logs.FlushLogs()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx = logs.NewContext(ctx, logs.Log, os.Args[1])
	ctrl.SetLogger(logs.Log)
	if err := parts[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "cert-manager %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// newFlags gives a flag set that takes what it does not know, so that a chart's argument without a
// meaning in the lab does not stop the part.
func newFlags(name string) *pflag.FlagSet {
	flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
	flags.ParseErrorsWhitelist.UnknownFlags = true
	return flags
}
