package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// capabilityNumbers are those that pods of a mesh ask for by name; ALL is understood as well.
var capabilityNumbers = map[string]uintptr{
	"CHOWN": unix.CAP_CHOWN, "DAC_OVERRIDE": unix.CAP_DAC_OVERRIDE, "FOWNER": unix.CAP_FOWNER,
	"KILL": unix.CAP_KILL, "NET_ADMIN": unix.CAP_NET_ADMIN, "NET_BIND_SERVICE": unix.CAP_NET_BIND_SERVICE,
	"NET_RAW": unix.CAP_NET_RAW, "SETGID": unix.CAP_SETGID, "SETUID": unix.CAP_SETUID,
	"SYS_ADMIN": unix.CAP_SYS_ADMIN, "SYS_CHROOT": unix.CAP_SYS_CHROOT, "SYS_PTRACE": unix.CAP_SYS_PTRACE,
}

// runtimeDefaults are what a container runtime leaves to root when a pod says nothing.
var runtimeDefaults = []string{
	"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "NET_RAW", "SETGID", "SETUID", "SYS_CHROOT",
}

// dropPrivileges leaves the thread with the user, groups and capabilities of the security context.
func dropPrivileges(spec containerSpec) error {
	kept := keptCapabilities(spec)
	last, err := lastCapability()
	if err != nil {
		return err
	}
	for capability := uintptr(0); capability <= last && !spec.Privileged; capability++ {
		if !slices.Contains(kept, capability) {
			if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
				return err
			}
		}
	}
	groups := make([]int, 0, len(spec.Groups))
	for _, group := range spec.Groups {
		groups = append(groups, int(group))
	}
	if err := syscall.Setgroups(groups); err != nil {
		return err
	}
	if err := syscall.Setgid(int(spec.Group)); err != nil {
		return err
	}
	if err := syscall.Setuid(int(spec.User)); err != nil {
		return err
	}
	if spec.NoNewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	// Changing the user cleared it: the container must not outlive the node.
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
}

// ownStreams gives the container's user its standard streams, as a container runtime does: Envoy opens
// /dev/stdout anew, and a pipe is its maker's alone.
func ownStreams(spec containerSpec) error {
	for _, stream := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		info, err := stream.Stat()
		if err != nil {
			return err
		}
		if info.Mode()&os.ModeNamedPipe == 0 && !isTerminal(stream) {
			continue // /dev/null, which is the whole machine's
		}
		if err := stream.Chown(int(spec.User), int(spec.Group)); err != nil {
			return err
		}
	}
	return nil
}

func isTerminal(file *os.File) bool {
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}

func keptCapabilities(spec containerSpec) []uintptr {
	names := runtimeDefaults
	if slices.Contains(spec.DropCapabilities, "ALL") {
		names = nil
	}
	var kept []uintptr
	for _, name := range append(append([]string{}, names...), spec.AddCapabilities...) {
		if number, ok := capabilityNumbers[strings.TrimPrefix(name, "CAP_")]; ok && !slices.Contains(spec.DropCapabilities, name) {
			kept = append(kept, number)
		}
	}
	return kept
}

func lastCapability() (uintptr, error) {
	data, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		return 0, err
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(data)))
	return uintptr(last), err
}
