package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// clients serves what a person does with a pod by kubectl: exec, attach and port-forward.
type clients struct{ worker *podWorker }

// runningProcess gives a container's process, or why there is none.
func (w *podWorker) runningProcess(container string) (*process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	known, ok := w.containers[container]
	if !ok {
		return nil, fmt.Errorf("container %s not found in pod %s", container, w.pod.Name)
	}
	if known.process == nil {
		return nil, fmt.Errorf("container %s of pod %s is not running", container, w.pod.Name)
	}
	return known.process, nil
}

// ExecInContainer runs a command until it ends.
func (c clients) ExecInContainer(ctx context.Context, _, _, container string, command []string, in io.Reader, out, errOut io.WriteCloser, tty bool, resize <-chan remotecommand.TerminalSize, _ time.Duration) error {
	running, err := c.worker.runningProcess(container)
	if err != nil {
		return err
	}
	return running.enter(ctx, command, streams{
		in: in, out: out, err: errOut, terminal: tty, sizes: resize,
	})
}

// AttachContainer shows what the container writes from now on, until it ends or the client goes.
func (c clients) AttachContainer(ctx context.Context, _, _, container string, in io.Reader, out, errOut io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize) error {
	running, err := c.worker.runningProcess(container)
	if err != nil {
		return err
	}
	detach := running.output.attach(out, errOut)
	defer detach()
	if running.output.terminal != nil && resize != nil {
		go followSize(running.output.terminal, resize)
	}
	if in != nil && running.output.stdin != nil {
		go func() {
			_, _ = io.Copy(running.output.stdin, in)
			if running.stdinOnce {
				_ = running.output.stdin.Close()
			}
		}()
	}
	select {
	case <-running.exited:
	case <-ctx.Done():
	}
	return nil
}

// PortForward connects a client's stream with a port on the pod's loopback interface.
func (c clients) PortForward(ctx context.Context, _, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	box := c.worker.sandbox()
	if box == nil {
		return fmt.Errorf("pod %s has no network yet", c.worker.current().Name)
	}
	var connection net.Conn
	err := inNetworkOf(box.process.Process.Pid, func() error {
		var err error
		dialer := net.Dialer{Timeout: 10 * time.Second}
		connection, err = dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port))))
		return err
	})
	if err != nil {
		return fmt.Errorf("port %d inside the pod: %w", port, err)
	}
	defer connection.Close()
	answered := make(chan error, 1)
	go func() {
		_, err := io.Copy(stream, connection)
		answered <- err
	}()
	go func() {
		_, _ = io.Copy(connection, stream)
		if tcp, ok := connection.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}()
	return closedOrNil(<-answered)
}

func (w *podWorker) sandbox() *sandbox {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.box
}

// inNetworkOf runs something in the network namespace of a process. Only the calling thread goes there; a
// thread that cannot come back ends with its goroutine.
func inNetworkOf(pid int, do func() error) error {
	there, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil {
		return err
	}
	defer there.Close()
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		here, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		if err != nil {
			runtime.UnlockOSThread()
			result <- err
			return
		}
		defer here.Close()
		if err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err == nil {
			err = do()
		}
		if unix.Setns(int(here.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}
