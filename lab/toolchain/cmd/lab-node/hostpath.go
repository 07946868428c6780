package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// hostRoot is the file system of the lab's node: what a hostPath volume means here. Nothing of this machine is in it.
func (n *Node) hostRoot() string { return filepath.Join(n.config.StateDir, "host") }

// makeHostRoot makes what every node has before its first pod.
func (n *Node) makeHostRoot() error {
	root := n.hostRoot()
	for _, name := range []string{"etc", "opt", "run", "var/lib"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	err := os.Symlink("../run", filepath.Join(root, "var/run"))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// hostPath gives a pod a directory of the lab's node. The one directory of this machine that a pod may have is
// /proc, and that read-only: the CNI agent looks for a pod's network namespace there.
func (v *volumes) hostPath(name string, source *corev1.HostPathVolumeSource) error {
	wanted := path.Clean("/" + source.Path)
	if wanted == procPath {
		if err := v.onlyMountedReadOnly(name); err != nil {
			return err
		}
		return link(procPath, v.path(name))
	}
	for _, kept := range []string{"/proc", "/sys", "/dev", "/"} {
		if wanted == kept || kept != "/" && strings.HasPrefix(wanted, kept+"/") {
			return fmt.Errorf("hostPath %s: the lab's node is a process of this machine and does not give that away", wanted)
		}
	}
	directory := filepath.Join(v.node.hostRoot(), wanted)
	switch kind := ptr.Deref(source.Type, corev1.HostPathUnset); kind {
	case corev1.HostPathUnset, corev1.HostPathDirectoryOrCreate:
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return fmt.Errorf("hostPath %s: %w", wanted, err)
		}
	case corev1.HostPathDirectory:
		if info, err := os.Stat(directory); err != nil || !info.IsDir() {
			return fmt.Errorf("hostPath %s: the lab's node has no such directory", wanted)
		}
	default:
		return fmt.Errorf("hostPath %s: type %s is not played by the lab, whose node has directories only", wanted, kind)
	}
	return link(directory, v.path(name))
}

const procPath = "/proc"

func (v *volumes) onlyMountedReadOnly(name string) error {
	for _, container := range allContainers(v.pod) {
		for _, mounted := range container.VolumeMounts {
			if mounted.Name == name && !mounted.ReadOnly {
				return fmt.Errorf("hostPath %s: container %s must mount it read-only", procPath, container.Name)
			}
		}
	}
	return nil
}

// nodeProcess is mounted over process 1 wherever /proc is: what a pod takes for the node is this program, whose
// network is the node's, and not this machine's first process.
func nodeProcess(pod *corev1.Pod, mounted corev1.VolumeMount) []mount {
	for _, volume := range pod.Spec.Volumes {
		if volume.Name == mounted.Name && volume.HostPath != nil && path.Clean("/"+volume.HostPath.Path) == procPath {
			own := fmt.Sprintf("/proc/%d", os.Getpid())
			return []mount{{Source: own, Target: filepath.Join(mounted.MountPath, "1"), ReadOnly: true}}
		}
	}
	return nil
}

// link makes a volume's directory another one; the mount follows it.
func link(directory, name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	err := os.Symlink(directory, name)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
