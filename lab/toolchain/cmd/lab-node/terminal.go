package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

// openTerminal makes a pseudo terminal. The slave is opened by its master and not by a name, which would
// depend on where this machine mounts its terminals.
func openTerminal() (master, slave *os.File, err error) {
	descriptor, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("terminal: %w", err)
	}
	if err := unix.IoctlSetPointerInt(descriptor, unix.TIOCSPTLCK, 0); err != nil {
		_ = unix.Close(descriptor)
		return nil, nil, fmt.Errorf("terminal: %w", err)
	}
	other, err := openPeer(descriptor)
	if err != nil {
		_ = unix.Close(descriptor)
		return nil, nil, fmt.Errorf("terminal: %w", err)
	}
	return os.NewFile(uintptr(descriptor), "terminal"), os.NewFile(uintptr(other), "terminal"), nil
}

func openPeer(master int) (int, error) {
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	peer, _, number := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, flags)
	if number != 0 {
		return 0, number
	}
	return int(peer), nil
}

// followSize gives a terminal each size that its client reports.
func followSize(terminal *os.File, sizes <-chan remotecommand.TerminalSize) {
	for size := range sizes {
		control, err := terminal.SyscallConn()
		if err != nil {
			return
		}
		_ = control.Control(func(descriptor uintptr) {
			_ = unix.IoctlSetWinsize(int(descriptor), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
		})
	}
}
