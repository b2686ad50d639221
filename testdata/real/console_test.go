//go:build real

package real_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

// console is the built program in a terminal of its own.
type console struct {
	t       *testing.T
	home    string // its person's
	tty     *os.File
	cmd     *exec.Cmd
	exited  chan struct{}
	changed chan struct{} // something was written since the last look

	reading sync.Mutex // held: the terminal does not read

	mu      sync.Mutex
	screen  *vt.Emulator
	sent    []byte    // all that it wrote
	written time.Time // when it last wrote
}

// open starts the console at 118×60, too narrow for details beside the list,
// and ends it with the test.
func open(t *testing.T, args ...string) *console {
	t.Helper()
	const columns, rows = 118, 60
	c := &console{
		t: t, home: t.TempDir(), screen: vt.NewEmulator(columns, rows),
		exited: make(chan struct{}), changed: make(chan struct{}, 1),
	}
	c.cmd = exec.Command(binary, ownKubeconfig(args)...)
	c.cmd.Env = quietEnv(c.home)
	tty, err := pty.StartWithSize(c.cmd, &pty.Winsize{Cols: columns, Rows: rows})
	if err != nil {
		t.Fatalf("start the console: %v", err)
	}
	c.tty = tty
	go c.show()
	go io.Copy(tty, c.screen) // what a terminal answers when it is asked
	go func() { c.cmd.Wait(); close(c.exited) }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen at the end:\n%s", c.text())
		}
		c.cmd.Process.Kill()
		<-c.exited
		tty.Close()
		c.screen.Close()
	})
	// before it, the terminal itself would take some of the keys
	c.until("the first picture", func() bool { return strings.TrimSpace(c.text()) != "" })
	return c
}

// show feeds what the console writes to the terminal's screen.
func (c *console) show() {
	buf := make([]byte, 64<<10)
	for {
		c.reading.Lock()
		c.reading.Unlock() //nolint:staticcheck // it only waits for the test to let it read
		n, err := c.tty.Read(buf)
		c.mu.Lock()
		c.screen.Write(buf[:n])
		c.sent = append(c.sent, buf[:n]...)
		c.written = time.Now()
		c.mu.Unlock()
		select {
		case c.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// text is the screen as lines.
func (c *console) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.screen.String()
}

// raw is everything that the console wrote to its terminal.
func (c *console) raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.sent)
}

// line gives the first line of the screen that holds all words; "" for none.
func (c *console) line(words ...string) string {
	for line := range strings.Lines(c.text()) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			return strings.TrimRight(line, " \n")
		}
	}
	return ""
}

// see waits until one line of the screen holds all words.
func (c *console) see(words ...string) {
	c.t.Helper()
	c.until("a line with "+strings.Join(words, ", "), func() bool { return c.line(words...) != "" })
}

// until waits for the screen to be so; a console that has ended never will be.
func (c *console) until(what string, ok func() bool) {
	c.t.Helper()
	end := time.After(soon)
	for !ok() {
		select {
		case <-c.changed:
		case <-time.After(250 * time.Millisecond): // ok may look at more than the screen
		case <-c.exited:
			c.t.Fatalf("the console ended (%v) before there was %s; its screen:\n%s", c.cmd.ProcessState, what, c.text())
		case <-end:
			c.t.Fatalf("never saw %s; the screen:\n%s", what, c.text())
		}
	}
}

// resize gives the terminal another size.
func (c *console) resize(columns, rows int) {
	c.t.Helper()
	if err := pty.Setsize(c.tty, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)}); err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.screen.Resize(columns, rows)
}

// keys presses each key, by its name, and waits until the console is idle.
func (c *console) keys(names ...string) {
	c.t.Helper()
	for _, name := range names {
		c.send(bytesOf(name))
	}
}

// enter types a line behind a prompt's key, in place of what stood there.
func (c *console) enter(prompt, line string) {
	c.t.Helper()
	c.send(prompt)
	c.send("\x15") // ctrl+u
	c.send(line)
	c.send("\r")
}

func (c *console) send(s string) {
	c.t.Helper()
	sent := time.Now()
	if _, err := io.WriteString(c.tty, s); err != nil {
		c.t.Fatalf("the console takes no keys: %v", err)
	}
	const quiet = 60 * time.Millisecond // longer than an escape key waits for a sequence's rest
	for time.Since(sent) < 2*time.Second {
		c.mu.Lock()
		last := c.written
		c.mu.Unlock()
		if last.Before(sent) {
			last = sent
		}
		if time.Since(last) >= quiet {
			return
		}
		time.Sleep(quiet / 4)
	}
}

// bytesOf is what a terminal sends for a key.
func bytesOf(name string) string {
	named := map[string]string{
		"enter": "\r", "esc": "\x1b", "tab": "\t", "space": " ", "backspace": "\x7f",
		"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
		"home": "\x1b[H", "end": "\x1b[F", "pgup": "\x1b[5~", "pgdown": "\x1b[6~",
	}
	if s, ok := named[name]; ok {
		return s
	}
	if letter, ok := strings.CutPrefix(name, "ctrl+"); ok && len(letter) == 1 {
		return string(rune(letter[0] & 0x1f))
	}
	if len(name) != 1 {
		panic(fmt.Sprintf("no key is called %q", name))
	}
	return name
}

// confirm moves a dialog from Cancel, its default, to the action and takes it.
func (c *console) confirm() {
	c.t.Helper()
	c.see("[ Cancel ]")
	c.keys("right", "enter")
}

// alive fails the test when the console has ended.
func (c *console) alive() {
	c.t.Helper()
	select {
	case <-c.exited:
		c.t.Fatalf("the console ended: %v; its screen:\n%s", c.cmd.ProcessState, c.text())
	default:
	}
}
