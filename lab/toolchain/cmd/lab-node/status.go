package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const statusRetry = 200 * time.Millisecond

func (w *podWorker) touch() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *podWorker) change(name string, apply func(*containerState)) {
	w.mu.Lock()
	apply(w.containers[name])
	w.mu.Unlock()
	w.touch()
}

func (w *podWorker) setWaiting(name, reason, message string) {
	w.change(name, func(c *containerState) {
		c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
		c.ready, c.started = false, false
	})
}

func (w *podWorker) setOver(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.containers[name].over)
}

func (w *podWorker) setRunning(name string, running *process, attempt int32) {
	w.change(name, func(c *containerState) {
		c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(running.started)}}
		c.restarts, c.ready, c.started, c.process = attempt, false, false, running
	})
}

func (w *podWorker) setStarted(name string, readyToo bool) {
	w.change(name, func(c *containerState) { c.started, c.ready = true, readyToo })
}

func (w *podWorker) setReady(name string, ready bool) {
	w.change(name, func(c *containerState) { c.ready = ready && c.state.Running != nil })
}

func (w *podWorker) setTerminated(name string, ended *process, again bool, backoff time.Duration) {
	reason := "Completed"
	switch {
	case ended.failure != "":
		reason = "StartError"
	case ended.status != 0:
		reason = "Error"
	}
	terminated := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(ended.status), Signal: int32(ended.signal), Reason: reason, Message: ended.failure,
		StartedAt: metav1.NewTime(ended.started), FinishedAt: metav1.NewTime(ended.ended),
	}}
	w.change(name, func(c *containerState) {
		c.ready, c.started, c.process, c.done = false, false, nil, !again
		c.finalFailure = !again && ended.status != 0
		c.state = terminated
		if again {
			c.last = terminated
			c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
				Reason: "CrashLoopBackOff", Message: fmt.Sprintf("back-off %s restarting failed container", backoff),
			}}
		}
	})
}

// writeStatus sends the newest status whenever something changed, until ctx ends.
func (w *podWorker) writeStatus(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changed:
		}
		for ctx.Err() == nil {
			err := w.sendStatus(ctx)
			if err == nil || apierrors.IsNotFound(err) || ctx.Err() != nil {
				break
			}
			if !apierrors.IsConflict(err) {
				klog.ErrorS(err, "writing status", "pod", klog.KObj(w.current()))
			}
			time.Sleep(statusRetry)
		}
	}
}

func (w *podWorker) sendStatus(ctx context.Context) error {
	pod := w.current()
	pods := w.node.client.CoreV1().Pods(pod.Namespace)
	live, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if live.UID != pod.UID {
		return nil
	}
	changed := live.DeepCopy()
	w.fillStatus(changed)
	if equality.Semantic.DeepEqual(live.Status, changed.Status) {
		return nil
	}
	_, err = pods.UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	return err
}

// confirmDeletion removes the API object, as a kubelet does once nothing of the pod runs any more.
func (w *podWorker) confirmDeletion() {
	select {
	case <-w.gone:
		return
	default:
	}
	pod := w.current()
	err := w.node.client.CoreV1().Pods(pod.Namespace).Delete(context.Background(), pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: ptr.To[int64](0), Preconditions: metav1.NewUIDPreconditions(string(pod.UID)),
	})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		klog.ErrorS(err, "confirming the deletion", "pod", klog.KObj(pod))
	}
}

// fillStatus computes the whole status from what is known; conditions of others (readiness gates) stay.
func (w *podWorker) fillStatus(pod *corev1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	status := &pod.Status
	status.HostIP = w.node.config.Address
	status.HostIPs = []corev1.HostIP{{IP: w.node.config.Address}}
	if status.StartTime == nil {
		status.StartTime = ptr.To(metav1.Now())
	}
	if w.box != nil {
		status.PodIP = w.box.address.String()
		status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
	}
	status.QOSClass = qualityOf(pod)
	status.InitContainerStatuses = w.containerStatuses(pod.Spec.InitContainers)
	status.ContainerStatuses = w.containerStatuses(pod.Spec.Containers)
	status.EphemeralContainerStatuses = w.containerStatuses(ephemeralContainers(pod))
	status.Phase = w.phase(pod)

	setCondition(status, corev1.PodScheduled, true, "", "")
	setCondition(status, corev1.PodReadyToStartContainers, w.problem == "" && w.box != nil, reasonIf(w.problem, "SetUp"), w.problem)
	initialized := w.initialized(pod)
	setCondition(status, corev1.PodInitialized, initialized, reasonUnless(initialized, "ContainersNotInitialized"), "")
	ready := w.containersReady(pod)
	reason := reasonUnless(ready, "ContainersNotReady")
	if status.Phase == corev1.PodSucceeded {
		reason = "PodCompleted"
	}
	setCondition(status, corev1.ContainersReady, ready, reason, "")
	setCondition(status, corev1.PodReady, ready && gatesOpen(pod), reason, "")
}

func (w *podWorker) containerStatuses(containers []corev1.Container) []corev1.ContainerStatus {
	var statuses []corev1.ContainerStatus
	for _, container := range containers {
		known, ok := w.containers[container.Name]
		if !ok {
			continue // an ephemeral container that is newer than what this worker knows
		}
		statuses = append(statuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: "lab://" + container.Image,
			State: known.state, LastTerminationState: known.last, RestartCount: known.restarts,
			Ready:   known.ready || isInit(w.pod, container.Name) && known.done && !known.finalFailure,
			Started: ptr.To(known.started),
		})
	}
	return statuses
}

func (w *podWorker) phase(pod *corev1.Pod) corev1.PodPhase {
	for _, container := range pod.Spec.InitContainers {
		if w.containers[container.Name].finalFailure && container.RestartPolicy == nil {
			return corev1.PodFailed
		}
	}
	if !w.initialized(pod) {
		return corev1.PodPending
	}
	done, failed, begun := true, false, false
	for _, container := range pod.Spec.Containers {
		known := w.containers[container.Name]
		done = done && known.done
		failed = failed || known.finalFailure
		begun = begun || known.state.Running != nil || known.last.Terminated != nil || known.done
	}
	switch {
	case done && failed:
		return corev1.PodFailed
	case done && pod.DeletionTimestamp == nil:
		return corev1.PodSucceeded
	case begun:
		return corev1.PodRunning
	}
	return corev1.PodPending
}

func (w *podWorker) initialized(pod *corev1.Pod) bool {
	for _, container := range pod.Spec.InitContainers {
		known := w.containers[container.Name]
		if container.RestartPolicy != nil && !known.started || container.RestartPolicy == nil && (!known.done || known.finalFailure) {
			return false
		}
	}
	return w.box != nil
}

func (w *podWorker) containersReady(pod *corev1.Pod) bool {
	for _, container := range pod.Spec.InitContainers {
		if container.RestartPolicy != nil && !w.containers[container.Name].ready {
			return false
		}
	}
	for _, container := range pod.Spec.Containers {
		if !w.containers[container.Name].ready {
			return false
		}
	}
	return true
}
