package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/cert-manager/cert-manager/pkg/apis/certmanager"
	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/logs"

	// Each of these registers itself. Left out against the real program: ACME, Vault, Venafi, the
	// ingress and gateway shims, CertificateSigningRequests; they bring the SDKs of every cloud.
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

const workersPerController = 5

func runController(ctx context.Context, args []string) error {
	flags := newFlags("controller")
	kubeconfig := flags.String("kubeconfig", "", "a kubeconfig; the pod's service account without it")
	clusterNamespace := flags.String("cluster-resource-namespace", "kube-system", "where a ClusterIssuer's secrets are")
	metricsAddress := flags.String("metrics-listen-address", "0.0.0.0:9402", "Prometheus metrics; 0 for none")
	healthAddress := flags.String("healthz-listen-address", "0.0.0.0:9403", "/livez")
	ownerRef := flags.Bool("enable-certificate-owner-ref", false, "the Certificate owns its Secret")
	if err := flags.Parse(args); err != nil {
		return err
	}
	factory, err := controller.NewContextFactory(ctx, controllerOptions(*kubeconfig, *clusterNamespace, *ownerRef))
	if err != nil {
		return err
	}
	shared, err := factory.Build()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for name, construct := range controller.Known() {
		control, err := construct(factory)
		if err != nil {
			return fmt.Errorf("starting controller %s: %w", name, err)
		}
		group.Go(func() error {
			return control.Run(workersPerController, logs.NewContext(ctx, logs.Log, name))
		})
	}
	health := http.NewServeMux()
	health.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	serve(ctx, group, *healthAddress, func(net.Listener) *http.Server { return &http.Server{Handler: health} })
	serve(ctx, group, *metricsAddress, shared.Metrics.NewServer)

	shared.SharedInformerFactory.Start(ctx.Done())
	shared.KubeSharedInformerFactory.Start(ctx.Done())
	return group.Wait()
}

// controllerOptions holds the defaults of the real controller for everything the chart does not set.
func controllerOptions(kubeconfig, clusterNamespace string, ownerRef bool) controller.ContextOptions {
	return controller.ContextOptions{
		Kubeconfig:         kubeconfig,
		KubernetesAPIQPS:   20,
		KubernetesAPIBurst: 50,
		IssuerOptions: controller.IssuerOptions{
			ClusterResourceNamespace:        clusterNamespace,
			ClusterIssuerAmbientCredentials: true,
		},
		ACMEOptions: controller.ACMEOptions{
			HTTP01SolverResourceRequestCPU:    resource.MustParse("10m"),
			HTTP01SolverResourceRequestMemory: resource.MustParse("64Mi"),
			HTTP01SolverResourceLimitsCPU:     resource.MustParse("100m"),
			HTTP01SolverResourceLimitsMemory:  resource.MustParse("64Mi"),
		},
		IngressShimOptions: controller.IngressShimOptions{
			DefaultIssuerKind:  "Issuer",
			DefaultIssuerGroup: certmanager.GroupName,
		},
		CertificateOptions: controller.CertificateOptions{
			EnableOwnerRef: ownerRef,
			CopiedAnnotationPrefixes: []string{
				"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/",
			},
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: 60},
	}
}

// serve listens until the context ends; address "0" means not to, as for the real controller.
func serve(ctx context.Context, group *errgroup.Group, address string, server func(net.Listener) *http.Server) {
	if address == "0" {
		return
	}
	group.Go(func() error {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		running := server(listener)
		stop := context.AfterFunc(ctx, func() { _ = running.Close() })
		defer stop()
		if err := running.Serve(listener); err != nil && err != http.ErrServerClosed {
			return err
		}
		return nil
	})
}
