package shell

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// What a container may have written.
const (
	scratchFiles = 100     // and folders
	scratchBytes = 1 << 20 // of all files together
	scratchRoot  = "/tmp"
)

var (
	errReadOnly = errors.New("Read-only file system")   //nolint:staticcheck // as it is told
	errFull     = errors.New("No space left on device") //nolint:staticcheck // the same
	errNoFolder = errors.New("nonexistent directory")
)

// A Scratch is what a container has written in one run, below /tmp: it is gone when the
// container is started again, as what a pod keeps for itself is. Safe for concurrent use.
type Scratch struct {
	mu      sync.Mutex
	files   map[string][]byte
	folders map[string]bool
}

// NewScratch is one without anything in it.
func NewScratch() *Scratch {
	return &Scratch{files: map[string][]byte{}, folders: map[string]bool{scratchRoot: true}}
}

// may says why nothing can be written at a path.
func (s *Scratch) may(at string) error {
	switch {
	case s == nil || !strings.HasPrefix(at, scratchRoot+"/"):
		return errReadOnly
	case s.folders[at]:
		return errFolder
	case !s.folders[path.Dir(at)]:
		return errNoFolder
	}
	if _, ok := s.files[at]; !ok && len(s.files)+len(s.folders) > scratchFiles {
		return errFull
	}
	return nil
}

// write puts content into a file, or behind what is in it.
func (s *Scratch) write(at string, content []byte, more bool) error {
	if s == nil {
		return errReadOnly
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.may(at); err != nil {
		return err
	}
	if more {
		content = append(slices.Clone(s.files[at]), content...)
	}
	all := len(content) - len(s.files[at])
	for _, one := range s.files {
		all += len(one)
	}
	if all > scratchBytes {
		return errFull
	}
	s.files[at] = slices.Clone(content)
	return nil
}

// folder makes one, and with parents those that it is in.
func (s *Scratch) folder(at string, parents bool) error {
	if s == nil || at != scratchRoot && !strings.HasPrefix(at, scratchRoot+"/") {
		return errReadOnly
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, isFile := s.files[at]
	switch {
	case isFile || s.folders[at] && !parents:
		return errors.New("File exists") //nolint:staticcheck // as it is told
	case s.folders[at]:
		return nil
	}
	var missing []string
	for ; !s.folders[at]; at = path.Dir(at) {
		missing = append(missing, at)
	}
	switch {
	case len(missing) > 1 && !parents:
		return errNone
	case len(s.files)+len(s.folders)+len(missing) > scratchFiles+1:
		return errFull
	}
	for _, one := range missing {
		s.folders[one] = true
	}
	return nil
}

// remove takes a file away, or a folder with all that is in it.
func (s *Scratch) remove(at string, folders bool) error {
	if s == nil || !strings.HasPrefix(at, scratchRoot+"/") {
		return errReadOnly
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, isFile := s.files[at]
	switch {
	case !isFile && !s.folders[at]:
		return errNone
	case s.folders[at] && !folders:
		return errFolder
	}
	within := func(name string) bool { return name == at || strings.HasPrefix(name, at+"/") }
	maps.DeleteFunc(s.files, func(name string, _ []byte) bool { return within(name) })
	maps.DeleteFunc(s.folders, func(name string, _ bool) bool { return within(name) })
	return nil
}

// all are the files and the folders that there are now.
func (s *Scratch) all() (files map[string][]byte, folders []string) {
	if s == nil {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.files), slices.Collect(maps.Keys(s.folders))
}

// output is a file that a command writes to.
type output struct {
	scratch *Scratch
	at      string
}

// Write implements io.Writer.
func (o output) Write(b []byte) (int, error) {
	if err := o.scratch.write(o.at, b, true); err != nil {
		return 0, err
	}
	return len(b), nil
}

// create opens a file for a redirection.
func (s *session) create(name string, more bool) (io.Writer, error) {
	if name == "/dev/null" {
		return io.Discard, nil
	}
	at := s.at(name)
	return output{s.Scratch, at}, s.Scratch.write(at, nil, more)
}

func touch(_ context.Context, s *session, c call) int {
	exit := 0
	for _, name := range c.names() {
		if err := s.Scratch.write(s.at(name), nil, true); err != nil && !errors.Is(err, errFolder) {
			exit = c.fails(1, "%s: %v", name, err)
		}
	}
	return exit
}

func mkdir(_ context.Context, s *session, c call) int {
	exit := 0
	for _, name := range c.names() {
		if err := s.Scratch.folder(s.at(name), c.option('p')); err != nil {
			exit = c.fails(1, "can't create directory '%s': %v", name, err)
		}
	}
	return exit
}

func rm(_ context.Context, s *session, c call) int {
	exit := 0
	for _, name := range c.names() {
		err := s.Scratch.remove(s.at(name), c.option('r') || c.option('R'))
		if err != nil && (!c.option('f') || !errors.Is(err, errNone)) {
			exit = c.fails(1, "can't remove '%s': %v", name, err)
		}
	}
	return exit
}

// test says whether something is there.
func test(_ context.Context, s *session, c call) int {
	if len(c.args) != 3 {
		return c.fails(2, "unknown operand")
	}
	at := s.at(c.args[2])
	_, isFile := s.files()[at]
	_, err := s.list(at)
	if is, ok := map[string]bool{"-e": isFile || err == nil, "-f": isFile, "-d": !isFile && err == nil}[c.args[1]]; !ok {
		return c.fails(2, "unknown operand")
	} else if is {
		return 0
	}
	return 1
}

// unpack writes the files of an archive, which is what kubectl cp asks for.
func unpack(s *session, c call) int {
	dir := s.dir
	if i := slices.Index(c.args, "-C"); i > 0 && i+1 < len(c.args) {
		dir = s.at(c.args[i+1])
	}
	for in := tar.NewReader(c.in); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return 0
		}
		if err != nil {
			return c.fails(1, "short read")
		}
		at := path.Join(dir, path.Clean("/"+h.Name))
		if h.Typeflag == tar.TypeDir {
			err = s.Scratch.folder(at, true)
		} else {
			var content []byte
			if content, err = io.ReadAll(io.LimitReader(in, scratchBytes+1)); err == nil {
				err = cmp.Or(s.Scratch.folder(path.Dir(at), true), s.Scratch.write(at, content, false))
			}
		}
		if err != nil {
			return c.fails(1, "can't open '%s': %v", h.Name, err)
		}
	}
}
