// Package shell is the shell that a container of the embedded world has. It runs in
// this program and nowhere else: its commands are the few below, its files are made of
// what the world knows of the process and its machine. A little can be written below
// /tmp, which is lost with the run of the container.
//
// What it shows is so: the memory of the process, the disk of its machine, what another
// service answers. Nothing of the machine that this program runs on can be reached.
package shell

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"wheelhouse/backend/sandbox"
)

// A Place is the container that a shell is in.
type Place struct {
	World     *sandbox.World
	ID        sandbox.ProcessID
	Host      string   // its name
	Address   string   // of its pod
	Env       []string // NAME=value
	Mounts    []string // where volumes are
	Transport http.RoundTripper
	Scratch   *Scratch // nil: nothing can be written
}

// A Terminal is what somebody has connected. What was not asked for is nil.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	TTY      bool
	Sizes    <-chan Size // closed with the terminal
}

// Size is that of a terminal, in cells.
type Size struct{ Width, Height int }

// Run runs a command in a place until it ends or ctx does, and says with which code.
// The error says that there is no such command to begin with.
func Run(ctx context.Context, p Place, argv []string, t Terminal) (exit int, err error) {
	if len(argv) == 0 {
		return 0, fmt.Errorf("%q: executable file not found in $PATH", "")
	}
	s := &session{Place: p, dir: "/", env: map[string]string{}, input: newQueue(), stop: func() {}}
	for _, e := range append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "HOSTNAME=" + p.Host, "PWD=/"}, p.Env...) {
		name, value, _ := strings.Cut(e, "=")
		s.env[name] = value
	}
	c := call{args: argv, in: s.input, out: cmp.Or[io.Writer](t.Out, io.Discard)}
	c.err = cmp.Or(t.Err, c.out)
	if find(argv[0]) == nil {
		return 0, fmt.Errorf("%q: executable file not found in $PATH", argv[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if t.TTY {
		s.tty = &tty{out: c.out, queue: s.input}
		s.env["TERM"] = "xterm"
		c.out, c.err = s.tty, s.tty
		go s.resized(ctx, t.Sizes)
	}
	go s.read(t.In)
	go func() {
		<-ctx.Done()
		s.input.close()
	}()
	return s.foreground(ctx, func(ctx context.Context) int { return find(argv[0])(ctx, s, c) }), nil
}

// session is a shell with what it has come to.
type session struct {
	Place
	dir    string
	env    map[string]string
	status int // of the last command
	tty    *tty
	input  *queue
	height atomic.Int32 // of the terminal
	width  atomic.Int32

	mu    sync.Mutex
	stop  context.CancelFunc // ends what runs in the foreground
	early bool               // Ctrl-C has come while there was nothing to end
}

// call is one command as it is run.
type call struct {
	args     []string
	in       io.Reader
	out, err io.Writer
}

// option says whether a flag of one letter was given.
func (c call) option(letter byte) bool {
	return slices.ContainsFunc(c.args[1:], func(a string) bool {
		return len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.IndexByte(a, letter) > 0
	})
}

// names are the arguments that are no flags.
func (c call) names() []string {
	return slices.DeleteFunc(slices.Clone(c.args[1:]), func(a string) bool { return strings.HasPrefix(a, "-") && a != "-" })
}

// fails says what is wrong.
func (c call) fails(exit int, format string, args ...any) int {
	fmt.Fprintf(c.err, c.args[0]+": "+format+"\n", args...)
	return exit
}

// command does something and says with which code it has ended.
type command func(ctx context.Context, s *session, c call) int

// commands are all that there are, by name.
func commands() map[string]command {
	return map[string]command{
		"sh": sh, "bash": sh, "ash": sh, "true": code(0), "false": code(1), "echo": echo, "env": printEnv, "printenv": printEnv,
		"hostname": says(func(s *session) string { return s.Host }), "whoami": says(func(*session) string { return "root" }),
		"id":    says(func(*session) string { return "uid=0(root) gid=0(root) groups=0(root)" }),
		"nproc": says(func(s *session) string { return fmt.Sprint(s.machine().Room.CPU) }),
		"uname": uname, "date": date, "uptime": uptime, "sleep": sleep, "kill": kill, "ps": ps, "top": top, "free": free, "df": df, "du": du,
		"touch": touch, "mkdir": mkdir, "rm": rm, "test": test, "ls": ls, "cat": cat, "head": head, "tail": tail, "grep": grep, "wc": wc, "tar": archive, "which": which, "curl": curl, "wget": wget, "nslookup": nslookup,
	}
}

// find is a command by its name or its path; nil: there is none.
func find(name string) command {
	if strings.Contains(name, "/") && !slices.Contains([]string{"/bin", "/usr/bin", "/sbin", "/usr/sbin"}, path.Dir(name)) {
		return nil
	}
	return commands()[path.Base(name)]
}

// read takes what comes in, until that has ended.
func (s *session) read(in io.Reader) {
	defer s.input.close()
	if in == nil {
		return
	}
	b := make([]byte, 4096)
	for {
		n, err := in.Read(b)
		if s.tty == nil {
			s.input.put(b[:n])
		} else {
			s.tty.typed(b[:n], s.interrupt)
		}
		if err != nil {
			return
		}
	}
}

// resized follows the size of the terminal.
func (s *session) resized(ctx context.Context, sizes <-chan Size) {
	for {
		select {
		case size, ok := <-sizes:
			if !ok {
				return
			}
			s.width.Store(int32(size.Width))   //nolint:gosec // a terminal's
			s.height.Store(int32(size.Height)) //nolint:gosec // the same
		case <-ctx.Done():
			return
		}
	}
}

// foreground runs something that Ctrl-C ends.
func (s *session) foreground(ctx context.Context, do func(context.Context) int) int {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	before := s.stop
	s.stop = cancel
	if s.early { // Ctrl-C has come before that which it was for
		s.early = false
		cancel()
	}
	s.mu.Unlock()
	defer cancel()
	exit := do(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = before // from here on Ctrl-C is for what comes next
	if ctx.Err() != nil {
		return interrupted
	}
	return exit
}

const interrupted = 130 // 128 and the number of the signal

func (s *session) interrupt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop()
}

// process is the one that the shell is beside.
func (s *session) process() sandbox.Process {
	p, _ := s.World.Process(s.ID) // it has ended, and the shell is about to
	return p
}

// machine is the one that it runs on.
func (s *session) machine() sandbox.Machine {
	on := s.process().Machine
	for _, m := range s.World.Machines(s.ID.Cluster) {
		if m.Name == on {
			return m
		}
	}
	return sandbox.Machine{}
}
