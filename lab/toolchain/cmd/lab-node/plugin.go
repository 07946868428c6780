package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// pluginCommand is how this program is told to become a CNI plugin: its path and the node's root follow.
const pluginCommand = "cni-plugin"

// becomePlugin runs in a fresh mount namespace. A plugin belongs to the node's file system, and its paths below
// /var/run (kubeconfig, log socket, lock of iptables) are absolute; so the node's own /run lies over the machine's.
// The rest of the machine stays visible: iptables and the libraries are taken from there.
func becomePlugin(program, host string) error {
	runtime.LockOSThread()
	// Opened first: the machine's /run, which is about to be hidden, may hold both.
	binary, err := os.Open(program)
	if err != nil {
		return err
	}
	hostRun := filepath.Join(host, "run")
	lock, err := os.OpenFile(filepath.Join(hostRun, "xtables.lock"), os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_ = lock.Close()
	source, err := unix.Open(hostRun, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	targets := []string{"/run"}
	if resolved, err := filepath.EvalSymlinks("/var/run"); err == nil && resolved != "/run" {
		targets = append(targets, resolved)
	}
	for _, target := range targets {
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", source), target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mounting the node's %s: %w", target, err)
		}
	}
	_ = unix.Close(source)
	path := fmt.Sprintf("/proc/self/fd/%d", binary.Fd())
	return fmt.Errorf("%s: %w", program, syscall.Exec(path, []string{filepath.Base(program)}, os.Environ()))
}
