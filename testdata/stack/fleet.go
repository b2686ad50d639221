package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// A fleet is a part of the stack that is no cluster: programs beside each other,
// started only when they are asked for.
type fleet struct {
	name, dir string
	programs  []string // their names, in the order in which they start
	more      []string // ports beside those that the programs have by their names
	ports     ports

	// build gives the file or folder that the programs are started from, which the
	// fleet's folder then has as "built".
	build func(ctx context.Context, src string) (string, error)
	// prepare makes what the programs need before they start; nil when nothing.
	prepare func(ctx context.Context) error
	// program gives one of them; the ports are known by then.
	program func(name string) program
	// ready is asked until it gives no error, from when the program runs.
	ready func(ctx context.Context, name string) error
}

func (f *fleet) path(name ...string) string {
	return filepath.Join(append([]string{f.dir}, name...)...)
}

// choosePorts gives the fleet its ports; see choosePorts.
func (f *fleet) choosePorts() (err error) {
	running := func(p ports) bool {
		f.ports = p
		for _, name := range f.programs {
			if _, ok := f.program(name).running(); ok {
				return true
			}
		}
		return false
	}
	f.ports, err = choosePorts(f.dir, running, append(f.more, f.programs...)...)
	return err
}

// up builds and starts the fleet and returns when all of it is ready.
func (f *fleet) up(ctx context.Context, src string) error {
	built, err := f.build(ctx, src)
	if err != nil {
		return err
	}
	if err := f.choosePorts(); err != nil {
		return err
	}
	if err := relink(built, f.path("built")); err != nil {
		return err
	}
	if f.prepare != nil {
		if err := f.prepare(ctx); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	errs := make([]error, len(f.programs))
	for n, name := range f.programs {
		all.Go(func() { errs[n] = f.start(ctx, name) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// start starts one program, unless it runs, and waits until it is ready.
func (f *fleet) start(ctx context.Context, name string) error {
	p := f.program(name)
	if _, ok := p.running(); !ok {
		if err := p.start(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		err := f.ready(ctx, name)
		if err == nil {
			return nil
		}
		if _, ok := p.running(); !ok {
			return fmt.Errorf("%s ended; its log is %s", name, p.log())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready (its log is %s): %w", name, p.log(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (f *fleet) down() error {
	p, err := loadPorts(f.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	f.ports = p
	var errs []error
	for _, name := range f.programs {
		errs = append(errs, f.program(name).stop())
	}
	return errors.Join(errs...)
}

// relink makes link lead to target, wherever it led before.
func relink(target, link string) error {
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, link)
}

// built gives what a part is made of: made into an empty folder, unless the user's
// cache has what the same sources made. The folder is whole or absent.
func built(part, src string, build func(dir string) error) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	h := sha256.New()
	err = filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", filepath.Base(path), len(data), data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("%w (run this in testdata/stack)", err)
	}
	target := filepath.Join(cache, "wheelhouse-stack", part, hex.EncodeToString(h.Sum(nil))[:16])
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(filepath.Dir(target), "building-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		return "", err
	}
	if err := os.Rename(dir, target); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return target, nil
}

// builtByMaven gives the folder that Maven made of the project in src.
func builtByMaven(ctx context.Context, part, src string) (string, error) {
	return built(part, src, func(dir string) error {
		cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", filepath.Join(src, "pom.xml"), "-Dtarget="+dir, "package")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s with Maven: %w: %s", part, err, out)
		}
		return nil
	})
}
