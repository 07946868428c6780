package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/klog/v2"
)

const (
	kubeletPort = 10250
	// The API server, which has checked what its own client may do.
	kubeletClient     = "kube-apiserver-kubelet-client"
	streamIdleTimeout = 4 * time.Hour // as a kubelet's
)

// listenKubelet is where the kubelet's endpoints listen: the node's address.
func (n *Node) listenKubelet() (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort(n.config.Address, strconv.Itoa(kubeletPort)))
}

// serveKubelet answers the API server until ctx ends.
func (n *Node) serveKubelet(ctx context.Context) error {
	authority, err := os.ReadFile(n.config.ClientAuthority)
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authority) {
		return fmt.Errorf("%s holds no certificate", n.config.ClientAuthority)
	}
	pair, err := tls.LoadX509KeyPair(n.config.KubeletCertificate, n.config.KubeletKey)
	if err != nil {
		return err
	}
	listener, err := n.listenKubelet()
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           n.admitted(n.kubeletHandler()),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		// SPDY takes the connection over, which HTTP/2 does not allow.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go func() {
		secured := tls.NewListener(listener, &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientCAs: clients,
			ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS12,
		})
		if err := server.Serve(secured); err != nil && ctx.Err() == nil {
			klog.ErrorS(err, "the kubelet's endpoints ended")
		}
	}()
	return nil
}

func (n *Node) kubeletHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
	mux.HandleFunc("GET /pods", n.servePods)
	mux.HandleFunc("GET "+resourceMetrics, n.serveResourceMetrics)
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", n.withPod(n.serveLogs))
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", n.withPod(n.serveExec))
	mux.HandleFunc("/attach/{namespace}/{pod}/{container}", n.withPod(n.serveAttach))
	mux.HandleFunc("/portForward/{namespace}/{pod}", n.withPod(n.servePortForward))
	return mux
}

func (n *Node) servePods(w http.ResponseWriter, _ *http.Request) {
	list := corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}}
	for _, worker := range n.allWorkers() {
		list.Items = append(list.Items, *worker.current())
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(list)
}

func (n *Node) allWorkers() []*podWorker {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Values(n.workers))
}

// withPod finds the pod that the path names; of two of one name, the one that is not being deleted.
func (n *Node) withPod(serve func(http.ResponseWriter, *http.Request, *podWorker)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		namespace, name := r.PathValue("namespace"), r.PathValue("pod")
		worker := n.findWorker(namespace, name)
		if worker == nil {
			http.Error(w, fmt.Sprintf("pod %s/%s does not run on this node", namespace, name), http.StatusNotFound)
			return
		}
		serve(w, r, worker)
	}
}

func (n *Node) findWorker(namespace, name string) *podWorker {
	var found *podWorker
	for _, worker := range n.allWorkers() {
		pod := worker.current()
		if pod.Namespace == namespace && pod.Name == name && (found == nil || pod.DeletionTimestamp == nil) {
			found = worker
		}
	}
	return found
}

func (n *Node) serveExec(w http.ResponseWriter, r *http.Request, worker *podWorker) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, clients{worker}, r.PathValue("pod"), "", r.PathValue("container"),
		r.URL.Query()["command"], options, streamIdleTimeout, remotecommand.DefaultStreamCreationTimeout,
		remotecommand.SupportedStreamingProtocols)
}

func (n *Node) serveAttach(w http.ResponseWriter, r *http.Request, worker *podWorker) {
	options, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeAttach(w, r, clients{worker}, r.PathValue("pod"), "", r.PathValue("container"),
		options, streamIdleTimeout, remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
}

func (n *Node) servePortForward(w http.ResponseWriter, r *http.Request, worker *podWorker) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	portforward.ServePortForward(w, r, clients{worker}, r.PathValue("pod"), "", options,
		streamIdleTimeout, remotecommand.DefaultStreamCreationTimeout, portforward.SupportedProtocols)
}
