// Package stack builds and runs the real servers that wheelhouse is tested on:
// two Kubernetes clusters, a and b, each with its own etcd, API server,
// controllers, scheduler and a kwok that plays the kubelet of every node. All of
// it comes from Go modules, listens on loopback only, and needs nothing that a
// Go toolchain does not bring.
//
// It is a module of its own, so that wheelhouse does not depend on the servers.
// What is tested lives elsewhere; nothing here knows wheelhouse.
package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// Stack is the two clusters of one state directory. Two of them on one machine
// do not meet: every port is chosen free and recorded. One program at a time
// may change a state directory.
type Stack struct {
	dir      string
	out      io.Writer
	clusters []*cluster
	services *fleet
	fleets   []*fleet
}

// New gives the stack that lives in dir, running or not. What is done is told
// on out, a line each.
func New(dir string, out io.Writer) (*Stack, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	bin := filepath.Join(dir, "bin")
	a, b := newCluster("a", filepath.Join(dir, "a"), bin), newCluster("b", filepath.Join(dir, "b"), bin)
	services := newServices(filepath.Join(dir, "services"))
	return &Stack{
		dir: dir, out: out, clusters: []*cluster{a, b}, services: services,
		fleets: []*fleet{services, newMachines(filepath.Join(dir, "machines"), a), newElastic(filepath.Join(dir, "elastic")), newInflux(filepath.Join(dir, "influx")), newHudson(filepath.Join(dir, "hudson"))},
	}, nil
}

// Kubeconfig is the path of the file with the contexts of both clusters.
func (s *Stack) Kubeconfig() string { return filepath.Join(s.dir, "kubeconfig") }

// Up starts what does not run yet and returns when both clusters serve and the
// workloads of manifests/apps.yaml are there. Objects that tests have changed
// are put back. Build must have been done.
func (s *Stack) Up(ctx context.Context) error {
	if err := s.services.choosePorts(); err != nil {
		return err
	}
	s.clusters[0].forwards = forwards(s.services)
	err := s.each(func(c *cluster) error {
		if err := c.up(ctx); err != nil {
			return fmt.Errorf("cluster %s: %w", c.name, err)
		}
		fmt.Fprintf(s.out, "cluster %s is ready\n", c.name)
		return nil
	})
	if err != nil {
		return err
	}
	return writeMerged(s.Kubeconfig(), s.clusters)
}

// Alone makes ready for parts that need no cluster, where nothing else was built: it
// puts the stack command beside the kubeconfig, for tests.
func (s *Stack) Alone(ctx context.Context, src string) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return goBuild(ctx, src, filepath.Join(s.dir, "stack"), "./cmd/stack", "")
}

// UpPart builds and starts a part that stands beside the clusters, which must be up
// where it needs them, and returns when it serves. src is this module's root.
func (s *Stack) UpPart(ctx context.Context, name, src string) error {
	for _, f := range s.fleets {
		if f.name == name {
			if err := f.up(ctx, src); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Fprintf(s.out, "%s: ready\n", name)
			return nil
		}
	}
	return fmt.Errorf("there is no part %q; there are %s", name, strings.Join(s.Parts(), ", "))
}

// Parts is what can stand beside the clusters.
func (s *Stack) Parts() []string {
	var names []string
	for _, f := range s.fleets {
		names = append(names, f.name)
	}
	return names
}

// Down ends the programs that were started, and only those. wipe forgets the
// clusters' data, keys and ports too.
func (s *Stack) Down(wipe bool) error {
	var errs []error
	for _, f := range s.fleets {
		errs = append(errs, f.down())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return s.each(func(c *cluster) error {
		if err := c.down(); err != nil {
			return fmt.Errorf("cluster %s: %w", c.name, err)
		}
		if wipe {
			return os.RemoveAll(c.dir)
		}
		return nil
	})
}

// Status writes what runs, as a table.
func (s *Stack) Status() error {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PART\tPROGRAM\tPORT\tPID\tLOG")
	for _, c := range s.clusters {
		if err := c.loadPorts(); err != nil {
			fmt.Fprintf(w, "%s\tnever started\t\t\t\n", c.name)
			continue
		}
		for _, name := range startOrder {
			statusLine(w, c.name, c.program(name), c.ports[name])
		}
	}
	for _, f := range s.fleets {
		var err error
		if f.ports, err = loadPorts(f.dir); err != nil {
			fmt.Fprintf(w, "%s\tnever started\t\t\t\n", f.name)
			continue
		}
		for _, name := range f.programs {
			statusLine(w, f.name, f.program(name), f.ports[name])
		}
	}
	return w.Flush()
}

func statusLine(w io.Writer, part string, p program, port int) {
	pid := "-"
	if n, ok := p.running(); ok {
		pid = fmt.Sprint(n)
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", part, p.name, port, pid, p.log())
}

// Start starts one program of a cluster or a part again, on its port, and waits
// until it serves.
func (s *Stack) Start(ctx context.Context, part, program string) error {
	start, _, err := s.program(part, program)
	if err != nil {
		return err
	}
	return start(ctx)
}

// Stop ends one program of a cluster or a part.
func (s *Stack) Stop(part, program string) error {
	_, stop, err := s.program(part, program)
	if err != nil {
		return err
	}
	return stop()
}

// program finds one program of what was started before.
func (s *Stack) program(part, name string) (start func(context.Context) error, stop func() error, err error) {
	for _, f := range s.fleets {
		if f.name != part {
			continue
		}
		if f.ports, err = loadPorts(f.dir); err != nil {
			return nil, nil, fmt.Errorf("%s: never started: %w", part, err)
		}
		if !slices.Contains(f.programs, name) {
			return nil, nil, fmt.Errorf("there is no program %q; there are %v", name, f.programs)
		}
		return func(ctx context.Context) error { return f.start(ctx, name) }, f.program(name).stop, nil
	}
	c, err := s.find(part, name)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) error { return c.start(ctx, name) }, c.program(name).stop, nil
}

func (s *Stack) find(clusterName, program string) (*cluster, error) {
	for _, c := range s.clusters {
		if c.name != clusterName {
			continue
		}
		if err := c.loadPorts(); err != nil {
			return nil, fmt.Errorf("cluster %s was never started: %w", clusterName, err)
		}
		if _, ok := c.ports[program]; !ok {
			return nil, fmt.Errorf("there is no program %q; there are %v", program, startOrder)
		}
		return c, nil
	}
	return nil, fmt.Errorf("there is no cluster %q; there are a and b", clusterName)
}

// each does f for all clusters at once.
func (s *Stack) each(f func(*cluster) error) error {
	errs := make([]error, len(s.clusters))
	var all sync.WaitGroup
	for i, c := range s.clusters {
		all.Go(func() { errs[i] = f(c) })
	}
	all.Wait()
	return errors.Join(errs...)
}
