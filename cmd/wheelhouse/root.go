package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"wheelhouse/backend/link"
)

// flags are what every command accepts.
type flags struct {
	kubeconfig string
	contexts   []string
	namespaces []string
	view       string
	readOnly   bool
	as         string
	asGroups   []string
	config     string
	theme      string
	keymap     string
	logFile    string
	world      *world    // that the console stands on; nil: the real one
	log        io.Writer // what logFile names; nil where diagnostics are not kept
}

func newRoot() *cobra.Command {
	f := &flags{}
	root := &cobra.Command{
		Use:           "wheelhouse",
		Short:         "A console for everything that a container platform is made of",
		Version:       version,
		Args:          noArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			var err error
			if f.log, err = openLog(f.logFile); err != nil {
				return usage{err}
			}
			link.Quiet(f.log)
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return runConsole(c.Context(), f) },
	}
	p := root.PersistentFlags()
	p.StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig file (default: $KUBECONFIG, then ~/.kube/config)")
	p.StringArrayVar(&f.contexts, "context", nil, "context to connect to at start; may be repeated")
	p.StringSliceVarP(&f.namespaces, "namespace", "n", nil, "namespace to show; may be repeated (default: all)")
	p.StringVar(&f.view, "view", "", "view to open: a ':' line such as \"pods /crash\"")
	p.BoolVar(&f.readOnly, "read-only", false, "change nothing, whatever is pressed")
	p.StringVar(&f.as, "as", "", "user to impersonate")
	p.StringArrayVar(&f.asGroups, "as-group", nil, "group to impersonate; may be repeated")
	p.StringVar(&f.config, "config", "", "configuration file")
	p.StringVar(&f.theme, "theme", "", "theme name or file")
	p.StringVar(&f.keymap, "keymap", "", "file with key bindings over the default ones")
	p.StringVar(&f.logFile, "log-file", "", "file for diagnostics (default: none are kept)")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.AddCommand(demoCommand(f), drillCommand(), frameCommand(f), actCommand(f), actionsCommand(f), keysCommand(f), viewsCommand(f), doctorCommand(f), auditCommand(f), configCommand(f))
	return root
}

// noArgs refuses words that are no command.
func noArgs(c *cobra.Command, args []string) error { return upTo(0)(c, args) }

// upTo refuses more than n words.
func upTo(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) <= n:
			return nil
		case n == 0:
			return usage{fmt.Errorf("unknown command %q; `%s --help` lists what there is", args[0], c.CommandPath())}
		default:
			return usage{fmt.Errorf("%q is too much: the command is `%s`; --help says more", args[n], c.UseLine())}
		}
	}
}

// group is a command that only holds others.
func group(name, short string, of ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: name, Short: short, Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(of...)
	return c
}

// output is the value of --output: empty for words, or json.
type output string

// outputFlag adds --output to a command; what says what the JSON is.
func outputFlag(c *cobra.Command, o *output, what string) {
	c.Flags().VarP(o, "output", "o", what)
}

// String implements pflag.Value.
func (o *output) String() string { return string(*o) }

// Type implements pflag.Value.
func (o *output) Type() string { return "json" }

// Set implements pflag.Value.
func (o *output) Set(s string) error {
	if s != "json" {
		return errors.New("there is only json")
	}
	*o = output(s)
	return nil
}
