package main

import (
	"context"

	corev1 "k8s.io/api/core/v1"
)

// ephemeralContainers are those that `kubectl debug` added, in the form of ordinary ones.
func ephemeralContainers(pod *corev1.Pod) []corev1.Container {
	var containers []corev1.Container
	for _, one := range pod.Spec.EphemeralContainers {
		containers = append(containers, corev1.Container(one.EphemeralContainerCommon))
	}
	return containers
}

// startEphemeral runs the ephemeral containers that are new, once the pod has its namespaces. They are never
// started again, and a pod that has completed gets none.
func (w *podWorker) startEphemeral() {
	w.mu.Lock()
	defer w.mu.Unlock()
	alive := w.alive
	if alive == nil || alive.Err() != nil {
		return
	}
	for _, container := range ephemeralContainers(w.pod) {
		if _, known := w.containers[container.Name]; known {
			continue
		}
		w.containers[container.Name] = waitingToInitialize()
		w.extras.Add(1)
		go func() {
			defer w.extras.Done()
			w.supervise(alive, &container, corev1.RestartPolicyNever, make(chan struct{}))
		}()
	}
}

// allowEphemeral lets them run until what it returns is called, which waits for them to end.
func (w *podWorker) allowEphemeral(ctx context.Context) (end func()) {
	alive, stop := context.WithCancel(ctx)
	w.mu.Lock()
	w.alive = alive
	w.mu.Unlock()
	w.startEphemeral()
	return func() {
		w.mu.Lock()
		w.alive = nil
		w.mu.Unlock()
		stop()
		w.extras.Wait()
	}
}
