package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

const (
	// enterCommand is how this program is told to run a command inside a container that runs already.
	enterCommand = "enter"
	// What shells and container runtimes say of a command that cannot be run or is not there.
	cannotRunStatus = 126
	notFoundStatus  = 127
)

// enterSpec is what `kubectl exec`, a hook or a probe runs. The container's own specification gives the
// user, the groups and the capabilities.
type enterSpec struct {
	ContainerPID int           `json:"containerPID"`
	Terminal     bool          `json:"terminal"`
	Container    containerSpec `json:"container"` // with the command to run
}

// streams are a client's; each may be nil.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal bool
	sizes    <-chan remotecommand.TerminalSize
}

// enter runs a command in a container and waits for it. A command that fails gives a utilexec.ExitError.
func (p *process) enter(ctx context.Context, line []string, client streams) error {
	if len(line) == 0 {
		return fmt.Errorf("no command is given")
	}
	spec := enterSpec{ContainerPID: p.command.Process.Pid, Terminal: client.terminal, Container: p.spec}
	spec.Container.Command = line
	if client.terminal {
		spec.Container.Env = append(append([]string{}, spec.Container.Env...), "TERM=xterm")
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	command := exec.CommandContext(ctx, "/proc/self/exe", enterCommand)
	command.Args[0] = "lab-node"
	command.Env = []string{}
	command.ExtraFiles = []*os.File{reader}
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	// What the command leaves behind may hold its output open; nobody waits for that.
	command.WaitDelay = time.Second
	finish, err := client.connect(command)
	if err != nil {
		writer.Close()
		return err
	}
	if err = command.Start(); err == nil {
		err = json.NewEncoder(writer).Encode(spec)
	}
	writer.Close()
	if err != nil {
		finish(false)
		return err
	}
	err = finish(true)
	if status, signal := exitOf(err); status != 0 {
		return utilexec.CodeExitError{Err: fmt.Errorf("exit status %d, signal %d", status, signal), Code: status}
	}
	return nil
}

// connect gives the command its streams. What it returns waits for the command, if it has started, and
// for its output.
func (s streams) connect(command *exec.Cmd) (func(started bool) error, error) {
	if !s.terminal {
		command.Stdout, command.Stderr = s.out, s.err
		if s.in == nil {
			return func(started bool) error { return waitIf(started, command) }, nil
		}
		// Not command.Stdin: waiting would then last until the client ends its input.
		input, err := command.StdinPipe()
		if err != nil {
			return nil, err
		}
		go func() {
			_, _ = io.Copy(input, s.in)
			_ = input.Close()
		}()
		return func(started bool) error { return waitIf(started, command) }, nil
	}
	master, slave, err := openTerminal()
	if err != nil {
		return nil, err
	}
	command.Stdin, command.Stdout, command.Stderr = slave, slave, slave
	if s.sizes != nil {
		go followSize(master, s.sizes)
	}
	if s.in != nil {
		go func() { _, _ = io.Copy(master, s.in) }()
	}
	return func(started bool) error {
		_ = slave.Close()
		defer master.Close()
		printed := make(chan struct{})
		go func() {
			defer close(printed)
			if s.out != nil {
				_, _ = io.Copy(s.out, master)
			}
		}()
		err := waitIf(started, command)
		select {
		case <-printed:
		case <-time.After(command.WaitDelay):
		}
		return err
	}, nil
}

func waitIf(started bool, command *exec.Cmd) error {
	if !started {
		return nil
	}
	err := command.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}

// enterContainer is the process that joins the container's namespaces. It stays outside as the command's
// parent, because only a child can be in another process namespace.
func enterContainer() error {
	runtime.LockOSThread()
	var spec enterSpec
	input := os.NewFile(specDescriptor, "specification")
	if err := json.NewDecoder(input).Decode(&spec); err != nil {
		return err
	}
	_ = input.Close()
	if err := joinContainer(spec.ContainerPID); err != nil {
		return fmt.Errorf("joining the container: %w", err)
	}
	directory := spec.Container.WorkingDir
	if directory == "" {
		directory = "/"
	}
	if err := os.Chdir(directory); err != nil {
		return err
	}
	program, err := lookUp(spec.Container)
	if err != nil {
		fmt.Fprintf(os.Stderr, "lab-node: %v\n", err)
		os.Exit(notFoundStatus)
	}
	if err := ownStreams(spec.Container); err != nil {
		return err
	}
	if err := dropPrivileges(spec.Container); err != nil {
		return fmt.Errorf("security context: %w", err)
	}
	command := exec.Cmd{
		Path: program, Args: spec.Container.Command, Env: spec.Container.Env,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		// No signal at the parent's death: a child in another process namespace does not see its parent and
		// would take it for dead. It dies with the container's first process, or by what follows.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: spec.Terminal},
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	if err := command.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "lab-node: %v\n", err)
		os.Exit(cannotRunStatus)
	}
	go func() {
		<-told
		_ = command.Process.Kill()
	}()
	// Its own copies would keep a pipe open that the command has closed.
	for _, file := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		_ = file.Close()
	}
	status, _ := exitOf(command.Wait())
	os.Exit(status)
	return nil
}

// joinContainer leaves the thread in every namespace of the container, its root file system among them.
func joinContainer(pid int) error {
	kinds := []struct {
		name string
		kind int
	}{
		{"ipc", unix.CLONE_NEWIPC}, {"uts", unix.CLONE_NEWUTS}, {"net", unix.CLONE_NEWNET},
		{"pid", unix.CLONE_NEWPID}, {"mnt", unix.CLONE_NEWNS},
	}
	handles := make([]*os.File, 0, len(kinds))
	for _, one := range kinds {
		handle, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, one.name))
		if err != nil {
			return err
		}
		defer handle.Close()
		handles = append(handles, handle)
	}
	// A thread that shares its root and directory with others may not change its mount namespace.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	for i, one := range kinds {
		if err := unix.Setns(int(handles[i].Fd()), one.kind); err != nil {
			return fmt.Errorf("%s namespace: %w", one.name, err)
		}
	}
	return nil
}
