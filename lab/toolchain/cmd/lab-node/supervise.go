package main

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	firstBackoff = time.Second
	lastBackoff  = 5 * time.Minute
	// steadyRun is how long a container must have run for its back-off to begin anew.
	steadyRun = 10 * time.Minute
)

// supervise keeps one container running as its policy says; true if it ended well. started is closed once
// it has passed its startup probe, or has begun if it has none.
func (w *podWorker) supervise(ctx context.Context, container *corev1.Container, policy corev1.RestartPolicy, started chan struct{}) bool {
	w.setBegun(container.Name)
	defer w.setOver(container.Name)
	backoff := firstBackoff
	var once sync.Once
	for attempt := int32(0); ; {
		running, err := w.startContainer(ctx, container, attempt)
		if err != nil {
			w.setWaiting(container.Name, "CreateContainerConfigError", err.Error())
		} else {
			w.setRunning(container.Name, running, attempt)
			attempt++
			w.attend(ctx, container, running, func() { once.Do(func() { close(started) }) })
			if running.ended.Sub(running.started) > steadyRun {
				backoff = firstBackoff
			}
			again := ctx.Err() == nil && (policy == corev1.RestartPolicyAlways ||
				policy == corev1.RestartPolicyOnFailure && running.status != 0)
			w.setTerminated(container.Name, running, again, backoff)
			if !again {
				return running.status == 0 && ctx.Err() == nil
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(backoff):
		}
		backoff = min(backoff*2, lastBackoff)
	}
}

// attend stays with one run of a container: hooks and probes, until it has ended.
func (w *podWorker) attend(ctx context.Context, container *corev1.Container, running *process, started func()) {
	watchCtx, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	go func() {
		w.postStart(watchCtx, container, running)
		w.watchProbes(watchCtx, container, running, started)
	}()
	select {
	case <-running.exited:
	case <-ctx.Done():
		stopWatching()
		w.terminate(container, running)
	}
}
