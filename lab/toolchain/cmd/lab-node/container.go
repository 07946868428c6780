package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// containerCommand is how this program is told to become a container; the specification is on descriptor 3.
const (
	containerCommand     = "container"
	specDescriptor       = 3
	failureDescriptor    = 4
	startErrorExitStatus = 128
)

// containerSpec is what the process inside the namespaces needs; see rootfs.go for what it does with it.
type containerSpec struct {
	SandboxPID       int      `json:"sandboxPID"`
	Root             string   `json:"root"`
	ReadOnlyRoot     bool     `json:"readOnlyRoot"`
	Mounts           []mount  `json:"mounts"`
	Command          []string `json:"command"`
	Env              []string `json:"env"`
	WorkingDir       string   `json:"workingDir"`
	User             int64    `json:"user"`
	Group            int64    `json:"group"`
	Groups           []int64  `json:"groups"`
	DropCapabilities []string `json:"dropCapabilities"`
	AddCapabilities  []string `json:"addCapabilities"`
	NoNewPrivileges  bool     `json:"noNewPrivileges"`
	Privileged       bool     `json:"privileged"`
	Hosts            string   `json:"hosts"`
	Resolver         string   `json:"resolver"` // the content of /etc/resolv.conf
	// Sysctls are the pod's, of its network namespace.
	Sysctls map[string]string `json:"sysctls"`
}

type mount struct {
	Source   string `json:"source"`
	Target   string `json:"target"`
	ReadOnly bool   `json:"readOnly"`
}

// process is one run of a container.
type process struct {
	command   *exec.Cmd
	spec      containerSpec
	output    *output
	stdinOnce bool
	started   time.Time
	exited    chan struct{} // closed when it ended and its output is in the log; then the rest is set
	status    int
	signal    int
	failure   string // why its command never ran
	ended     time.Time
	killing   sync.Once
}

func (w *podWorker) startContainer(ctx context.Context, container *corev1.Container, attempt int32) (*process, error) {
	image := findImage(w.node.config.Images, container.Image)
	if image == nil {
		return nil, fmt.Errorf("image %s is not in the lab's table", container.Image)
	}
	spec, err := w.containerSpec(ctx, container, image)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(spec.Root, 0o755); err != nil {
		return nil, err
	}
	written, err := w.openLog(container.Name, attempt)
	if err != nil {
		return nil, err
	}
	ends, err := written.open(container.Stdin, container.TTY)
	if err != nil {
		return nil, err
	}
	defer ends.close()
	running := &process{spec: spec, output: written, stdinOnce: container.StdinOnce, exited: make(chan struct{})}
	if err := w.spawn(running, ends); err != nil {
		ends.close()
		written.finish()
		return nil, err
	}
	return running, nil
}

// spawn starts a container and returns when its command runs, or when it is known that it cannot.
func (w *podWorker) spawn(running *process, ends *standardStreams) error {
	specReader, specWriter, err := os.Pipe()
	if err != nil {
		return err
	}
	defer specReader.Close()
	failureReader, failureWriter, err := os.Pipe()
	if err != nil {
		specWriter.Close()
		return err
	}
	defer failureReader.Close()
	command := exec.Command("/proc/self/exe", containerCommand)
	command.Args[0] = "lab-node"
	command.Env = []string{}
	if ends.in != nil {
		command.Stdin = ends.in
	}
	command.Stdout, command.Stderr = ends.out, ends.err
	command.ExtraFiles = []*os.File{specReader, failureWriter}
	command.SysProcAttr = &syscall.SysProcAttr{
		// A process namespace, so that nothing a container starts outlives it.
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true,
		Setctty:    ends.terminal,
	}
	err = command.Start()
	failureWriter.Close()
	if err != nil {
		specWriter.Close()
		return err
	}
	forget := w.node.recordProcess(command.Process.Pid)
	running.command, running.started = command, time.Now()
	encodeErr := json.NewEncoder(specWriter).Encode(running.spec)
	specWriter.Close()
	if encodeErr != nil {
		_ = command.Process.Kill()
	}
	failure, _ := io.ReadAll(failureReader)
	go func() {
		waitErr := command.Wait()
		forget()
		running.output.finish()
		running.ended, running.failure = time.Now(), string(failure)
		running.status, running.signal = exitOf(waitErr)
		close(running.exited)
	}()
	return encodeErr
}

func exitOf(err error) (status, signal int) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		if err != nil {
			return startErrorExitStatus, 0
		}
		return 0, 0
	}
	wait := exit.Sys().(syscall.WaitStatus)
	if wait.Signaled() {
		return startErrorExitStatus + int(wait.Signal()), int(wait.Signal())
	}
	return wait.ExitStatus(), 0
}

// stop sends SIGTERM, and SIGKILL when the grace period is over.
func (p *process) stop(grace time.Duration) {
	p.killing.Do(func() { _ = p.command.Process.Signal(syscall.SIGTERM) })
	select {
	case <-p.exited:
	case <-time.After(grace):
		_ = p.command.Process.Kill()
		<-p.exited
	}
}

func (w *podWorker) containerSpec(ctx context.Context, container *corev1.Container, image *Image) (containerSpec, error) {
	pod := w.current()
	values, err := w.node.environment(ctx, pod, container, image)
	if err != nil {
		return containerSpec{}, err
	}
	security := ptr.Deref(container.SecurityContext, corev1.SecurityContext{})
	podSecurity := ptr.Deref(pod.Spec.SecurityContext, corev1.PodSecurityContext{})
	spec := containerSpec{
		SandboxPID:      w.box.process.Process.Pid,
		Root:            filepath.Join(w.dir, "root", container.Name),
		ReadOnlyRoot:    ptr.Deref(security.ReadOnlyRootFilesystem, false),
		Command:         commandLine(container, image, values),
		Env:             sortedPairs(values),
		WorkingDir:      orElse(container.WorkingDir, image.WorkingDir),
		User:            userOf(pod, container, image),
		NoNewPrivileges: !ptr.Deref(security.AllowPrivilegeEscalation, true),
		Privileged:      ptr.Deref(security.Privileged, false),
		Hosts:           hostsFile(pod),
		Resolver:        resolverFile(pod, w.node.config),
		Sysctls:         map[string]string{},
	}
	for _, sysctl := range podSecurity.Sysctls {
		spec.Sysctls[sysctl.Name] = sysctl.Value
	}
	if len(spec.Command) == 0 {
		return spec, fmt.Errorf("image %s has no command in the lab's table and the pod gives none", container.Image)
	}
	spec.Group = ptr.Deref(firstSet(security.RunAsGroup, podSecurity.RunAsGroup), spec.User)
	spec.Groups = append(spec.Groups, podSecurity.SupplementalGroups...)
	if podSecurity.FSGroup != nil {
		spec.Groups = append(spec.Groups, *podSecurity.FSGroup)
	}
	mustNotBeRoot := ptr.Deref(firstBool(security.RunAsNonRoot, podSecurity.RunAsNonRoot), false)
	if mustNotBeRoot && spec.User == 0 {
		return spec, fmt.Errorf("container has runAsNonRoot and image will run as root")
	}
	if security.Capabilities != nil {
		for _, capability := range security.Capabilities.Drop {
			spec.DropCapabilities = append(spec.DropCapabilities, string(capability))
		}
		for _, capability := range security.Capabilities.Add {
			spec.AddCapabilities = append(spec.AddCapabilities, string(capability))
		}
	}
	for target, source := range image.Files {
		spec.Mounts = append(spec.Mounts, mount{Source: source, Target: target, ReadOnly: true})
	}
	for _, volume := range container.VolumeMounts {
		source := w.volumes.path(volume.Name)
		if volume.SubPath != "" {
			source = filepath.Join(source, volume.SubPath)
		}
		spec.Mounts = append(spec.Mounts, mount{Source: source, Target: volume.MountPath, ReadOnly: volume.ReadOnly})
		spec.Mounts = append(spec.Mounts, nodeProcess(pod, volume)...)
	}
	// An outer mount must come before one inside it.
	sort.SliceStable(spec.Mounts, func(i, j int) bool { return len(spec.Mounts[i].Target) < len(spec.Mounts[j].Target) })
	return spec, nil
}

func userOf(pod *corev1.Pod, container *corev1.Container, image *Image) int64 {
	var fromContainer, fromPod *int64
	if container.SecurityContext != nil {
		fromContainer = container.SecurityContext.RunAsUser
	}
	if pod.Spec.SecurityContext != nil {
		fromPod = pod.Spec.SecurityContext.RunAsUser
	}
	return ptr.Deref(firstSet(fromContainer, fromPod), image.User)
}

func hostsFile(pod *corev1.Pod) string {
	lines := "127.0.0.1\tlocalhost\n::1\tlocalhost\n" + pod.Status.PodIP + "\t" + hostnameOf(pod) + "\n"
	for _, alias := range pod.Spec.HostAliases {
		for _, name := range alias.Hostnames {
			lines += alias.IP + "\t" + name + "\n"
		}
	}
	return lines
}

func firstSet(values ...*int64) *int64 {
	for _, value := range values {
		if value != nil {
			return value
		}
	}
	return nil
}

func firstBool(values ...*bool) *bool {
	for _, value := range values {
		if value != nil {
			return value
		}
	}
	return nil
}
