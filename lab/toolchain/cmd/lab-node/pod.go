package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	volumeutil "k8s.io/kubernetes/pkg/volume/util"
	"k8s.io/utils/ptr"
)

const setUpRetry = time.Second

// podWorker runs one pod from binding to its end. One goroutine drives it (run), one for each container
// keeps that running (supervise), one writes the status (writeStatus).
type podWorker struct {
	node    *Node
	dir     string
	volumes *volumes
	box     *sandbox

	mu         sync.Mutex
	pod        *corev1.Pod
	containers map[string]*containerState
	problem    string // why the pod cannot be set up yet

	deleted   chan struct{} // closed when the pod is to end
	gone      chan struct{} // closed when the API object no longer exists
	deleteOne sync.Once
	goneOne   sync.Once
	cleanOne  sync.Once
	changed   chan struct{} // one pending wish to write the status

	nodeCtx context.Context // ends with the node
	ending  termination
	extras  sync.WaitGroup // ephemeral containers
	alive   context.Context
}

// containerState is what the status says of one container.
type containerState struct {
	state        corev1.ContainerState
	last         corev1.ContainerState
	restarts     int32
	started      bool
	ready        bool
	finalFailure bool
	done         bool // will not be started again
	process      *process
	begun        bool          // somebody keeps it running
	over         chan struct{} // closed when nobody does any more
}

func waitingToInitialize() *containerState {
	return &containerState{
		over:  make(chan struct{}),
		state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}},
	}
}

func newPodWorker(node *Node, pod *corev1.Pod) *podWorker {
	dir := filepath.Join(node.config.StateDir, "pods", string(pod.UID))
	worker := &podWorker{
		node: node, pod: pod, dir: dir, containers: map[string]*containerState{},
		deleted: make(chan struct{}), gone: make(chan struct{}), changed: make(chan struct{}, 1),
		volumes: newVolumes(node, pod, dir),
	}
	for _, container := range allContainers(pod) {
		worker.containers[container.Name] = waitingToInitialize()
	}
	worker.update(pod)
	return worker
}

func newVolumes(node *Node, pod *corev1.Pod, dir string) *volumes {
	made := &volumes{node: node, pod: pod, dir: dir, user: volumeutil.FsUserFrom(pod), tokens: map[string]issuedToken{}}
	if pod.Spec.SecurityContext != nil {
		made.group = pod.Spec.SecurityContext.FSGroup
	}
	return made
}

func (w *podWorker) update(pod *corev1.Pod) {
	w.mu.Lock()
	before := w.pod
	w.pod = pod
	w.mu.Unlock()
	if gatesOpen(before) != gatesOpen(pod) {
		w.touch()
	}
	w.startEphemeral()
	if pod.DeletionTimestamp != nil {
		w.deleteOne.Do(func() { close(w.deleted) })
	}
}

// abandon is called when the API object is gone: there is nobody left to wait for.
func (w *podWorker) abandon() {
	w.goneOne.Do(func() { close(w.gone) })
	w.deleteOne.Do(func() { close(w.deleted) })
}

func (w *podWorker) current() *corev1.Pod {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pod.DeepCopy()
}

func (w *podWorker) run(nodeCtx context.Context) {
	ctx, cancel := context.WithCancel(nodeCtx)
	defer cancel()
	w.nodeCtx = nodeCtx
	statusDone := make(chan struct{})
	statusCtx, stopStatus := context.WithCancel(context.WithoutCancel(nodeCtx))
	go func() { defer close(statusDone); w.writeStatus(statusCtx) }()

	finishedAlone := make(chan struct{})
	go func() {
		defer close(finishedAlone)
		w.live(ctx)
	}()
	select {
	case <-w.deleted:
	case <-nodeCtx.Done():
	case <-finishedAlone:
		// Completed: its files and network go now, its object when someone deletes it.
		w.tearDown()
		select {
		case <-w.deleted:
		case <-nodeCtx.Done():
		}
	}
	cancel()
	<-finishedAlone
	w.tearDown()
	stopStatus()
	<-statusDone
	if nodeCtx.Err() == nil {
		w.confirmDeletion()
		_ = os.RemoveAll(w.logDir())
	}
}

func (w *podWorker) nodeStopping() bool { return w.nodeCtx.Err() != nil }

// live sets the pod up and stays until its containers are done for good or ctx ends.
func (w *podWorker) live(ctx context.Context) {
	if !w.retry(ctx, w.setUp) {
		return
	}
	go w.refreshVolumes(ctx)
	defer w.allowEphemeral(ctx)()
	pod := w.current()
	var sidecars sync.WaitGroup
	sidecarCtx, stopSidecars := context.WithCancel(ctx)
	defer sidecars.Wait()
	defer stopSidecars()
	for i := range pod.Spec.InitContainers {
		container := &pod.Spec.InitContainers[i]
		if ptr.Deref(container.RestartPolicy, "") == corev1.ContainerRestartPolicyAlways {
			started := make(chan struct{})
			sidecars.Add(1)
			go func() {
				defer sidecars.Done()
				w.supervise(sidecarCtx, container, corev1.RestartPolicyAlways, started)
			}()
			select {
			case <-started:
			case <-ctx.Done():
				return
			}
			continue
		}
		policy := pod.Spec.RestartPolicy
		if policy == corev1.RestartPolicyAlways {
			policy = corev1.RestartPolicyOnFailure
		}
		if !w.supervise(ctx, container, policy, make(chan struct{})) {
			return
		}
	}
	var main sync.WaitGroup
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		main.Add(1)
		go func() {
			defer main.Done()
			w.supervise(ctx, container, pod.Spec.RestartPolicy, make(chan struct{}))
		}()
	}
	main.Wait()
}

// retry repeats a step until it works, showing in the status why it does not.
func (w *podWorker) retry(ctx context.Context, step func(context.Context) error) bool {
	for ctx.Err() == nil {
		err := step(ctx)
		w.mu.Lock()
		w.problem = ""
		if err != nil {
			w.problem = err.Error()
		}
		w.mu.Unlock()
		w.touch()
		if err == nil {
			return true
		}
		select {
		case <-ctx.Done():
		case <-time.After(setUpRetry):
		}
	}
	return false
}

func (w *podWorker) setUp(ctx context.Context) error {
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		return err
	}
	if w.box == nil {
		box, err := w.node.startSandbox(w.current())
		if err != nil {
			return err
		}
		if err := w.node.attach(box, w.current()); err != nil {
			w.node.stopSandbox(box)
			return err
		}
		w.mu.Lock()
		w.box = box
		w.pod = w.pod.DeepCopy()
		w.pod.Status.PodIP = box.address.String()
		w.volumes.pod = w.pod
		w.mu.Unlock()
	}
	return w.volumes.write(ctx)
}

func (w *podWorker) refreshVolumes(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(volumeRefreshPeriod):
			if err := w.volumes.write(ctx); err != nil && ctx.Err() == nil {
				klog.ErrorS(err, "refreshing volumes", "pod", klog.KObj(w.current()))
			}
		}
	}
}

// tearDown runs when every container has stopped.
func (w *podWorker) tearDown() {
	w.cleanOne.Do(func() {
		if w.box != nil {
			if !w.nodeStopping() {
				w.node.detach(w.box, w.current())
			}
			w.node.stopSandbox(w.box)
		}
		if err := os.RemoveAll(w.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			klog.ErrorS(err, "removing the pod's files")
		}
		w.touch()
	})
}
