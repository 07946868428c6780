package main

import (
	"context"
	"fmt"
	"sort"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/api/v1/resource"
	"k8s.io/kubernetes/pkg/fieldpath"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
	"k8s.io/utils/ptr"
)

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment gives a container's variables in the kubelet's order of precedence: the image's, the
// cluster's, envFrom, env.
func (n *Node) environment(ctx context.Context, pod *corev1.Pod, container *corev1.Container, image *Image) (map[string]string, error) {
	values := map[string]string{"PATH": defaultPath, "HOSTNAME": hostnameOf(pod), "HOME": "/"}
	for name, value := range image.Env {
		values[name] = value
	}
	values["KUBERNETES_SERVICE_HOST"] = n.config.APIHost
	values["KUBERNETES_SERVICE_PORT"] = n.config.APIPort
	values["KUBERNETES_SERVICE_PORT_HTTPS"] = n.config.APIPort
	for _, source := range container.EnvFrom {
		if err := n.addFrom(ctx, pod.Namespace, source, values); err != nil {
			return nil, err
		}
	}
	for _, variable := range container.Env {
		value, present, err := n.value(ctx, pod, container, variable, values)
		if err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", variable.Name, err)
		}
		if present {
			values[variable.Name] = value
		}
	}
	return values, nil
}

func (n *Node) value(ctx context.Context, pod *corev1.Pod, container *corev1.Container, variable corev1.EnvVar, known map[string]string) (string, bool, error) {
	from := variable.ValueFrom
	switch {
	case from == nil:
		return expansion.Expand(variable.Value, expansion.MappingFuncFor(known)), true, nil
	case from.FieldRef != nil:
		value, err := podField(pod, n.config.Address, from.FieldRef.FieldPath)
		return value, true, err
	case from.ResourceFieldRef != nil:
		allocatable := corev1.ResourceList{corev1.ResourceMemory: machineMemory()}
		value, err := resource.ExtractResourceValueByContainerNameAndNodeAllocatable(from.ResourceFieldRef, pod, container.Name, allocatable)
		if from.ResourceFieldRef.Resource == "limits.cpu" && value == "0" {
			// Without a limit a kubelet answers with the node's cores; GOMAXPROCS is set from this.
			value = fmt.Sprint(cpuCount())
		}
		return value, true, err
	case from.ConfigMapKeyRef != nil:
		found, err := n.client.CoreV1().ConfigMaps(pod.Namespace).Get(ctx, from.ConfigMapKeyRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", false, ignoreMissing(err, from.ConfigMapKeyRef.Optional)
		}
		value, ok := found.Data[from.ConfigMapKeyRef.Key]
		return keyOr(value, ok, from.ConfigMapKeyRef.Key, from.ConfigMapKeyRef.Optional)
	case from.SecretKeyRef != nil:
		found, err := n.client.CoreV1().Secrets(pod.Namespace).Get(ctx, from.SecretKeyRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", false, ignoreMissing(err, from.SecretKeyRef.Optional)
		}
		value, ok := found.Data[from.SecretKeyRef.Key]
		return keyOr(string(value), ok, from.SecretKeyRef.Key, from.SecretKeyRef.Optional)
	}
	return "", false, fmt.Errorf("its source is not played by the lab")
}

func (n *Node) addFrom(ctx context.Context, namespace string, source corev1.EnvFromSource, values map[string]string) error {
	switch {
	case source.ConfigMapRef != nil:
		found, err := n.client.CoreV1().ConfigMaps(namespace).Get(ctx, source.ConfigMapRef.Name, metav1.GetOptions{})
		if err != nil {
			return ignoreMissing(err, source.ConfigMapRef.Optional)
		}
		for key, value := range found.Data {
			values[source.Prefix+key] = value
		}
	case source.SecretRef != nil:
		found, err := n.client.CoreV1().Secrets(namespace).Get(ctx, source.SecretRef.Name, metav1.GetOptions{})
		if err != nil {
			return ignoreMissing(err, source.SecretRef.Optional)
		}
		for key, value := range found.Data {
			values[source.Prefix+key] = string(value)
		}
	}
	return nil
}

// podField adds to the kubelet's own extraction the fields that only a node knows.
func podField(pod *corev1.Pod, nodeAddress, field string) (string, error) {
	switch field {
	case "status.podIP", "status.podIPs":
		return pod.Status.PodIP, nil
	case "status.hostIP", "status.hostIPs":
		return nodeAddress, nil
	case "spec.nodeName":
		return pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName, nil
	}
	return fieldpath.ExtractFieldPathAsString(pod, field)
}

// commandLine joins image and container as a runtime does: command replaces the entrypoint and drops the
// image's arguments; args replace only those. Only the pod's own words name variables.
func commandLine(container *corev1.Container, image *Image, values map[string]string) []string {
	mapping := expansion.MappingFuncFor(values)
	expanded := func(words []string) []string {
		var result []string
		for _, word := range words {
			result = append(result, expansion.Expand(word, mapping))
		}
		return result
	}
	entrypoint, arguments := image.Entrypoint, image.Command
	if len(container.Command) > 0 {
		entrypoint, arguments = expanded(container.Command), nil
	}
	if len(container.Args) > 0 {
		arguments = expanded(container.Args)
	}
	return append(append([]string{}, entrypoint...), arguments...)
}

func sortedPairs(values map[string]string) []string {
	pairs := make([]string, 0, len(values))
	for name, value := range values {
		pairs = append(pairs, name+"="+value)
	}
	sort.Strings(pairs)
	return pairs
}

func hostnameOf(pod *corev1.Pod) string {
	if pod.Spec.Hostname != "" {
		return pod.Spec.Hostname
	}
	const longestHostname = 63
	return pod.Name[:min(len(pod.Name), longestHostname)]
}

func ignoreMissing(err error, optional *bool) error {
	if apierrors.IsNotFound(err) && ptr.Deref(optional, false) {
		return nil
	}
	return err
}

func keyOr(value string, ok bool, key string, optional *bool) (string, bool, error) {
	if !ok && !ptr.Deref(optional, false) {
		return "", false, fmt.Errorf("there is no key %q", key)
	}
	return value, ok, nil
}
