package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/backend"
	"wheelhouse/backend/dispatch"
)

// actOptions are the flags of act.
type actOptions struct {
	set                 []string
	dryRun, yes, follow bool
	output              output
	reason              string
	timeout             time.Duration
}

// actCommand does an action without the screen: the same way through dispatch.
func actCommand(f *flags) *cobra.Command {
	var o actOptions
	c := &cobra.Command{
		Use:   "act ACTION REF…",
		Short: "Do an action without the screen",
		Long: `Do an action without the screen: the same plan, permissions, record and outcome.
A REF is [link:]kind/[namespace/]name. Without a link, the current one is meant.
Exit codes: 0 done, 1 failed, 2 wrong use, 3 denied or read-only, 4 conflict, 5 partly done, 6 needs --yes.`,
		Args: func(c *cobra.Command, args []string) error {
			if err := cobra.MinimumNArgs(2)(c, args); err != nil {
				return usage{fmt.Errorf("act takes an action and at least one reference; `wheelhouse actions` lists what there is")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return act(c, f, o, args[0], args[1:]) },
	}
	c.Flags().StringArrayVar(&o.set, "set", nil, "parameter as name=value; value may be @FILE, or - to read it from standard input")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "show the plan, change nothing")
	c.Flags().BoolVarP(&o.yes, "yes", "y", false, "confirm the plan")
	c.Flags().BoolVar(&o.follow, "follow", false, "print each step as it goes")
	outputFlag(c, &o.output, "print the plan or the outcome as one object")
	c.Flags().StringVar(&o.reason, "reason", "", "why to go on when the record can't be written")
	c.Flags().DurationVar(&o.timeout, "timeout", 30*time.Second, "how long connecting and planning may take")
	return c
}

func act(c *cobra.Command, f *flags, o actOptions, action string, words []string) error {
	args, err := readArgs(o.set, c.InOrStdin())
	if err != nil {
		return usage{err}
	}
	ctx, cancel := context.WithTimeout(c.Context(), o.timeout)
	defer cancel()
	p, err := open(f)
	if err != nil {
		return err
	}
	defer p.close()
	refs, err := p.refs(words)
	if err != nil {
		return err
	}
	proposal, err := p.desk.Plan(ctx, action, refs, args)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if o.output != "json" {
		printPlan(out, proposal)
	}
	switch {
	case proposal.Refused != "":
		return &backend.Error{Code: backend.Denied, Op: action, Human: proposal.Refused}
	case o.dryRun:
		return printJSON(out, o.output, planJSON(proposal))
	case !o.yes && proposal.Risk > backend.Low:
		p.desk.Decline(proposal)
		return &backend.Error{Code: backend.Unconfirmed, Op: action, Human: "Nothing was sent: add --yes to confirm this plan, or --dry-run to only see it."}
	}
	p.introduced(ctx, refs)
	id, err := p.desk.Start(c.Context(), proposal, dispatch.Consent{Confirmed: true, Typed: proposal.TypeToConfirm, Reason: o.reason})
	if err != nil {
		return err
	}
	tell := func(string) {}
	if o.output != "json" {
		tell = func(line string) { fmt.Fprintln(out, backend.T(line).Safe()) }
	}
	steps := tell
	if !o.follow {
		steps = func(string) {}
	}
	run, err := p.follow(context.WithoutCancel(c.Context()), id, steps) // a run that is stopped ends, and how is told
	if err != nil {
		return err
	}
	if run.Err == nil {
		tell(run.Outcome)
	}
	return errors.Join(run.Err, leftOut(run.Plan), printJSON(out, o.output, runJSON(run)))
}

// introduced waits a moment for the links of refs to say who acts: a person at
// the screen has seen it there, and the record wants to know.
func (p *platform) introduced(ctx context.Context, refs []backend.Ref) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for _, r := range refs {
		if l, ok := p.links.Find(r.Link); ok {
			l.Introduced(ctx)
		}
	}
}

// leftOut is the error of a run that could not do all that was named: on a screen
// the person has seen who is gone, a script has not.
func leftOut(p backend.Plan) error {
	if len(p.Gone) == 0 {
		return nil
	}
	return &backend.Error{
		Code: backend.Partly, Op: p.Action,
		Human: fmt.Sprintf("%s not there: %d of %d were left out.", enumerate(p.Gone), len(p.Gone), len(p.Gone)+len(p.Steps)),
	}
}

// enumerate names refs: "x is", "x, y are".
func enumerate(refs []backend.Ref) string {
	var names []string
	for _, r := range refs {
		names = append(names, r.String())
	}
	if len(names) == 1 {
		return names[0] + " is"
	}
	return strings.Join(names, ", ") + " are"
}

// readArgs reads --set name=value, name=@file and name=-.
func readArgs(set []string, in io.Reader) (backend.Args, error) {
	args := backend.Args{}
	for _, s := range set {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--set takes name=value, not %q", s)
		}
		switch {
		case value == "-":
			line, err := bufio.NewReader(in).ReadString('\n')
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read %s from standard input: %w", name, err)
			}
			value = strings.TrimRight(line, "\r\n")
		case strings.HasPrefix(value, "@"):
			b, err := os.ReadFile(value[1:])
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", name, err)
			}
			value = strings.TrimRight(string(b), "\r\n")
		}
		args[name] = value
	}
	return args, nil
}

func printPlan(out io.Writer, p dispatch.Proposal) {
	say := func(format string, a ...any) { fmt.Fprintln(out, backend.T(fmt.Sprintf(format, a...)).Safe()) }
	say("%s", p.Sentence)
	for _, w := range p.Warnings {
		say("  warning: %s", w)
	}
	for _, st := range p.Steps {
		say("  %s", st.Request)
		say("    same as: %s", st.CLI)
	}
	for _, v := range p.Verdicts {
		if v.Err != nil || !v.OK {
			say("  may %s: %s", v.Permission, verdict(v))
		}
	}
}

func verdict(v dispatch.Verdict) string {
	if v.Err != nil {
		return "the server did not say"
	}
	return strings.TrimSpace("no " + v.Reason)
}

// follow waits for a run's end, and tells each step's news as it comes.
func (p *platform) follow(ctx context.Context, id string, tell func(string)) (backend.Run, error) {
	told := map[int]string{}
	for {
		soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		run, err := p.desk.Wait(soon, id)
		cancel()
		for i, st := range run.Steps {
			quiet := st.Phase == backend.StepWaiting || st.Phase == backend.StepGoing && st.Note == ""
			if news := st.String(); !quiet && news != told[i] {
				told[i] = news
				tell(fmt.Sprintf("  %s: %s", run.Plan.Steps[i].Target, news))
			}
		}
		if err == nil {
			return run, nil
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return run, fmt.Errorf("wait for the outcome: %w", err)
		}
	}
}

// printJSON prints v where json was asked for.
func printJSON(out io.Writer, format output, v any) error {
	if format != "json" {
		return nil
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write json: %w", err)
	}
	_, err = out.Write(append(backend.SafeJSON(b), '\n'))
	return err
}

// jsonStep, jsonPlan and jsonRun are the forms that scripts read.
type jsonStep struct {
	Target  string `json:"target"`
	Request string `json:"request"`
	CLI     string `json:"cli"`
	State   string `json:"state,omitempty"`
	Error   string `json:"error,omitempty"`
}

type jsonPlan struct {
	Action   string     `json:"action"`
	Sentence string     `json:"sentence"`
	Warnings []string   `json:"warnings"`
	Steps    []jsonStep `json:"steps"`
}

type jsonRun struct {
	ID string `json:"id"`
	jsonPlan
	Outcome string    `json:"outcome"`
	Code    string    `json:"code"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended"`
}

func planJSON(p dispatch.Proposal) jsonPlan {
	out := jsonPlan{Action: p.Plan.Action, Sentence: p.Sentence, Warnings: p.Warnings, Steps: []jsonStep{}}
	for _, st := range p.Steps {
		out.Steps = append(out.Steps, jsonStep{Target: st.Target.String(), Request: st.Request, CLI: st.CLI})
	}
	return out
}

func runJSON(r backend.Run) jsonRun {
	out := jsonRun{ID: r.ID, Outcome: r.Outcome, Code: "done", Began: r.Began, Ended: r.Ended}
	out.jsonPlan = planJSON(dispatch.Proposal{Plan: r.Plan})
	for i, st := range r.Steps {
		out.Steps[i].State = st.String()
		if st.Err != nil {
			out.Steps[i].State, out.Steps[i].Error = "failed", st.Err.Error()
		}
	}
	if r.Err != nil {
		out.Code = backend.CodeOf(r.Err).String()
	}
	return out
}
