package shell

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"wheelhouse/backend/sandbox"
)

// A file is one of those that there are.
type file struct {
	read func() string
	size int64 // where that is more than what can be read of it
}

// files are all that there are, by path.
func (s *session) files() map[string]file {
	name, _ := sandbox.Image(s.process().Image)
	text := func(is string) file { return file{read: func() string { return is }} }
	p, m := s.process(), s.machine()
	all := map[string]file{
		"/etc/hostname":    text(s.Host + "\n"),
		"/etc/hosts":       text("127.0.0.1\tlocalhost\n::1\tlocalhost\n" + s.Address + "\t" + s.Host + "\n"),
		"/etc/resolv.conf": text("search " + s.ID.Namespace + ".svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"),
		"/etc/os-release":  text("NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME=\"Alpine Linux v3.22\"\n"),
		"/proc/meminfo":    text(fmt.Sprintf("MemTotal:       %8d kB\nMemFree:        %8d kB\nMemAvailable:   %8[2]d kB\nSwapTotal:      %8d kB\n", m.Room.Memory*1024, (m.Room.Memory-m.Uses.Memory)*1024, 0)),
		"/proc/loadavg":    text(fmt.Sprintf("%.2f %.2f %.2f 1/2 37\n", m.Uses.CPU, m.Uses.CPU, m.Uses.CPU)),
		"/proc/1/cmdline":  text(strings.ReplaceAll(s.main(), " ", "\x00")),
		"/proc/1/status":   text(fmt.Sprintf("Name:\t%s\nState:\tS (sleeping)\nPid:\t1\nVmRSS:\t%8d kB\n", strings.Fields(path.Base(s.main()))[0], p.Uses.Memory*1024)),
	}
	all["/sys/fs/cgroup/memory.current"] = text(fmt.Sprintln(p.Uses.Memory << 20))
	all["/sys/fs/cgroup/memory.max"], all["/sys/fs/cgroup/cpu.max"] = text("max\n"), text("max 100000\n")
	if p.May.Memory > 0 {
		all["/sys/fs/cgroup/memory.max"] = text(fmt.Sprintln(p.May.Memory << 20))
	}
	if p.May.CPU > 0 {
		all["/sys/fs/cgroup/cpu.max"] = text(fmt.Sprintf("%d 100000\n", int(p.May.CPU*100000)))
	}
	for n := range commands() {
		all["/bin/"+n] = file{read: func() string { return "\x7fELF" }, size: 1 << 20}
	}
	if s.program() {
		all["/app/"+name+".jar"] = file{read: func() string { return "PK" }, size: 48 << 20}
		all["/var/log/"+name+".log"] = file{read: s.log}
	}
	written, _ := s.Scratch.all()
	for at, content := range written {
		all[at] = text(string(content))
	}
	if p.Left > 0 {
		all[path.Join("/var/lib", name, "wal")] = file{read: func() string { return "" }, size: p.Left << 20}
	}
	return all
}

// log is what the process has written in this run.
func (s *session) log() string {
	var b strings.Builder
	for _, l := range s.World.Log(s.ID, false, 0) {
		b.WriteString(l.String() + "\n")
	}
	return b.String()
}

var (
	errNone   = errors.New("No such file or directory") //nolint:staticcheck // as it is told
	errFolder = errors.New("Is a directory")            //nolint:staticcheck // the same
)

// folders are those that there are whether anything is in them or not.
func (s *session) folders() []string {
	_, made := s.Scratch.all()
	return slices.Concat([]string{"/", "/app", "/bin", "/dev", "/etc", "/proc", "/root", "/sys", "/tmp", "/usr", "/var", "/var/lib", "/var/log"}, s.Mounts, made)
}

// list is what is in a folder: names, those of folders with a slash.
func (s *session) list(at string) ([]string, error) {
	found := map[string]bool{}
	is := false
	add := func(name string, folder bool) {
		rest, below := strings.CutPrefix(name, strings.TrimSuffix(at, "/")+"/")
		if name == at && folder {
			is = true
		}
		if !below || rest == "" {
			return
		}
		is = true
		first, _, deeper := strings.Cut(rest, "/")
		if deeper || folder {
			first += "/"
		}
		found[first] = true
	}
	for name := range s.files() {
		add(name, false)
	}
	for _, name := range s.folders() {
		add(name, true)
	}
	if !is {
		return nil, errNone
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// open reads a file.
func (s *session) open(name string) ([]byte, error) {
	at := s.at(name)
	if at == "/dev/null" {
		return nil, nil
	}
	f, ok := s.files()[at]
	if !ok {
		if _, err := s.list(at); err == nil {
			return nil, errFolder
		}
		return nil, errNone
	}
	return []byte(f.read()), nil
}

func (f file) weight() int64 { return max(f.size, int64(len(f.read()))) }

// weigh is how many bytes there are below a path.
func (s *session) weigh(at string) (n int64, err error) {
	files := s.files()
	if f, ok := files[at]; ok {
		return f.weight(), nil
	}
	if _, err := s.list(at); err != nil {
		return 0, err
	}
	for name, f := range files {
		if strings.HasPrefix(name, strings.TrimSuffix(at, "/")+"/") && !strings.HasPrefix(name, "/proc/") && !strings.HasPrefix(name, "/sys/") {
			n += f.weight()
		}
	}
	return n, nil
}

func ls(_ context.Context, s *session, c call) int {
	names := c.names()
	if len(names) == 0 {
		names = []string{s.dir}
	}
	exit := 0
	for _, name := range names {
		at := s.at(name)
		in, err := s.list(at)
		if f, ok := s.files()[at]; ok {
			in, err = []string{path.Base(at)}, nil
			if at = path.Dir(at); len(in[0]) == 0 || f.read == nil {
				continue
			}
		}
		if err != nil {
			exit = c.fails(1, "%s: %v", name, err)
			continue
		}
		for _, one := range in {
			if !c.option('l') {
				fmt.Fprintln(c.out, strings.TrimSuffix(one, "/"))
				continue
			}
			mode, size := "-rw-r--r--", int64(4096)
			if strings.HasSuffix(one, "/") {
				mode = "drwxr-xr-x"
			} else {
				size = s.files()[path.Join(at, one)].weight()
			}
			fmt.Fprintf(c.out, "%s    1 root     root     %11d %s %s\n", mode, size, s.process().Began.UTC().Format("Jan _2 15:04"), strings.TrimSuffix(one, "/"))
		}
	}
	return exit
}

// inputs are the files that a command was given, or what comes in.
func (s *session) inputs(ctx context.Context, c call, names []string, do func(content []byte)) int {
	if len(names) == 0 || names[0] == "-" {
		if err := s.each(ctx, c.in, do); err != nil {
			return c.fails(1, "%v", err)
		}
		return 0
	}
	exit := 0
	for _, name := range names {
		content, err := s.open(name)
		if err != nil {
			exit = c.fails(1, "can't open '%s': %v", name, err)
			continue
		}
		do(content)
	}
	return exit
}

// each gives what comes in, line by line.
func (s *session) each(ctx context.Context, in io.Reader, do func([]byte)) error {
	for {
		line, err := readLine(ctx, in)
		if err == nil {
			line += "\n"
		}
		if line != "" {
			do([]byte(line))
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func cat(ctx context.Context, s *session, c call) int {
	return s.inputs(ctx, c, c.names(), func(content []byte) { _, _ = c.out.Write(content) })
}

// lines is how many lines, or bytes, head and tail were asked for, and of what.
func (c call) lines() (n int, names []string, err error) {
	n = 10
	flag := "-n"
	if c.option('c') {
		flag = "-c"
	}
	for i := 1; i < len(c.args); i++ {
		text, given := strings.CutPrefix(c.args[i], flag)
		if !given && len(c.args[i]) > 1 && c.args[i][0] == '-' && c.args[i][1] >= '0' && c.args[i][1] <= '9' {
			text, given = c.args[i][1:], true
		}
		switch {
		case given && text == "" && i+1 < len(c.args):
			i++
			text = c.args[i]
			fallthrough
		case given:
			if n, err = strconv.Atoi(text); err != nil {
				return 0, nil, fmt.Errorf("invalid number '%s'", text)
			}
		case !strings.HasPrefix(c.args[i], "-"):
			names = append(names, c.args[i])
		}
	}
	return n, names, nil
}

func head(ctx context.Context, s *session, c call) int {
	n, names, err := c.lines()
	if err != nil {
		return c.fails(1, "%v", err)
	}
	var all bytes.Buffer
	exit := s.inputs(ctx, c, names, func(content []byte) { all.Write(content) })
	if c.option('c') {
		_, _ = c.out.Write(all.Bytes()[:min(n, all.Len())])
		return exit
	}
	lines := bytes.SplitAfter(all.Bytes(), []byte("\n"))
	_, _ = c.out.Write(bytes.Join(lines[:min(n, len(lines))], nil))
	return exit
}

// tail shows the last lines; with -f those, too, that the process writes from now on.
func tail(ctx context.Context, s *session, c call) int {
	n, names, err := c.lines()
	if err != nil {
		return c.fails(1, "%v", err)
	}
	var all bytes.Buffer
	last := int64(0)
	for _, l := range s.World.Log(s.ID, false, 0) {
		last = l.Seq
	}
	exit := s.inputs(ctx, c, names, func(content []byte) { all.Write(content) })
	lines := bytes.SplitAfter(bytes.TrimSuffix(all.Bytes(), []byte("\n")), []byte("\n"))
	_, _ = c.out.Write(bytes.Join(lines[max(0, len(lines)-n):], nil))
	if all.Len() > 0 {
		fmt.Fprintln(c.out)
	}
	if !c.option('f') && !c.option('F') {
		return exit
	}
	logged := len(names) == 1 && strings.HasPrefix(s.at(names[0]), "/var/log/")
	for {
		moved := s.World.Moved()
		for _, l := range s.World.Log(s.ID, false, last) {
			if last = l.Seq; logged {
				if _, err := fmt.Fprintln(c.out, l.String()); err != nil {
					return 1
				}
			}
		}
		select {
		case <-ctx.Done():
			return 0
		case <-moved:
		}
	}
}

func grep(ctx context.Context, s *session, c call) int {
	names := c.names()
	if len(names) == 0 {
		return c.fails(2, "no pattern")
	}
	text := names[0]
	if c.option('i') {
		text = "(?i)" + text
	}
	pattern, err := regexp.Compile(text)
	if err != nil {
		return c.fails(2, "bad regex '%s'", names[0])
	}
	found := 0
	s.inputs(ctx, c, names[1:], func(content []byte) {
		for line := range bytes.Lines(content) {
			if pattern.Match(bytes.TrimSuffix(line, []byte("\n"))) == c.option('v') {
				continue
			}
			if found++; !c.option('c') && !c.option('q') {
				_, _ = c.out.Write(line)
			}
		}
	})
	if c.option('c') {
		fmt.Fprintln(c.out, found)
	}
	if found == 0 {
		return 1
	}
	return 0
}

func wc(ctx context.Context, s *session, c call) int {
	lines, words, size := 0, 0, 0
	exit := s.inputs(ctx, c, c.names(), func(content []byte) {
		lines, words, size = lines+bytes.Count(content, []byte("\n")), words+len(bytes.Fields(content)), size+len(content)
	})
	switch {
	case c.option('l'):
		fmt.Fprintln(c.out, lines)
	case c.option('w'):
		fmt.Fprintln(c.out, words)
	case c.option('c'):
		fmt.Fprintln(c.out, size)
	default:
		fmt.Fprintf(c.out, "%9d %9d %9d\n", lines, words, size)
	}
	return exit
}

// archive packs files, or unpacks them, which is what kubectl cp asks for.
func archive(_ context.Context, s *session, c call) int {
	if !strings.Contains(strings.Join(c.args[1:min(2, len(c.args))], ""), "c") {
		return unpack(s, c)
	}
	out := tar.NewWriter(c.out)
	for _, name := range c.args[2:] {
		at, files := s.at(name), s.files()
		if strings.HasPrefix(name, "-") {
			continue
		}
		if _, err := s.list(at); err != nil && files[at].read == nil {
			return c.fails(1, "%s: %v", name, err)
		}
		for _, path := range slices.Sorted(maps.Keys(files)) {
			if path != at && !strings.HasPrefix(path, at+"/") {
				continue
			}
			content := files[path].read()
			h := &tar.Header{Name: strings.TrimPrefix(path, "/"), Mode: 0o644, Size: int64(len(content)), ModTime: s.World.Now()}
			if err := cmp.Or(out.WriteHeader(h), write(out, content)); err != nil {
				return c.fails(1, "%v", err)
			}
		}
	}
	if err := out.Close(); err != nil {
		return c.fails(1, "%v", err)
	}
	return 0
}

func write(to io.Writer, text string) error {
	_, err := io.WriteString(to, text)
	return err
}
