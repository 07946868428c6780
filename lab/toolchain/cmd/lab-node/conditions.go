package main

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// gatesOpen is what makes a pod wait for a load balancer's target to be healthy.
func gatesOpen(pod *corev1.Pod) bool {
	for _, gate := range pod.Spec.ReadinessGates {
		open := false
		for _, condition := range pod.Status.Conditions {
			open = open || condition.Type == gate.ConditionType && condition.Status == corev1.ConditionTrue
		}
		if !open {
			return false
		}
	}
	return true
}

func setCondition(status *corev1.PodStatus, kind corev1.PodConditionType, value bool, reason, message string) {
	wanted := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason, Message: message}
	if value {
		wanted.Status = corev1.ConditionTrue
	}
	for i, existing := range status.Conditions {
		if existing.Type != kind {
			continue
		}
		wanted.LastTransitionTime = existing.LastTransitionTime
		if existing.Status != wanted.Status {
			wanted.LastTransitionTime = metav1.Now()
		}
		wanted.ObservedGeneration = existing.ObservedGeneration
		status.Conditions[i] = wanted
		return
	}
	wanted.LastTransitionTime = metav1.Now()
	status.Conditions = append(status.Conditions, wanted)
}

func qualityOf(pod *corev1.Pod) corev1.PodQOSClass {
	if pod.Status.QOSClass != "" {
		return pod.Status.QOSClass
	}
	return corev1.PodQOSBurstable
}

func isInit(pod *corev1.Pod, name string) bool {
	for _, container := range pod.Spec.InitContainers {
		if container.Name == name {
			return true
		}
	}
	return false
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

func reasonIf(problem, reason string) string {
	if problem == "" {
		return ""
	}
	return reason
}

func reasonUnless(ok bool, reason string) string {
	if ok {
		return ""
	}
	return reason
}
