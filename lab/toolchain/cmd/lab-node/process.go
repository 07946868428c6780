package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// startTime reads when a process was started, in clock ticks since boot (proc(5), stat field 22).
func startTime(pid int) (uint64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the command in parentheses and may hold anything, so count from its end.
	const fieldsAfterCommand = 19
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) <= fieldsAfterCommand {
		return 0, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	return strconv.ParseUint(fields[fieldsAfterCommand], 10, 64)
}

func cpuCount() int { return runtime.NumCPU() }
