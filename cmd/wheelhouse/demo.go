package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/backend"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/backend/sandbox/shop"
	"wheelhouse/ui/screen"
)

// demo is what the embedded world is asked for with.
type demo struct {
	seed  uint64
	pods  int
	drill string // what goes wrong in it: a name, or a file
	name  string // of that drill
	tour  bool
	serve bool   // nothing but the servers
	dir   string // where they say how they are found
	ward  bool   // they end with whoever reads what they print
}

func demoCommand(f *flags) *cobra.Command {
	d := &demo{}
	c := &cobra.Command{
		Use: "demo", Short: "The console on an embedded world: nothing to install, nothing that can break", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if d.pods < 0 || d.pods > mostPods {
				return usage{fmt.Errorf("--pods is a number from 0 to %d, not %d", mostPods, d.pods)}
			}
			if d.serve {
				return d.serveOnly(c.Context(), c.InOrStdin(), c.OutOrStdout())
			}
			return d.run(c.Context(), f, c.ErrOrStderr())
		},
	}
	c.Flags().Uint64Var(&d.seed, "seed", 1, "which of all worlds it is")
	c.Flags().IntVar(&d.pods, "pods", 0, "how many pods there are more than the company needs")
	c.Flags().StringVar(&d.drill, "drill", "", "an incident to practise on: a name of `wheelhouse drill list`, or a file of your own")
	c.Flags().BoolVar(&d.tour, "tour", false, "begin with a tour of five steps")
	c.Flags().BoolVar(&d.serve, "serve-only", false, "start the servers, print where they are found, and stay")
	c.Flags().StringVar(&d.dir, "dir", "", "the folder that their kubeconfig and wheelhouse.yaml are written to")
	c.Flags().BoolVar(&d.ward, "ward", false, "end when the standard input does")
	_ = c.Flags().MarkHidden("ward") // it is there, a line above
	return c
}

// mostPods is what a machine with some gigabytes of memory has room for.
const mostPods = 200_000

// past is how much the world has behind it when it is opened.
const past = 6 * time.Hour

// serveOnly is the world without a console.
func (d *demo) serveOnly(ctx context.Context, in io.Reader, out io.Writer) error {
	if d.dir == "" {
		return usage{errors.New("--serve-only needs --dir, the folder to write kubeconfig and wheelhouse.yaml into")}
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return usage{fmt.Errorf("--dir: no folder can be made at %s: %w; name one that can", d.dir, reason(err))}
	}
	if d.ward {
		var end context.CancelFunc
		ctx, end = context.WithCancel(ctx)
		go func() {
			defer end()
			_, _ = io.Copy(io.Discard, in) // nothing comes; it ends with whoever has started us
		}()
	}
	o := shop.Options{Seed: d.seed, Pods: d.pods, Past: past}
	incident, err := d.incident()
	if err != nil {
		return err
	}
	if incident != nil {
		o.Drill, o.Seed = incident, incident.Seed
	}
	s, err := shop.Open(o)
	if err != nil {
		return err
	}
	go settle(ctx)
	if err := s.Serve(ctx, d.dir, func(files shop.Files) { _ = json.NewEncoder(out).Encode(files) }); ctx.Err() == nil {
		return err
	}
	if d.ward {
		_ = os.RemoveAll(d.dir) // whoever has started us may have been killed, and clears nothing away
	}
	return nil // it was asked to end
}

// run is the console on a world in a process of its own, which ends with it; then on
// the next one, where another drill was asked for. What stands in the way of that is
// said before a world is opened for it.
func (d *demo) run(ctx context.Context, f *flags, say io.Writer) error {
	if _, err := d.incident(); err != nil {
		return err
	}
	if err := screen.Fit(os.Stdin, os.Stdout); err != nil {
		return fmt.Errorf("%w; so does `wheelhouse demo --serve-only --dir DIR`, which is the world without a console", err)
	}
	fmt.Fprintln(say, "The embedded world is being opened …")
	first := f.view
	for {
		next, err := d.once(ctx, f)
		if err != nil || next == "" {
			return err
		}
		d.tour, f.view = false, first
		if next != d.name { // once more: from the same file, if it came from one
			d.drill = next
		}
	}
}

// incident is the drill that is asked for; nil where none is.
func (d *demo) incident() (*drill.Drill, error) {
	if d.drill == "" {
		return nil, nil
	}
	incident, err := drill.Load(d.drill, shop.Setting())
	return &incident, err
}

func (d *demo) once(ctx context.Context, f *flags) (next string, err error) {
	incident, err := d.incident()
	if err != nil {
		return "", err // the file may have been changed while it was played
	}
	if incident != nil {
		d.name = incident.Name
	}
	dir, err := os.MkdirTemp("", "wheelhouse-demo-")
	if err != nil {
		return "", &backend.Error{Op: "make a folder for the demo", Err: err, Human: fmt.Sprintf(
			"The embedded world needs a folder for its kubeconfig, and none can be made in %s: %v. Name another one with TMPDIR, as in TMPDIR=$HOME wheelhouse demo.", os.TempDir(), reason(err))}
	}
	defer os.RemoveAll(dir)
	files, ended, end, err := d.spawn(ctx, dir)
	if ctx.Err() != nil {
		return "", &exit{130} // who has pressed ctrl-c knows why there is no world
	}
	if err != nil {
		return "", err
	}
	defer end()
	f.kubeconfig, f.config, f.world = files.Kubeconfig, files.Config, &world{drill: files.Drill, tour: d.tour, ended: ended}
	if files.Drill != "" && f.view == "" {
		f.view = "briefing"
	}
	err = runConsole(ctx, f)
	return f.world.next, err
}

// spawn starts the world and waits until it answers.
func (d *demo) spawn(ctx context.Context, dir string) (files shop.Files, ended <-chan struct{}, end func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return files, nil, nil, fmt.Errorf("find this program: %w", err)
	}
	log, err := os.Create(dir + "/world.log")
	if err != nil {
		return files, nil, nil, fmt.Errorf("keep the world's log: %w", err)
	}
	defer log.Close()
	//nolint:gosec // this very program
	world := exec.CommandContext(ctx, self, "demo", "--serve-only", "--ward", "--dir", dir, "--seed", strconv.FormatUint(d.seed, 10), "--pods", strconv.Itoa(d.pods), "--drill", d.drill)
	world.Env = append(os.Environ(), "GOGC=50") // it is there to be looked at, and should not be felt
	world.Stderr = log
	in, err := world.StdinPipe()
	if err != nil {
		return files, nil, nil, fmt.Errorf("start the world: %w", err)
	}
	out, err := world.StdoutPipe()
	if err != nil {
		return files, nil, nil, fmt.Errorf("start the world: %w", err)
	}
	if err := world.Start(); err != nil {
		return files, nil, nil, fmt.Errorf("start the world: %w", err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = world.Wait() // it ends by itself, and there is nothing more to learn from it
	}()
	end = func() {
		_ = in.Close()
		<-over
	}
	if err == nil {
		err = json.Unmarshal(line, &files)
	}
	if err != nil {
		end()
		said, _ := os.ReadFile(log.Name())
		why := fmt.Sprintf("it said nothing. See whether there is room left in %s; TMPDIR names another folder.", os.TempDir())
		if last := lastLine(said); last != "" {
			why = last
		}
		return files, nil, nil, &backend.Error{Op: "start the world", Err: err, Human: "The embedded world did not start: " + why}
	}
	return files, over, end, nil
}

// reason is why a file can't be had, without what was tried on which.
func reason(err error) error {
	if e := new(fs.PathError); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// lastLine is the last thing that a program has said.
func lastLine(said []byte) (out string) {
	s := bufio.NewScanner(bytes.NewReader(said))
	for s.Scan() {
		out = s.Text()
	}
	return out
}
