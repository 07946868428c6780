package main

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Image says what a container of that image is on this machine: which files it sees and what it runs.
type Image struct {
	// Pattern is matched against the whole image reference; "*" stands for anything.
	Pattern string `json:"pattern"`
	// Files maps a path in the container to a file or directory of this machine, read-only.
	Files      map[string]string `json:"files"`
	Entrypoint []string          `json:"entrypoint"`
	Command    []string          `json:"command"`
	// Env is the image's own; the pod's wins.
	Env map[string]string `json:"env"`
	// User is the image's, for pods that name none.
	User int64 `json:"user"`
	// WorkingDir is the image's, for pods that name none.
	WorkingDir string `json:"working_dir"`
}

// findImage returns nil when nothing in the table plays this image.
func findImage(table []Image, reference string) *Image {
	for i := range table {
		parts := strings.Split(table[i].Pattern, "*")
		for j := range parts {
			parts[j] = regexp.QuoteMeta(parts[j])
		}
		if regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(reference) {
			return &table[i]
		}
	}
	return nil
}

// missingImages gives one sentence for a pod that cannot run here, or "".
func missingImages(table []Image, pod *corev1.Pod) string {
	var missing []string
	for _, container := range allContainers(pod) {
		if findImage(table, container.Image) == nil {
			missing = append(missing, fmt.Sprintf("image %s is not in the lab's table", container.Image))
		}
	}
	return strings.Join(missing, "; ")
}

func allContainers(pod *corev1.Pod) []corev1.Container {
	return append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
}
