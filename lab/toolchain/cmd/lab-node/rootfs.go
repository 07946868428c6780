package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// becomeContainer runs in fresh mount and process namespaces. It joins the pod's network, builds the root
// file system, gives up what the pod's security context says, and becomes the container's command.
func becomeContainer() error {
	// Namespaces and capabilities belong to the thread, and the thread that calls exec is the one that stays.
	runtime.LockOSThread()
	syscall.CloseOnExec(failureDescriptor)
	var spec containerSpec
	input := os.NewFile(specDescriptor, "specification")
	if err := json.NewDecoder(input).Decode(&spec); err != nil {
		return err
	}
	_ = input.Close()
	if err := joinSandbox(spec.SandboxPID); err != nil {
		return fmt.Errorf("joining the pod's network: %w", err)
	}
	if err := setSysctls(spec.Sysctls); err != nil {
		return err
	}
	if err := enterRoot(spec); err != nil {
		return fmt.Errorf("root file system: %w", err)
	}
	program, err := lookUp(spec)
	if err != nil {
		return err
	}
	if err := ownStreams(spec); err != nil {
		return err
	}
	if err := dropPrivileges(spec); err != nil {
		return fmt.Errorf("security context: %w", err)
	}
	return fmt.Errorf("%s: %w", program, syscall.Exec(program, spec.Command, spec.Env))
}

// reportFailure tells the node why a container's command never ran. The descriptor closes by itself when
// it does run, and that is how the node knows.
func reportFailure(err error) {
	if err == nil {
		return
	}
	_, _ = os.NewFile(failureDescriptor, "failure").WriteString(err.Error())
	os.Exit(startErrorExitStatus)
}

// setSysctls writes a pod's own settings; only those of its network namespace are its own.
func setSysctls(values map[string]string) error {
	for name, value := range values {
		if !strings.HasPrefix(name, "net.") {
			return fmt.Errorf("sysctl %s is not one of the pod's network namespace", name)
		}
		if err := os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0o644); err != nil {
			return fmt.Errorf("sysctl %s: %w", name, err)
		}
	}
	return nil
}

func joinSandbox(pid int) error {
	for name, kind := range map[string]int{"net": unix.CLONE_NEWNET, "uts": unix.CLONE_NEWUTS, "ipc": unix.CLONE_NEWIPC} {
		handle, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, name))
		if err != nil {
			return err
		}
		err = unix.Setns(int(handle.Fd()), kind)
		_ = handle.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// enterRoot makes a root of bind mounts on a tmpfs, so that every mount path of the pod exists without a
// directory being made on this machine, and leaves the machine's own behind.
func enterRoot(spec containerSpec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("container", spec.Root, "tmpfs", unix.MS_NOSUID, "mode=0755,size=64m"); err != nil {
		return err
	}
	for _, build := range []func(containerSpec) error{systemDirectories, devices, etc, bindMounts} {
		if err := build(spec); err != nil {
			return err
		}
	}
	if err := os.Chdir(spec.Root); err != nil {
		return err
	}
	// With both arguments "." the old root ends up on top of the new one and can be detached at once.
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	if spec.ReadOnlyRoot {
		if err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID, ""); err != nil {
			return fmt.Errorf("read-only root: %w", err)
		}
	}
	directory := spec.WorkingDir
	if directory == "" {
		directory = "/"
	}
	return os.Chdir(directory)
}

func systemDirectories(spec containerSpec) error {
	for _, name := range []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		target, err := os.Readlink("/" + name)
		if err == nil {
			if err := os.Symlink(target, filepath.Join(spec.Root, name)); err != nil {
				return err
			}
		} else if _, err := os.Stat("/" + name); err == nil {
			if err := bind("/"+name, filepath.Join(spec.Root, name), true); err != nil {
				return err
			}
		}
	}
	// usr/local is left out: it is where images keep their own programs, and the machine's must not show.
	for _, name := range []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/share"} {
		if _, err := os.Stat("/" + name); err == nil {
			if err := bind("/"+name, filepath.Join(spec.Root, name), true); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{"usr/local/bin", "var", "run", "home", "sys", "proc"} {
		if err := os.MkdirAll(filepath.Join(spec.Root, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(spec.Root, "tmp"), 0o1777); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(spec.Root, "tmp"), os.ModeSticky|0o777); err != nil {
		return err
	}
	if err := os.Symlink("/run", filepath.Join(spec.Root, "var/run")); err != nil {
		return err
	}
	if err := unix.Mount("sysfs", filepath.Join(spec.Root, "sys"), "sysfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("/sys: %w", err)
	}
	return unix.Mount("proc", filepath.Join(spec.Root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NOEXEC|unix.MS_NODEV, "")
}

func devices(spec containerSpec) error {
	dev := filepath.Join(spec.Root, "dev")
	if err := os.Mkdir(dev, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if err := bind("/dev/"+name, filepath.Join(dev, name), false); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
	} {
		if err := os.Symlink(target, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	return os.Mkdir(filepath.Join(dev, "shm"), 0o1777)
}

func etc(spec containerSpec) error {
	directory := filepath.Join(spec.Root, "etc")
	if err := os.Mkdir(directory, 0o755); err != nil {
		return err
	}
	account := fmt.Sprintf("root:x:0:0::/:/sbin/nologin\ncontainer:x:%d:%d::/:/sbin/nologin\n", spec.User, spec.Group)
	for name, content := range map[string]string{
		"hosts":         spec.Hosts,
		"resolv.conf":   spec.Resolver,
		"passwd":        account,
		"group":         fmt.Sprintf("root:x:0:\ncontainer:x:%d:\n", spec.Group),
		"nsswitch.conf": "hosts: files dns\n",
	} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"ssl", "ld.so.cache"} {
		if _, err := os.Stat("/etc/" + name); err == nil {
			if err := bind("/etc/"+name, filepath.Join(directory, name), true); err != nil {
				return err
			}
		}
	}
	return nil
}

func bindMounts(spec containerSpec) error {
	for _, one := range spec.Mounts {
		target := one.Target
		if rest, ok := strings.CutPrefix(filepath.Clean(target), "/var/run/"); ok {
			target = "/run/" + rest // a bind mount's target is resolved on this machine's side of the link
		}
		if err := bind(one.Source, filepath.Join(spec.Root, target), one.ReadOnly); err != nil {
			return err
		}
	}
	return nil
}

// bind mounts a file or directory at target, which is made if need be.
func bind(source, target string, readOnly bool) error {
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if info.IsDir() {
		err = os.MkdirAll(target, 0o755)
	} else if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
		var file *os.File
		if file, err = os.OpenFile(target, os.O_CREATE, 0o644); err == nil {
			err = file.Close()
		}
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", target, err)
	}
	if !readOnly {
		return nil
	}
	if err := unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mounting %s read-only: %w", target, err)
	}
	return nil
}

func lookUp(spec containerSpec) (string, error) {
	for _, pair := range spec.Env {
		if value, ok := strings.CutPrefix(pair, "PATH="); ok {
			if err := os.Setenv("PATH", value); err != nil {
				return "", err
			}
		}
	}
	program, err := exec.LookPath(spec.Command[0])
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	return program, err
}
