package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	internalapi "k8s.io/cri-api/pkg/apis"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-client/pkg/logs"
	coreconversion "k8s.io/kubernetes/pkg/apis/core/v1"
)

// Of each container the run that is on and the one before it have a log, as with a kubelet.
const keptRuns = 2

func (w *podWorker) logDir() string {
	pod := w.current()
	return filepath.Join(w.node.config.LogDir, pod.Namespace+"_"+pod.Name+"_"+string(pod.UID))
}

func (w *podWorker) logPath(container string, attempt int32) string {
	return filepath.Join(w.logDir(), container, fmt.Sprintf("%d.log", attempt))
}

// openLog makes the log of a new run and removes those that nobody can ask for any more.
func (w *podWorker) openLog(container string, attempt int32) (*output, error) {
	path := w.logPath(container, attempt)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	old := w.logPath(container, attempt-keptRuns)
	_ = os.Remove(old)
	_ = os.Remove(old + ".1")
	return newOutput(path)
}

func (n *Node) serveLogs(w http.ResponseWriter, r *http.Request, worker *podWorker) {
	options, err := logOptions(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	path, run, err := worker.findLog(r.PathValue("container"), options.Previous)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "the connection cannot be flushed", http.StatusInternalServerError)
		return
	}
	var wait internalapi.RuntimeService = runs{run: run}
	target := flushing{Writer: w, flusher: flusher}
	out, errOut := io.Writer(target), io.Writer(target)
	switch {
	case options.Stream == nil:
	case *options.Stream == corev1.LogStreamStdout:
		errOut = nil
	case *options.Stream == corev1.LogStreamStderr:
		out = nil
	}
	if options.Follow {
		flusher.Flush() // the headers, so that the client knows that it is connected
	}
	if err := readLog(r.Context(), path, criOptions(options), wait, out, errOut); err != nil && r.Context().Err() == nil {
		fmt.Fprintf(w, "reading the log: %v\n", err)
	}
}

// readLog reads the file before the one in use as well, unless only the newest lines are wanted.
func readLog(ctx context.Context, path string, options *logs.LogOptions, wait internalapi.RuntimeService, out, errOut io.Writer) error {
	if _, err := os.Stat(path + ".1"); err == nil && options.TailLines == nil && options.LimitBytes == nil {
		older := *options
		older.Follow = false
		if err := logs.ReadLogs(ctx, path+".1", "", &older, wait, out, errOut); err != nil {
			return err
		}
	}
	return logs.ReadLogs(ctx, path, "", options, wait, out, errOut)
}

// logOptions reads the query as the API server wrote it; `tailLines=all` is a kubelet's own spelling.
func logOptions(query url.Values) (*corev1.PodLogOptions, error) {
	if query.Get("tailLines") == "all" {
		query.Del("tailLines")
	}
	options := &corev1.PodLogOptions{}
	if err := coreconversion.Convert_url_Values_To_v1_PodLogOptions(&query, options, nil); err != nil {
		return nil, fmt.Errorf("log options: %w", err)
	}
	return options, nil
}

func criOptions(options *corev1.PodLogOptions) *logs.LogOptions {
	result := &logs.LogOptions{
		TailLines: options.TailLines, LimitBytes: options.LimitBytes,
		Follow: options.Follow, Timestamp: options.Timestamps,
	}
	if options.TailLines != nil && *options.TailLines < 0 || options.TailLines != nil && *options.TailLines == math.MaxInt64 {
		result.TailLines = nil
	}
	switch {
	case options.SinceSeconds != nil:
		result.Since = time.Now().Add(-time.Duration(*options.SinceSeconds) * time.Second)
	case options.SinceTime != nil:
		result.Since = options.SinceTime.Time
	}
	return result
}

// findLog gives the log of a container's run, and the run if it is still on.
func (w *podWorker) findLog(container string, previous bool) (string, *process, error) {
	w.mu.Lock()
	known, ok := w.containers[container]
	if !ok {
		w.mu.Unlock()
		return "", nil, fmt.Errorf("container %q is not in pod %q", container, w.pod.Name)
	}
	name, waiting, run, attempt := w.pod.Name, known.state.Waiting, known.process, known.restarts
	ran := run != nil || known.state.Terminated != nil || known.last.Terminated != nil
	hasPrevious := known.last.Terminated != nil
	w.mu.Unlock()
	if previous {
		if !hasPrevious {
			return "", nil, fmt.Errorf("previous terminated container %q in pod %q not found", container, name)
		}
		if waiting == nil {
			attempt--
		}
		return w.logPath(container, attempt), nil, nil
	}
	if !ran {
		reason := "PodInitializing"
		if waiting != nil {
			reason = waiting.Reason
			if waiting.Message != "" {
				reason += ": " + waiting.Message
			}
		}
		return "", nil, fmt.Errorf("container %q in pod %q is waiting to start: %s", container, name, reason)
	}
	return w.logPath(container, attempt), run, nil
}

// runs answers the one question that the reader of logs has for a container runtime: is it still running?
type runs struct {
	internalapi.RuntimeService
	run *process
}

// ContainerStatus tells whether the run whose log is being followed is on.
func (r runs) ContainerStatus(context.Context, string, bool) (*runtimeapi.ContainerStatusResponse, error) {
	state := runtimeapi.ContainerState_CONTAINER_EXITED
	if r.run != nil {
		select {
		case <-r.run.exited:
		default:
			state = runtimeapi.ContainerState_CONTAINER_RUNNING
		}
	}
	return &runtimeapi.ContainerStatusResponse{Status: &runtimeapi.ContainerStatus{State: state}}, nil
}

// flushing sends every line at once: someone may be reading along.
type flushing struct {
	io.Writer
	flusher http.Flusher
}

// Write sends what it is given.
func (f flushing) Write(data []byte) (int, error) {
	written, err := f.Writer.Write(data)
	f.flusher.Flush()
	return written, err
}
