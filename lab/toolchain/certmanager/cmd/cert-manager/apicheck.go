package main

import (
	"context"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util/cmapichecker"
)

// runAPICheck is the chart's post-install job: it returns once cert-manager's API and webhook answer.
// Its arguments begin with the subcommand of the real program ("check api"), which is skipped.
func runAPICheck(ctx context.Context, args []string) error {
	flags := newFlags("startupapicheck")
	timeout := flags.Duration("wait", time.Minute, "how long to wait for the API")
	namespace := flags.String("namespace", os.Getenv("POD_NAMESPACE"), "where the trial request is (not) made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	checker, err := cmapichecker.New(config, *namespace)
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, time.Second, *timeout, true, func(ctx context.Context) (bool, error) {
		last = checker.Check(ctx)
		if last != nil {
			logs.Log.Info("not ready", "reason", cmapichecker.TranslateToSimpleError(last), "detail", last.Error())
		}
		return last == nil, nil
	})
	if err != nil && last != nil {
		return last
	}
	return err
}
