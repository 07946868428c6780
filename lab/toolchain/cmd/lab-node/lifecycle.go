package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const (
	// A container gets this much to end even if its hook has used the whole grace period up, as with a kubelet.
	leastGrace   = 2 * time.Second
	defaultGrace = 30 * time.Second
	// The node itself is going: hooks are not run and nobody waits long.
	nodeShutdownGrace = time.Second
)

// termination is the end of a pod: one deadline for all of it, and who goes before whom.
type termination struct {
	once     sync.Once
	deadline time.Time
	hurried  bool
}

// begin fixes the deadline when the first container is told to end.
func (w *podWorker) beginTermination() (deadline time.Time, hurried bool) {
	w.ending.once.Do(func() {
		grace := w.grace()
		if w.nodeStopping() {
			grace, w.ending.hurried = min(grace, nodeShutdownGrace), true
		}
		w.ending.deadline = time.Now().Add(grace)
	})
	return w.ending.deadline, w.ending.hurried
}

func (w *podWorker) grace() time.Duration {
	select {
	case <-w.gone:
		return leastGrace // nobody waits for it any more: it was deleted by force
	default:
	}
	pod := w.current()
	if pod.DeletionGracePeriodSeconds != nil {
		return time.Duration(*pod.DeletionGracePeriodSeconds) * time.Second
	}
	if pod.Spec.TerminationGracePeriodSeconds != nil {
		return time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second
	}
	return defaultGrace
}

// terminate ends one container of a pod that ends: its hook at once, then its turn, then SIGTERM.
func (w *podWorker) terminate(container *corev1.Container, running *process) {
	deadline, hurried := w.beginTermination()
	if hurried {
		running.stop(time.Until(deadline))
		return
	}
	w.preStop(container, running, deadline)
	for _, earlier := range w.before(container.Name) {
		select {
		case <-earlier:
		case <-running.exited:
		case <-time.After(time.Until(deadline)):
		}
	}
	running.stop(max(time.Until(deadline), leastGrace))
}

// restart ends one container because a probe says so; the pod stays.
func (w *podWorker) restart(container *corev1.Container, running *process, probe *corev1.Probe) {
	grace := w.grace()
	if probe.TerminationGracePeriodSeconds != nil {
		grace = time.Duration(*probe.TerminationGracePeriodSeconds) * time.Second
	}
	deadline := time.Now().Add(grace)
	w.preStop(container, running, deadline)
	running.stop(max(time.Until(deadline), leastGrace))
}

func (w *podWorker) preStop(container *corev1.Container, running *process, deadline time.Time) {
	if container.Lifecycle == nil || container.Lifecycle.PreStop == nil {
		return
	}
	ctx, cancel := context.WithDeadline(context.Background(), deadline)
	defer cancel()
	go func() {
		select {
		case <-running.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := w.runHook(ctx, container, running, container.Lifecycle.PreStop); err != nil {
		klog.ErrorS(err, "preStop hook", "pod", klog.KObj(w.current()), "container", container.Name)
	}
}

// postStart runs a hook beside the container's own command. If it fails, the container is ended.
func (w *podWorker) postStart(ctx context.Context, container *corev1.Container, running *process) {
	if container.Lifecycle == nil || container.Lifecycle.PostStart == nil {
		return
	}
	if err := w.runHook(ctx, container, running, container.Lifecycle.PostStart); err != nil && ctx.Err() == nil {
		klog.ErrorS(err, "postStart hook: ending the container", "pod", klog.KObj(w.current()), "container", container.Name)
		running.stop(w.grace())
	}
}

func (w *podWorker) runHook(ctx context.Context, container *corev1.Container, running *process, hook *corev1.LifecycleHandler) error {
	switch {
	case hook.Exec != nil:
		return running.run(ctx, hook.Exec.Command)
	case hook.HTTPGet != nil:
		return probeHTTP(ctx, hook.HTTPGet, container, w.box.address.String())
	case hook.Sleep != nil:
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(hook.Sleep.Seconds) * time.Second):
		}
		return nil
	}
	return fmt.Errorf("this kind of hook is not played by the lab")
}

// run runs a command in the container; what it wrote is in the error, if it fails.
func (p *process) run(ctx context.Context, command []string) error {
	var said bytes.Buffer
	if err := p.enter(ctx, command, streams{out: &said, err: &said}); err != nil {
		const enough = 1024
		return fmt.Errorf("%w: %s", err, said.Bytes()[:min(said.Len(), enough)])
	}
	return ctx.Err()
}

// before gives the ends of those that have to end before a container: a sidecar stays until the
// containers and the sidecars that were started after it are gone.
func (w *podWorker) before(name string) []chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	var earlier []chan struct{}
	found := false
	for _, container := range w.pod.Spec.InitContainers {
		if found && container.RestartPolicy != nil {
			earlier = appendBegun(earlier, w.containers[container.Name])
		}
		found = found || container.Name == name && ptr.Deref(container.RestartPolicy, "") == corev1.ContainerRestartPolicyAlways
	}
	if !found {
		return nil
	}
	for _, container := range w.pod.Spec.Containers {
		earlier = appendBegun(earlier, w.containers[container.Name])
	}
	return earlier
}

func appendBegun(all []chan struct{}, container *containerState) []chan struct{} {
	if container.begun {
		return append(all, container.over)
	}
	return all
}

func (w *podWorker) setBegun(name string) { w.change(name, func(c *containerState) { c.begun = true }) }
