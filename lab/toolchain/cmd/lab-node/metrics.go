package main

import (
	"fmt"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the kernel's USER_HZ, in which /proc counts processor time: 100 wherever Linux runs.
const ticksPerSecond = 100

// usage is what a container, a pod or the node has used: processor time since it began, and memory now.
type usage struct {
	seconds float64
	bytes   uint64
}

func (u *usage) add(other usage) {
	u.seconds += other.seconds
	u.bytes += other.bytes
}

type containerUsage struct {
	usage
	name    string
	started time.Time
}

// serveResourceMetrics answers as a kubelet's /metrics/resource, which is what metrics-server reads. The node's numbers
// are the sum of its pods': the rest of this machine is not the lab's.
func (n *Node) serveResourceMetrics(w http.ResponseWriter, _ *http.Request) {
	byNamespace := processesByNamespace()
	now := time.Now().UnixMilli()
	families := map[string][]string{}
	sample := func(family, labels string, value float64) {
		text := strconv.FormatFloat(value, 'g', -1, 64)
		families[family] = append(families[family], fmt.Sprintf("%s%s %s %d", family, labels, text, now))
	}
	var node usage
	for _, worker := range n.allWorkers() {
		meta := worker.current()
		var pod usage
		measured := worker.used(byNamespace)
		for _, container := range measured {
			labels := fmt.Sprintf("{container=%q,namespace=%q,pod=%q}", container.name, meta.Namespace, meta.Name)
			sample("container_cpu_usage_seconds_total", labels, container.seconds)
			sample("container_memory_working_set_bytes", labels, float64(container.bytes))
			sample("container_start_time_seconds", labels, float64(container.started.UnixMilli())/1000)
			pod.add(container.usage)
		}
		if len(measured) > 0 {
			labels := fmt.Sprintf("{namespace=%q,pod=%q}", meta.Namespace, meta.Name)
			sample("pod_cpu_usage_seconds_total", labels, pod.seconds)
			sample("pod_memory_working_set_bytes", labels, float64(pod.bytes))
		}
		node.add(pod)
	}
	sample("node_cpu_usage_seconds_total", "", node.seconds)
	sample("node_memory_working_set_bytes", "", float64(node.bytes))
	sample("resource_scrape_error", "", 0)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	for _, family := range sortedKeys(families) {
		kind := "gauge"
		if strings.HasSuffix(family, "_seconds_total") {
			kind = "counter"
		}
		fmt.Fprintf(w, "# TYPE %s %s\n%s\n", family, kind, strings.Join(families[family], "\n"))
	}
}

// used measures the containers that run, by their processes: the lab has no control groups.
func (w *podWorker) used(byNamespace map[string][]int) []containerUsage {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []containerUsage
	for _, name := range sortedKeys(w.containers) {
		state := w.containers[name]
		if state.state.Running == nil || state.process == nil {
			continue
		}
		// A container has a process namespace of its own; its first process is this one's child.
		namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", state.process.command.Process.Pid))
		if err != nil {
			continue
		}
		container := containerUsage{name: name, started: state.process.started}
		for _, pid := range byNamespace[namespace] {
			container.add(processUsage(pid))
		}
		found = append(found, container)
	}
	return found
}

func processesByNamespace() map[string][]int {
	found := map[string][]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return found
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid)); err == nil {
			found[namespace] = append(found[namespace], pid)
		}
	}
	return found
}

// processUsage reads what one process used, with its children that are gone; nothing for one that just ended. Its memory
// is what no file stands behind, as a working set has it.
func processUsage(pid int) usage {
	var used usage
	if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
		// utime, stime, cutime and cstime: proc(5), fields 14 to 17 of which two stand before the parenthesis.
		const first, count = 11, 4
		for index := first; index < first+count && index < len(fields); index++ {
			ticks, _ := strconv.ParseFloat(fields[index], 64)
			used.seconds += ticks / ticksPerSecond
		}
	}
	if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
		for _, line := range strings.Split(string(data), "\n") {
			key, value, _ := strings.Cut(line, ":")
			if key != "RssAnon" && key != "RssShmem" {
				continue
			}
			kilobytes, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			used.bytes += kilobytes * 1024
		}
	}
	return used
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
