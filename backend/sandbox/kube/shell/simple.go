package shell

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// code is a command that only ends.
func code(exit int) command { return func(context.Context, *session, call) int { return exit } }

// says is a command that writes one line.
func says(what func(*session) string) command {
	return func(_ context.Context, s *session, c call) int {
		fmt.Fprintln(c.out, what(s))
		return 0
	}
}

func echo(_ context.Context, _ *session, c call) int {
	args, end := c.args[1:], "\n"
	if len(args) > 0 && args[0] == "-n" {
		args, end = args[1:], ""
	}
	fmt.Fprint(c.out, strings.Join(args, " ")+end)
	return 0
}

func printEnv(_ context.Context, s *session, c call) int {
	if names := c.names(); len(names) > 0 {
		value, ok := s.env[names[0]]
		if !ok {
			return 1
		}
		fmt.Fprintln(c.out, value)
		return 0
	}
	var all []string
	for name, value := range s.env {
		all = append(all, name+"="+value)
	}
	sort.Strings(all)
	fmt.Fprintln(c.out, strings.Join(all, "\n"))
	return 0
}

func uname(_ context.Context, s *session, c call) int {
	if c.option('a') {
		fmt.Fprintf(c.out, "Linux %s 6.6.95-flatcar #1 SMP x86_64 Linux\n", s.Host)
		return 0
	}
	for _, of := range []struct {
		letter byte
		is     string
	}{{'n', s.Host}, {'r', "6.6.95-flatcar"}, {'m', "x86_64"}} {
		if c.option(of.letter) {
			fmt.Fprintln(c.out, of.is)
			return 0
		}
	}
	fmt.Fprintln(c.out, "Linux")
	return 0
}

func date(_ context.Context, s *session, c call) int {
	now := s.World.Now().UTC()
	for _, a := range c.args[1:] {
		switch a {
		case "-Iseconds", "-Is":
			fmt.Fprintln(c.out, now.Format(time.RFC3339))
			return 0
		case "+%s":
			fmt.Fprintln(c.out, now.Unix())
			return 0
		}
	}
	fmt.Fprintln(c.out, now.Format("Mon Jan _2 15:04:05 UTC 2006"))
	return 0
}

// sleep lets time go by outside, as whoever waits does.
func sleep(ctx context.Context, _ *session, c call) int {
	if len(c.args) < 2 {
		return c.fails(1, "missing operand")
	}
	text := c.args[1]
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return c.fails(1, "invalid number '%s'", c.args[1])
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
	return 0
}

// kill ends the process that the container is there for, which then is not there any
// more. The kernel lets nobody kill the first process of its own namespace by force.
func kill(_ context.Context, s *session, c call) int {
	signal := "TERM"
	pids := c.args[1:]
	if len(pids) > 0 && strings.HasPrefix(pids[0], "-") {
		signal, pids = strings.TrimPrefix(strings.TrimPrefix(pids[0], "-"), "SIG"), pids[1:]
	}
	if len(pids) == 0 {
		return c.fails(1, "you need to specify whom to kill")
	}
	for _, pid := range pids {
		switch {
		case pid != "1":
			return c.fails(1, "can't kill pid %s: No such process", pid)
		case slices.Contains([]string{"TERM", "15", "INT", "2"}, signal):
			s.World.Kill(s.ID)
		}
	}
	return 0
}

func which(_ context.Context, _ *session, c call) int {
	exit := 0
	for _, name := range c.names() {
		if find(name) == nil {
			exit = 1
			continue
		}
		if !strings.Contains(name, "/") {
			name = "/bin/" + name
		}
		fmt.Fprintln(c.out, name)
	}
	return exit
}
