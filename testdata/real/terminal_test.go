//go:build real && unix

package real_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRealStopped: ctrl+z's signal stops the console and gives the terminal
// back; when it goes on, the whole screen stands there again and is live.
func TestRealStopped(t *testing.T) {
	c := open(t, "--context", "a", "--namespace", shop, "--view", "pods")
	c.see("checkout-", "Running")
	before := len(c.raw())
	c.signal(syscall.SIGTSTP)
	c.until("the console to be stopped", func() bool { return c.state() == "T" })
	if given := c.raw()[before:]; !strings.Contains(given, "\x1b[?1049l") {
		t.Errorf("the terminal was not given back before it stopped: %q", given)
	}
	c.signal(syscall.SIGCONT)
	c.until("the screen anew", func() bool { return strings.Contains(c.raw()[before:], "\x1b[?1049h") })
	c.see("checkout-", "Running")
	c.keys("?")
	c.see("Help: pods")
}

// TestRealHangup: the console ends when its terminal hangs up, also while the
// terminal reads nothing, and its record stays whole.
func TestRealHangup(t *testing.T) {
	for _, name := range []string{"reading", "not reading"} {
		t.Run(name, func(t *testing.T) {
			c := open(t, "--context", "a", "--view", "pods")
			c.see("checkout-", "Running")
			c.keys("ctrl+d")
			c.see("[ Cancel ]")
			c.keys("esc") // declined, which the record has
			if name == "not reading" {
				c.reading.Lock()
				t.Cleanup(c.reading.Unlock)
				for range 200 { // more pictures than a terminal's buffer holds
					c.resize(118, 60)
					c.resize(100, 50)
				}
			}
			c.signal(syscall.SIGHUP)
			c.ends()
			if out, code := commandIn(t, c.home, "audit", "verify"); code != 0 {
				t.Errorf("the record is broken: exit %d\n%s", code, out)
			}
		})
	}
}

// TestRealStuckTerminal: a terminal that stops reading and goes on later shows
// what is true then, and takes keys.
func TestRealStuckTerminal(t *testing.T) {
	c := open(t, "--context", "a", "--view", "pods")
	c.see("checkout-", "Running")
	c.reading.Lock()
	for range 200 {
		c.resize(118, 60)
		c.resize(100, 50)
	}
	c.resize(118, 60)
	c.reading.Unlock()
	c.enter(":", "deployments")
	c.see("wheelhouse deployments")
	c.see("checkout", "Available")
}

// signal sends one to the console.
func (c *console) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// state is the letter that the system has for what the console does: T stopped.
func (c *console) state() string {
	pid := strconv.Itoa(c.cmd.Process.Pid)
	out, err := exec.Command("ps", "-o", "state=", "-p", pid).Output()
	if err != nil {
		stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		if err != nil {
			c.t.Fatalf("what does the console do? %v", err)
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		return rest[:1]
	}
	return strings.TrimSpace(string(out))[:1]
}

// ends waits until the console has ended.
func (c *console) ends() {
	c.t.Helper()
	select {
	case <-c.exited:
	case <-time.After(soon):
		c.t.Fatalf("the console never ended; its screen:\n%s", c.text())
	}
}
