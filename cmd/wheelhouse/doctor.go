package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/link"
	"wheelhouse/themes"
)

// doctorCommand looks at every link and says what to do about what is not
// right. It ends with 1 when something is not.
func doctorCommand(f *flags) *cobra.Command {
	var timeout time.Duration
	c := &cobra.Command{
		Use: "doctor [LINK…]", Short: "Say of each link whether it works, and what to do where it does not",
		RunE: func(c *cobra.Command, names []string) error {
			p, err := open(f)
			if err != nil {
				return err
			}
			defer p.close()
			links, err := p.named(names)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			ill := 0
			for _, l := range links {
				found := l.Check(ctx)
				if found[0].State == backend.Good && l.Protocol() == link.Kubernetes().Name {
					found = append(found, p.mayRead(ctx, l))
				}
				ill += tell(c.OutOrStdout(), l, found)
			}
			if ill > 0 {
				return &exit{1}
			}
			return nil
		},
	}
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long all checks may take")
	return c
}

// mayRead says whether pods may be listed everywhere. That they may not is no
// fault, but explains what is not on the screen.
func (p *platform) mayRead(ctx context.Context, l *link.Link) link.Finding {
	who, _ := p.room(l.Alias(), cluster.KindPod)
	ok, _, err := who.May(ctx, backend.Permission{Verb: "list", Resource: "pods"}, backend.Ref{Link: l.Alias(), Kind: cluster.KindPod})
	f := link.Finding{Name: "permissions", State: backend.Idle}
	switch {
	case err != nil:
		f.Detail = "the server does not tell"
	case ok:
		f.State, f.Detail = backend.Good, "pods may be listed in all namespaces"
	default:
		f.Detail = "pods may not be listed in all namespaces"
		f.Help = "where namespaces may be listed, those that are permitted are found; else name them with -n, or under links in the configuration"
	}
	return f
}

// named gives the links of those names; for none those of --context, or all.
func (p *platform) named(names []string) ([]*link.Link, error) {
	if len(names) == 0 {
		names = p.flags.contexts
	}
	if len(names) == 0 {
		return p.links.All(), nil
	}
	var out []*link.Link
	for _, n := range names {
		l, ok := p.links.Find(n)
		if !ok {
			return nil, usage{fmt.Errorf("there is no link %q", n)}
		}
		out = append(out, l)
	}
	return out, nil
}

// tell prints what was found of one link and counts what is not right.
func tell(out io.Writer, l *link.Link, findings []link.Finding) (ill int) {
	info := l.Info()
	fmt.Fprintf(out, "%s  %s\n", l.Alias(), backend.T(info.Server).Safe())
	for _, fd := range findings {
		fmt.Fprintf(out, "  %s %-12s %s\n", themes.Unicode().Level[fd.State], fd.Name, backend.T(fd.Detail).Safe())
		if fd.Help != "" {
			fmt.Fprintf(out, "    %-12s %s\n", "", backend.T(fd.Help).Safe())
		}
		if fd.State.Broken() {
			ill++
		}
	}
	return ill
}
