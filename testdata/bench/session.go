package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// session is one console in a pseudo terminal whose output is timed and counted.
type session struct {
	cmd   *exec.Cmd
	tty   *os.File
	began time.Time

	mu    sync.Mutex
	out   bytes.Buffer
	total int
	last  time.Time // of the last byte
	woke  chan struct{}
}

// home is where the consoles keep what they remember: nothing of the person's
// own, such as another order of the rows, is to be measured.
var home string

// start begins argv at that size. The environment pins what bytes depend on.
func start(cols, rows uint16, argv ...string) (*session, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "COLORTERM=", "NO_COLOR=", "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home)
	s := &session{cmd: cmd, began: time.Now(), woke: make(chan struct{}, 1)}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: cols, Rows: rows})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	s.tty = tty
	go s.read()
	return s, nil
}

func (s *session) read() {
	buf := make([]byte, 64<<10)
	for {
		n, err := s.tty.Read(buf)
		s.mu.Lock()
		s.out.Write(buf[:n])
		s.total += n
		s.last = time.Now()
		s.mu.Unlock()
		select {
		case s.woke <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// waitFor waits until the output so far satisfies done, and gives when its last
// byte came, counted from the start.
func (s *session) waitFor(limit time.Duration, done func(out []byte) bool) (time.Duration, error) {
	deadline := time.After(limit)
	for {
		s.mu.Lock()
		ok, at := done(s.out.Bytes()), s.last
		s.mu.Unlock()
		if ok {
			return at.Sub(s.began), nil
		}
		select {
		case <-s.woke:
		case <-deadline:
			return 0, fmt.Errorf("waited %s in vain; the screen's last bytes: %q", limit, s.tail(400))
		}
	}
}

func (s *session) tail(n int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.out.Bytes()
	return b[max(0, len(b)-n):]
}

// quiet waits until nothing has come for d.
func (s *session) quiet(d time.Duration) {
	for {
		s.mu.Lock()
		rest := d - time.Since(s.last)
		s.mu.Unlock()
		if rest <= 0 {
			return
		}
		time.Sleep(rest)
	}
}

func (s *session) bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// key presses one, waits until the answer has ended and gives how long its
// first byte took and how many bytes it had.
func (s *session) key(k string, settle time.Duration) (time.Duration, int) {
	before := s.bytes()
	for len(s.woke) > 0 {
		<-s.woke
	}
	t := time.Now()
	if _, err := s.tty.WriteString(k); err != nil {
		return 0, 0
	}
	var first time.Duration
	select {
	case <-s.woke:
		first = time.Since(t)
	case <-time.After(time.Second):
		first = time.Second
	}
	s.quiet(settle)
	return first, s.bytes() - before
}

// usage is what the process has used so far.
func (s *session) usage() (cpu time.Duration, peakMB float64) { return procUsage(s.cmd.Process.Pid) }

// end closes the console as its user would, or ends it.
func (s *session) end() {
	_, _ = s.tty.WriteString("\x03")
	done := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		_ = s.cmd.Process.Signal(syscall.SIGKILL)
		<-done
	}
	_ = s.tty.Close()
}
