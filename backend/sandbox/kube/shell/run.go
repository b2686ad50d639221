package shell

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
)

// sh is the shell: a line given with -c, or lines as they come in.
func sh(ctx context.Context, s *session, c call) int {
	if args := c.names(); c.option('c') {
		if len(args) == 0 {
			return c.fails(2, "-c requires an argument")
		}
		exit, _ := s.line(ctx, args[0], c)
		return exit
	}
	defer s.survives()()
	for {
		if s.tty != nil {
			s.tty.show(s.dir + " # ")
		}
		var line string
		var err error
		if exit := s.foreground(ctx, func(ctx context.Context) int {
			line, err = readLine(ctx, c.in)
			return 0
		}); exit == interrupted && ctx.Err() == nil {
			s.status = interrupted
			continue
		}
		if ctx.Err() != nil {
			return s.status
		}
		exit, over := s.status, false
		if strings.TrimSpace(line) != "" {
			exit = s.foreground(ctx, func(ctx context.Context) int {
				exit, over = s.line(ctx, line, c)
				return exit
			})
		}
		if s.status = exit; over || err != nil {
			return exit
		}
	}
}

// survives has Ctrl-C not end a shell that somebody types into: between two things that
// it would end, it ends the next. What is given back has it end what it did before.
func (s *session) survives() (again func()) {
	if s.tty == nil {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.stop
	s.stop = func() { s.early = true }
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stop = before
	}
}

// readLine reads no further than the line goes: the rest is for whoever is run.
func readLine(ctx context.Context, from io.Reader) (string, error) {
	var line []byte
	one := make([]byte, 1)
	over := func() bool { return ctx.Err() != nil }
	for {
		var n int
		var err error
		if q, ok := from.(*queue); ok {
			n, err = q.take(one, over)
		} else {
			n, err = from.Read(one)
		}
		switch {
		case n > 0 && one[0] == '\n':
			return string(line), nil
		case n > 0:
			line = append(line, one[0])
		}
		if err != nil {
			return string(line), err
		}
	}
}

// errSyntax is a line that is none.
var errSyntax = errors.New("syntax error")

// line runs one, and says whether the shell ends with it.
func (s *session) line(ctx context.Context, text string, c call) (exit int, over bool) {
	words, err := split(text)
	if err != nil {
		fmt.Fprintf(c.err, "sh: %v\n", err)
		return 2, false
	}
	for start, skip := 0, false; start < len(words); {
		end := start
		for end < len(words) && !words[end].ends() {
			end++
		}
		if !skip && end > start {
			if exit, over = s.pipeline(ctx, words[start:end], c); over || ctx.Err() != nil {
				return exit, over
			}
			s.status = exit
		}
		if end == len(words) {
			break
		}
		skip = words[end].text == "&&" && s.status != 0 || words[end].text == "||" && s.status == 0
		start = end + 1
	}
	return s.status, false
}

// pipeline runs commands that read what the one before has written.
func (s *session) pipeline(ctx context.Context, words []word, c call) (exit int, over bool) {
	var stages []call
	for start := 0; start <= len(words); {
		end := start
		for end < len(words) && words[end].text != "|" {
			end++
		}
		one, err := s.stage(ctx, words[start:end], c)
		if err != nil {
			fmt.Fprintf(c.err, "sh: %v\n", err)
			return cmp.Or(one.exit, 2), false
		}
		stages = append(stages, one.call)
		start = end + 1
	}
	if len(stages) == 1 {
		return s.one(ctx, stages[0])
	}
	var wait sync.WaitGroup
	for i := range stages {
		end := func() {}
		if i > 0 {
			end = func() { _ = stages[i].in.(io.Closer).Close() }
		}
		if i < len(stages)-1 {
			r, w := io.Pipe()
			stages[i].out, stages[i+1].in = w, r
			before := end
			end = func() {
				_ = w.Close()
				before()
			}
		}
		wait.Go(func() {
			defer end()
			if code, _ := s.one(ctx, stages[i]); i == len(stages)-1 {
				exit = code
			}
		})
	}
	wait.Wait()
	return exit, false
}

// staged is a call, or with which code it could not be made.
type staged struct {
	call
	exit int
}

// stage is one command of a pipeline, with its redirections.
func (s *session) stage(ctx context.Context, words []word, c call) (staged, error) {
	out := staged{call: call{in: c.in, out: c.out, err: c.err}}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if !w.operator {
			out.args = append(out.args, s.expand(ctx, w, c)...)
			continue
		}
		if w.text == "2>&1" {
			out.err = out.out
			continue
		}
		if i++; i == len(words) {
			return out, fmt.Errorf("%w: unexpected newline", errSyntax)
		}
		name := strings.Join(s.expand(ctx, words[i], c), " ")
		switch w.text {
		case "<":
			content, err := s.open(name)
			if err != nil {
				return staged{exit: 1}, fmt.Errorf("can't open %s: %w", name, err)
			}
			out.in = bytes.NewReader(content)
		default:
			to, err := s.create(name, w.text == ">>")
			if err != nil {
				return staged{exit: 1}, fmt.Errorf("can't create %s: %w", name, err)
			}
			if w.text == "2>" {
				out.err = to
			} else {
				out.out = to
			}
		}
	}
	if len(out.args) == 0 {
		return out, fmt.Errorf("%w: unexpected end of command", errSyntax)
	}
	return out, nil
}

// one runs a single command: those that change the shell itself stand here.
func (s *session) one(ctx context.Context, c call) (exit int, over bool) {
	if name, value, assigned := strings.Cut(c.args[0], "="); assigned && len(c.args) == 1 {
		s.env[name] = value
		return 0, false
	}
	switch c.args[0] {
	case "exit":
		return s.exit(c), true
	case "export":
		for _, a := range c.names() {
			if name, value, ok := strings.Cut(a, "="); ok {
				s.env[name] = value
			}
		}
		return 0, false
	case "pwd":
		fmt.Fprintln(c.out, s.dir)
		return 0, false
	case "cd":
		return s.cd(c), false
	case "command": // -v
		return which(ctx, s, c), false
	case "exec":
		if len(c.args) > 1 {
			c.args = c.args[1:]
			exit, _ = s.one(ctx, c)
			return exit, true
		}
		return 0, false
	}
	do := find(c.args[0])
	if do == nil {
		fmt.Fprintf(c.err, "sh: %s: not found\n", c.args[0])
		return 127, false
	}
	return do(ctx, s, c), false
}

// exit is the code that the shell ends with.
func (s *session) exit(c call) int {
	if len(c.args) == 1 {
		return s.status
	}
	n, err := strconv.Atoi(c.args[1])
	if err != nil {
		return c.fails(2, "%s: bad number", c.args[1])
	}
	return n & 0xff
}

func (s *session) cd(c call) int {
	to := "/root"
	if len(c.args) > 1 {
		to = s.at(c.args[1])
	}
	if _, err := s.list(to); err != nil {
		return c.fails(2, "can't cd to %s: %v", to, err)
	}
	s.dir = to
	s.env["PWD"] = to
	return 0
}

// at is a path as it is seen from where the shell is.
func (s *session) at(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(s.dir, name)
}

// A word is what stands between blanks.
type word struct {
	text     string
	operator bool
	literal  bool // it stood in single quotes: nothing in it is replaced
	quoted   bool // it stood in quotes: it stays one word
}

// ends says whether a command ends with it.
func (w word) ends() bool {
	return w.operator && (w.text == ";" || w.text == "&&" || w.text == "||")
}

// operators are those that are known, the longer ones first.
func operators() []string { return []string{"2>&1", "&&", "||", "2>", ">>", "|", ";", ">", "<", "\n"} }

// split takes a line apart.
func split(text string) (out []word, err error) {
	var now word
	begun := false
	flush := func() {
		if begun {
			out = append(out, now)
		}
		now, begun = word{}, false
	}
	for i := 0; i < len(text); {
		ch, n := text[i], 1
		switch op := operatorAt(text[i:], begun); {
		case strings.IndexByte(" \t\r", ch) >= 0:
			flush()
		case ch == '#' && !begun:
			return out, nil
		case ch == '\'' || ch == '"' || strings.HasPrefix(text[i:], "$("):
			if n, err = now.quote(text[i:]); err != nil {
				return nil, err
			}
			begun = true
		case op != "":
			flush()
			out = append(out, word{text: strings.ReplaceAll(op, "\n", ";"), operator: true})
			n = len(op)
		default:
			if ch == '\\' && i+1 < len(text) {
				i++
			}
			now.text, begun = now.text+text[i:i+1], true
		}
		i += n
	}
	flush()
	return out, nil
}

// quote takes what stands in quotes, or is to be run, into a word, and says how long
// it is.
func (w *word) quote(text string) (n int, err error) {
	if text[0] == '$' {
		if n = strings.IndexByte(text, ')') + 1; n == 0 {
			return 0, fmt.Errorf("%w: unterminated command substitution", errSyntax)
		}
		w.text += text[:n]
		return n, nil
	}
	if n = strings.IndexByte(text[1:], text[0]); n < 0 {
		return 0, fmt.Errorf("%w: unterminated quoted string", errSyntax)
	}
	w.text += text[1 : 1+n]
	w.literal, w.quoted = w.literal || text[0] == '\'', true
	return n + 2, nil
}

// operatorAt is the one that a text begins with; a digit within a word is none.
func operatorAt(text string, within bool) string {
	for _, op := range operators() {
		if strings.HasPrefix(text, op) && (!within || op[0] != '2') {
			return op
		}
	}
	return ""
}

// expand replaces variables, and what commands have written, in a word.
func (s *session) expand(ctx context.Context, w word, c call) []string {
	if w.literal {
		return []string{w.text}
	}
	text := w.text
	for {
		before, rest, ok := strings.Cut(text, "$(")
		if !ok {
			break
		}
		inner, after, _ := strings.Cut(rest, ")")
		var out bytes.Buffer
		s.line(ctx, inner, call{in: c.in, out: &out, err: c.err})
		text = before + strings.TrimRight(out.String(), "\n") + after
	}
	text = os.Expand(text, func(name string) string {
		switch name {
		case "?":
			return strconv.Itoa(s.status)
		case "$":
			return "31"
		}
		return s.env[name]
	})
	if w.quoted || text == w.text {
		return []string{text}
	}
	return strings.Fields(text)
}
