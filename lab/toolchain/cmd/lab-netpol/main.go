// Command lab-netpol enforces NetworkPolicies on the nodes of the lab's cluster, in the network namespace of all of them, which it is
// started in. It is the lab's own and plays the part of the VPC CNI's agent, written from the specification
// (https://kubernetes.io/docs/concepts/services-networking/network-policies/ and the types of networking.k8s.io/v1).
//
// It knows the API and the packets only: pods, namespaces and policies become one nftables table, replaced as a whole
// whenever it changes, that looks at what the node forwards and what pods send to the node itself. Who made the pods'
// interfaces is all the same to it. As with the VPC CNI in its standard mode, a pod whose address is not in the API yet
// may do anything; what is connected stays so.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

const (
	// gathering lets changes that come together be one: a rollout, the pods of a job.
	gathering = 20 * time.Millisecond
	// again is when a table that the kernel refused is tried again.
	again = time.Second
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "whose rights it has")
	var aliases aliases
	flag.Var(&aliases, "alias", "RANGE=RANGE: an ipBlock that holds all of the first one means the second as well")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, *kubeconfig, aliases); err != nil {
		klog.Flush()
		fmt.Fprintf(os.Stderr, "lab-netpol: %v\n", err)
		os.Exit(1)
	}
}

// run keeps the table as the API has it until it is told to end. The last table stays: without this program nothing
// is let through that was not before.
func run(ctx context.Context, kubeconfig string, aliases aliases) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	watched := watch(ctx, client)
	if watched == nil {
		return nil
	}
	var inPlace string
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watched.changed:
		}
		time.Sleep(gathering)
		seen, err := watched.cluster(aliases)
		if err != nil {
			return err
		}
		wanted := seen.table()
		if wanted == inPlace {
			continue
		}
		if err := load(ctx, wanted); err != nil {
			klog.ErrorS(err, "the table could not be replaced")
			time.AfterFunc(again, watched.note)
			continue
		}
		inPlace = wanted
		klog.InfoS("policies in place", "pods", len(seen.pods), "policies", len(seen.policies))
	}
}

// load replaces the table in one transaction of the kernel's.
func load(ctx context.Context, table string) error {
	command := exec.CommandContext(ctx, "nft", "-f", "-")
	command.Stdin = bytes.NewBufferString(table)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, output)
	}
	return nil
}

// watched is what the API has, and whether it changed since it was last looked at.
type watched struct {
	factory informers.SharedInformerFactory
	changed chan struct{}
}

// watch gives nothing if it was told to end before all was seen once.
func watch(ctx context.Context, client kubernetes.Interface) *watched {
	w := &watched{
		factory: informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(withoutBookkeeping)),
		changed: make(chan struct{}, 1),
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { w.note() },
		UpdateFunc: func(any, any) { w.note() },
		DeleteFunc: func(any) { w.note() },
	}
	for _, informer := range []cache.SharedIndexInformer{
		w.factory.Core().V1().Pods().Informer(),
		w.factory.Core().V1().Namespaces().Informer(),
		w.factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		_, _ = informer.AddEventHandler(handler)
	}
	w.factory.Start(ctx.Done())
	for _, synced := range w.factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil
		}
	}
	w.note()
	return w
}

func (w *watched) note() {
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *watched) cluster(aliases aliases) (*cluster, error) {
	all, err := w.factory.Core().V1().Pods().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	namespaces, err := w.factory.Core().V1().Namespaces().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	policies, err := w.factory.Networking().V1().NetworkPolicies().Lister().List(labels.Everything())
	if err != nil {
		return nil, err
	}
	return newCluster(all, namespaces, policies, aliases), nil
}

// withoutBookkeeping keeps of an object what a policy can be about.
func withoutBookkeeping(object any) (any, error) {
	if meta, ok := object.(metav1.Object); ok {
		meta.SetManagedFields(nil)
		meta.SetAnnotations(nil)
	}
	if pod, ok := object.(*corev1.Pod); ok {
		pod.Spec.Volumes, pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses = nil, nil, nil
	}
	return object, nil
}
