package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// program is one server process of a cluster. It outlives who starts it; its
// pid file is how it is found again.
type program struct {
	name, dir, exe string
	args           []string
	env            []string // beyond this process's own
}

func (p program) log() string     { return filepath.Join(p.dir, p.name+".log") }
func (p program) pidFile() string { return filepath.Join(p.dir, p.name+".pid") }

// running gives the pid, if the process is there and really is this program: a
// pid alone may have passed to somebody else.
func (p program) running() (pid int, ok bool) {
	data, err := os.ReadFile(p.pidFile())
	if err != nil {
		return 0, false
	}
	pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, false
	}
	command := commandLine(pid)
	return pid, strings.HasPrefix(command, p.exe) && strings.Contains(command, p.dir)
}

// commandLine gives the process's arguments joined by spaces, "" for one that
// is gone or only waits to be reaped.
func commandLine(pid int) string {
	if data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return strings.ReplaceAll(string(data), "\x00", " ")
	}
	out, _ := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return string(out)
}

// nice is the priority of the servers (0 is that of other programs, 19 the lowest).
const nice = 10

// start starts the program in a session of its own, so that a Ctrl-C meant for
// the starter does not reach it.
func (p program) start() error {
	out, err := os.OpenFile(p.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(p.exe, p.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, out, out
	cmd.Env = append(os.Environ(), p.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	// It stands for another machine, which takes no processor time of this one.
	if err := syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, nice); err != nil {
		return fmt.Errorf("lower the priority of %s: %w", p.name, err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	if err := os.WriteFile(p.pidFile(), []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return err
	}
	// its command line is not there yet the moment after it was started
	for {
		if _, ok := p.running(); ok {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("%s ended at once, %s; its log is %s", p.name, cmd.ProcessState, p.log())
		case <-time.After(time.Millisecond):
		}
	}
}

// patience is how long a program may take to end by itself. An API server with
// open watches would take a minute.
const patience = 2 * time.Second

// stop ends the program if it runs, and returns when it is gone.
func (p program) stop() error {
	pid, ok := p.running()
	if !ok {
		return nil
	}
	signal, begun := syscall.SIGTERM, time.Now()
	for {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end %s (pid %d): %w", p.name, pid, err)
		}
		for time.Since(begun) < patience || signal == syscall.SIGKILL {
			if _, ok := p.running(); !ok {
				return os.Remove(p.pidFile())
			}
			time.Sleep(20 * time.Millisecond)
		}
		signal = syscall.SIGKILL
	}
}
