package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"
)

const (
	leaseSeconds = 40
	podCapacity  = "110"
	// shutdownWait bounds what SIGTERM to the node costs, whatever the pods' grace periods are.
	shutdownWait = 8 * time.Second
)

// Node watches pods and keeps one worker for each that runs here.
type Node struct {
	config    Config
	client    kubernetes.Interface
	addresses *addressPool

	mu      sync.Mutex
	workers map[types.UID]*podWorker
	running sync.WaitGroup
}

// NewNode connects to the API server but changes nothing yet.
func NewNode(config Config) (*Node, error) {
	rest, err := clientcmd.BuildConfigFromFlags("", config.Kubeconfig)
	if err != nil {
		return nil, err
	}
	rest.QPS, rest.Burst = 200, 400
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return nil, err
	}
	prefix, err := netip.ParsePrefix(config.PodCIDR)
	if err != nil {
		return nil, fmt.Errorf("podCIDR: %w", err)
	}
	return &Node{
		config:    config,
		client:    client,
		addresses: &addressPool{prefix: prefix, used: map[netip.Addr]bool{}},
		workers:   map[types.UID]*podWorker{},
	}, nil
}

// Run registers the node and serves it until ctx ends; then every pod's processes are stopped.
func (n *Node) Run(ctx context.Context) error {
	if err := awaitAddress(ctx, n.config.Address); err != nil {
		return err
	}
	if err := n.writeNetwork(); err != nil {
		return fmt.Errorf("the node's CNI configuration: %w", err)
	}
	if err := n.register(ctx); err != nil {
		return fmt.Errorf("registering node %s: %w", n.config.NodeName, err)
	}
	if err := n.serveKubelet(ctx); err != nil {
		return fmt.Errorf("the kubelet's endpoints: %w", err)
	}
	go n.renewLease(ctx)
	factory := informers.NewSharedInformerFactory(n.client, 0)
	pods := factory.Core().V1().Pods().Informer()
	_, err := pods.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { n.podChanged(ctx, object.(*corev1.Pod)) },
		UpdateFunc: func(_, object any) { n.podChanged(ctx, object.(*corev1.Pod)) },
		DeleteFunc: func(object any) {
			if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
				object = tombstone.Obj
			}
			if pod, ok := object.(*corev1.Pod); ok {
				n.podGone(pod.UID)
			}
		},
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	klog.InfoS("node is up", "node", n.config.NodeName, "address", n.config.Address, "pods", n.config.PodCIDR)
	<-ctx.Done()
	n.stopAll()
	return nil
}

func (n *Node) podChanged(ctx context.Context, pod *corev1.Pod) {
	switch {
	case pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil:
		go n.schedule(ctx, pod)
	case pod.Spec.NodeName == n.config.NodeName:
		n.mu.Lock()
		defer n.mu.Unlock()
		if worker, ok := n.workers[pod.UID]; ok {
			worker.update(pod)
			return
		}
		if finished(pod) && pod.DeletionTimestamp == nil {
			return
		}
		worker := newPodWorker(n, pod)
		n.workers[pod.UID] = worker
		n.running.Add(1)
		go func() {
			defer n.running.Done()
			worker.run(ctx)
		}()
	}
}

func (n *Node) podGone(uid types.UID) {
	n.mu.Lock()
	worker := n.workers[uid]
	delete(n.workers, uid)
	n.mu.Unlock()
	if worker != nil {
		worker.abandon()
	}
}

func (n *Node) stopAll() {
	done := make(chan struct{})
	go func() { n.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(shutdownWait):
		// Children die with this process (Pdeathsig), so nothing is left either way.
		klog.InfoS("some pods did not stop in time", "waited", shutdownWait)
	}
}

// schedule binds a pod, or says in its PodScheduled condition why it cannot run in the lab.
func (n *Node) schedule(ctx context.Context, pod *corev1.Pod) {
	if reason := missingImages(n.config.Images, pod); reason != "" {
		n.markUnschedulable(ctx, pod, reason)
		return
	}
	binding := &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: n.config.NodeName},
	}
	err := n.client.CoreV1().Pods(pod.Namespace).Bind(ctx, binding, metav1.CreateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		klog.ErrorS(err, "binding", "pod", klog.KObj(pod))
	}
}

func (n *Node) markUnschedulable(ctx context.Context, pod *corev1.Pod, reason string) {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Message == reason {
			return
		}
	}
	changed := pod.DeepCopy()
	changed.Status.Phase = corev1.PodPending
	setCondition(&changed.Status, corev1.PodScheduled, false, corev1.PodReasonUnschedulable, reason)
	_, err := n.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) && ctx.Err() == nil {
		klog.ErrorS(err, "writing why it is not scheduled", "pod", klog.KObj(pod))
	}
}

func (n *Node) register(ctx context.Context) error {
	hostname, err := os.Hostname()
	if err != nil {
		return err
	}
	labels := map[string]string{
		corev1.LabelHostname: n.config.NodeName, corev1.LabelOSStable: "linux", corev1.LabelArchStable: runtime.GOARCH,
	}
	for key, value := range n.config.Labels {
		labels[key] = value
	}
	nodes := n.client.CoreV1().Nodes()
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.config.NodeName, Labels: labels},
		Spec:       corev1.NodeSpec{PodCIDR: n.config.PodCIDR, ProviderID: n.config.ProviderID},
	}
	if _, err := nodes.Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	current, err := nodes.Get(ctx, n.config.NodeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	now := metav1.Now()
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewQuantity(int64(runtime.NumCPU()), resource.DecimalSI),
		corev1.ResourceMemory: machineMemory(),
		corev1.ResourcePods:   resource.MustParse(podCapacity),
	}
	current.Status.Capacity, current.Status.Allocatable = capacity, capacity
	current.Status.Addresses = []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: n.config.Address}, {Type: corev1.NodeHostName, Address: hostname},
	}
	current.Status.DaemonEndpoints.KubeletEndpoint.Port = kubeletPort
	current.Status.NodeInfo = corev1.NodeSystemInfo{
		OperatingSystem: "linux", Architecture: runtime.GOARCH, KubeletVersion: n.config.Version,
		ContainerRuntimeVersion: "processes://lab",
	}
	current.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "LabNodeReady",
		Message: "pods run as processes of this machine", LastHeartbeatTime: now, LastTransitionTime: now,
	}}
	_, err = nodes.UpdateStatus(ctx, current, metav1.UpdateOptions{})
	return err
}

// renewLease is the node's heartbeat; without it the controller manager would evict every pod.
func (n *Node) renewLease(ctx context.Context) {
	leases := n.client.CoordinationV1().Leases(corev1.NamespaceNodeLease)
	for ctx.Err() == nil {
		now := metav1.NowMicro()
		lease, err := leases.Get(ctx, n.config.NodeName, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			_, err = leases.Create(ctx, &coordinationv1.Lease{
				ObjectMeta: metav1.ObjectMeta{Name: n.config.NodeName},
				Spec: coordinationv1.LeaseSpec{
					HolderIdentity: &n.config.NodeName, LeaseDurationSeconds: ptr.To[int32](leaseSeconds), RenewTime: &now,
				},
			}, metav1.CreateOptions{})
		} else if err == nil {
			lease.Spec.RenewTime = &now
			_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
		}
		wait := leaseSeconds / 4 * time.Second
		if err != nil {
			klog.ErrorS(err, "renewing the node's lease")
			wait = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// machineMemory reads MemTotal; a node that cannot tell claims one GiB rather than none.
func machineMemory() resource.Quantity {
	data, err := os.ReadFile("/proc/meminfo")
	if err == nil {
		var kilobytes int64
		if _, err := fmt.Sscanf(string(data), "MemTotal: %d kB", &kilobytes); err == nil {
			return *resource.NewQuantity(kilobytes*1024, resource.BinarySI)
		}
	}
	return resource.MustParse("1Gi")
}

// addressPool hands out the pods' addresses.
type addressPool struct {
	mu     sync.Mutex
	prefix netip.Prefix
	last   netip.Addr
	used   map[netip.Addr]bool
}

// take gives the next free address, going round, so that one just released is not reused at once.
func (p *addressPool) take() (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	candidate := p.last
	for range 1 << 16 {
		if !candidate.IsValid() || !p.prefix.Contains(candidate.Next()) {
			candidate = p.prefix.Masked().Addr()
		}
		candidate = candidate.Next()
		if !p.used[candidate] {
			p.used[candidate], p.last = true, candidate
			return candidate, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("no address left in %s", p.prefix)
}

func (p *addressPool) release(address netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, address)
}
