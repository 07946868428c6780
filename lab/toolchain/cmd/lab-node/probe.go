package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/klog/v2"
)

// probeClient is a kubelet's: it follows no redirect to elsewhere and trusts any certificate.
var probeClient = &http.Client{
	Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // what a kubelet does
	},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// probed is one run of a container as its probes see it.
type probed struct {
	container *corev1.Container
	running   *process
	address   string
}

// watchProbes runs a container's probes while it runs; started is called once it counts as started.
func (w *podWorker) watchProbes(ctx context.Context, container *corev1.Container, running *process, started func()) {
	target := probed{container: container, running: running, address: w.box.address.String()}
	if container.StartupProbe != nil {
		passed := make(chan struct{})
		startupCtx, stop := context.WithCancel(ctx)
		defer stop()
		var once sync.Once
		go watchProbe(startupCtx, container.StartupProbe, target, func(ok bool) {
			if ok {
				once.Do(func() { close(passed) })
			} else {
				klog.InfoS("startup probe failed, restarting", "container", container.Name)
				w.restart(container, running, container.StartupProbe)
			}
		})
		select {
		case <-passed:
			stop()
		case <-ctx.Done():
			return
		}
	}
	w.setStarted(container.Name, container.ReadinessProbe == nil)
	started()
	if container.ReadinessProbe != nil {
		go watchProbe(ctx, container.ReadinessProbe, target, func(ok bool) { w.setReady(container.Name, ok) })
	}
	if container.LivenessProbe != nil {
		watchProbe(ctx, container.LivenessProbe, target, func(ok bool) {
			if !ok {
				klog.InfoS("liveness probe failed, restarting", "container", container.Name)
				w.restart(container, running, container.LivenessProbe)
			}
		})
	}
}

// watchProbe runs a probe until ctx ends and reports each change of its verdict.
func watchProbe(ctx context.Context, probe *corev1.Probe, target probed, report func(ok bool)) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(time.Duration(probe.InitialDelaySeconds) * time.Second):
	}
	period := time.Duration(max(probe.PeriodSeconds, 1)) * time.Second
	var successes, failures int32
	var nextFailure time.Time
	passed := false
	for ctx.Err() == nil {
		if runProbe(ctx, probe, target) == nil {
			successes, failures, nextFailure, passed = successes+1, 0, time.Time{}, true
			if successes == max(probe.SuccessThreshold, 1) {
				report(true)
			}
		} else if successes = 0; !time.Now().Before(nextFailure) {
			// At most one failure counts in a period, however often is looked: what a container may take is the spec's.
			nextFailure = time.Now().Add(period * 9 / 10)
			failures++
			if failures == max(probe.FailureThreshold, 1) {
				report(false)
			}
		}
		wait := period
		if !passed {
			// A kubelet on a real node waits the whole period; the lab need not make people wait.
			wait = min(period, time.Second)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func runProbe(ctx context.Context, probe *corev1.Probe, target probed) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(probe.TimeoutSeconds, 1))*time.Second)
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		return probeHTTP(ctx, probe.HTTPGet, target.container, target.address)
	case probe.TCPSocket != nil:
		return probeTCP(ctx, net.JoinHostPort(orElse(probe.TCPSocket.Host, target.address), portNumber(probe.TCPSocket.Port, target.container)))
	case probe.GRPC != nil:
		return probeTCP(ctx, net.JoinHostPort(target.address, strconv.Itoa(int(probe.GRPC.Port))))
	case probe.Exec != nil:
		return target.running.run(ctx, probe.Exec.Command)
	}
	return fmt.Errorf("this kind of probe is not played by the lab")
}

func probeHTTP(ctx context.Context, get *corev1.HTTPGetAction, container *corev1.Container, address string) error {
	scheme := "http"
	if get.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	url := scheme + "://" + net.JoinHostPort(orElse(get.Host, address), portNumber(get.Port, container)) + get.Path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "kube-probe/lab")
	for _, header := range get.HTTPHeaders {
		if header.Name == "Host" {
			request.Host = header.Value
		}
		request.Header.Add(header.Name, header.Value)
	}
	response, err := probeClient.Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode < http.StatusOK || response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	return nil
}

func probeTCP(ctx context.Context, address string) error {
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return connection.Close()
}

func portNumber(port intstr.IntOrString, container *corev1.Container) string {
	if port.Type == intstr.Int {
		return strconv.Itoa(int(port.IntVal))
	}
	for _, named := range container.Ports {
		if named.Name == port.StrVal {
			return strconv.Itoa(int(named.ContainerPort))
		}
	}
	return port.StrVal
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
