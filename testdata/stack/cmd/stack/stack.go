// Command stack builds, starts, disturbs and ends the real servers that
// wheelhouse is tested on.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"wheelhouse/testdata/stack"
)

const usage = `usage: stack COMMAND

  build               builds the servers (in testdata/stack)
  up [PART…]          builds them, starts what does not run, prints the kubeconfig's path; parts are
                      services (a shop's; they want Java 17 and Maven), machines (Cluster API), elastic (as services), influx (InfluxDB 1.8)
  part PART…          builds and starts parts alone, without the clusters: what needs none (elastic, influx)
  down [--wipe]       ends them; --wipe forgets their data too
  status              what runs, on which port, and where its log is

  stop a apiserver    ends one program: etcd, apiserver, controllers, scheduler, kwok, metrics
  start a apiserver   starts it again; so with services payments-0
  restart a apiserver
  compact a           makes all history gone: watches from before are answered 410
  load a 10112        makes the cluster have that many pods more, 0 for none
  churn a 50          changes that many of the first pods a second, until ended
  logs a POD 20000    writes that many numbered lines a second into the log of a pod of shop, until ended

The state directory is $WHEELHOUSE_STACK, by default wheelhouse-stack in the
system's temporary directory.
`

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "stack:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	dir := os.Getenv("WHEELHOUSE_STACK")
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "wheelhouse-stack")
	}
	s, err := stack.New(dir, os.Stderr)
	if err != nil {
		return err
	}
	args = append(args, "", "", "", "")
	command, cluster, what := args[0], args[1], args[2]
	switch command {
	case "build":
		return s.Build(ctx, ".")
	case "up":
		return up(ctx, s, args[1:])
	case "part":
		return part(ctx, s, args[1:])
	case "down":
		return s.Down(args[1] == "--wipe")
	case "status":
		return s.Status()
	case "stop":
		return s.Stop(cluster, what)
	case "start":
		return s.Start(ctx, cluster, what)
	case "restart":
		if err := s.Stop(cluster, what); err != nil {
			return err
		}
		return s.Start(ctx, cluster, what)
	case "compact":
		return s.ForgetHistory(ctx, cluster)
	case "load", "churn":
		return amount(ctx, s, command, cluster, what)
	case "logs":
		return logs(ctx, s, cluster, what, args[3])
	}
	fmt.Fprint(os.Stderr, usage)
	return fmt.Errorf("there is no command %q", command)
}

func part(ctx context.Context, s *stack.Stack, names []string) error {
	if err := s.Alone(ctx, "."); err != nil {
		return err
	}
	return parts(ctx, s, names)
}

func logs(ctx context.Context, s *stack.Stack, cluster, pod, perSecond string) error {
	rate, err := strconv.Atoi(perSecond)
	if err != nil {
		return fmt.Errorf("logs: how many a second? %q is no number", perSecond)
	}
	return s.Logs(ctx, cluster, pod, rate)
}

func up(ctx context.Context, s *stack.Stack, names []string) error {
	if err := s.Build(ctx, "."); err != nil {
		return err
	}
	if err := s.Up(ctx); err != nil {
		return err
	}
	if err := parts(ctx, s, names); err != nil {
		return err
	}
	fmt.Println(s.Kubeconfig())
	return nil
}

func parts(ctx context.Context, s *stack.Stack, names []string) error {
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := s.UpPart(ctx, name, "."); err != nil {
			return err
		}
	}
	return nil
}

func amount(ctx context.Context, s *stack.Stack, command, cluster, what string) error {
	n, err := strconv.Atoi(what)
	if err != nil || n < 0 {
		return fmt.Errorf("%s: how many? %q is no number", command, what)
	}
	if command == "load" {
		return s.Load(ctx, cluster, n)
	}
	return s.Churn(ctx, cluster, n)
}
