package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/link"
	"wheelhouse/config"
	"wheelhouse/ui"
)

// auditCommand reads and checks the record.
func auditCommand(f *flags) *cobra.Command {
	var n int
	var out output
	dir := func() (string, error) {
		conf, err := config.Load(f.config, systems()...)
		return (&platform{conf: conf}).auditDir(), err
	}
	tail := &cobra.Command{
		Use: "tail", Short: "Print the newest records of all sessions", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("namespace") {
				return usage{errors.New("-n is the namespace everywhere; --lines N says how many records")}
			}
			path, err := dir()
			if err != nil {
				return err
			}
			records, err := audit.Tail(path, n)
			if err != nil {
				return err
			}
			if out == "json" {
				return printJSON(c.OutOrStdout(), out, append([]audit.Record{}, records...))
			}
			for _, r := range records {
				fmt.Fprintln(c.OutOrStdout(), backend.T(r.String()).Safe())
			}
			return nil
		},
	}
	tail.Flags().IntVar(&n, "lines", 20, "how many")
	outputFlag(tail, &out, "print an array of records")
	verify := &cobra.Command{
		Use: "verify [FILE or FOLDER]", Short: "Check that no record was changed, lost or moved", Args: upTo(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := dir()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return verifyAll(c, args[0])
			}
			err = verifyAll(c, path)
			if errors.Is(err, fs.ErrNotExist) {
				fmt.Fprintf(c.OutOrStdout(), "There is no record in %s yet.\n", path)
				return nil
			}
			return err
		},
	}
	return group("audit", "Read the record, or check that it is whole", tail, verify)
}

func verifyAll(c *cobra.Command, path string) error {
	reports, err := audit.Verify(path)
	if err != nil {
		return err
	}
	broken := 0
	for _, r := range reports {
		fmt.Fprintln(c.OutOrStdout(), backend.T(r.String()).Safe())
		if r.State >= audit.Broken {
			broken++
		}
	}
	if broken > 0 {
		return fmt.Errorf("%d of %d files of the record are not whole", broken, len(reports))
	}
	return nil
}

// configCommand checks the config and prints its schema.
func configCommand(f *flags) *cobra.Command {
	check := &cobra.Command{
		Use: "check [FILE]", Short: "Say what is wrong with the configuration", Args: upTo(1),
		RunE: func(c *cobra.Command, args []string) error {
			of := *f
			if len(args) == 1 {
				of.config = args[0]
			}
			return checkConfig(c, &of)
		},
	}
	schema := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of config.yaml", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(config.Schema(systems()...))
			return err
		},
	}
	return group("config", "Check the configuration, or print its schema", check, schema)
}

// unknownWord says why a ':' line does nothing; "" when its first word opens a
// view or is a command.
func unknownWord(o ui.Options, line string) (why string) {
	word, _, _ := strings.Cut(line, " ")
	words := o.Keys.Commands()
	for _, v := range o.Openers {
		words = append(append(words, v.Name), v.Alias...)
	}
	for _, a := range actions() {
		words = append(words, a.ID)
	}
	if slices.Contains(words, word) {
		return ""
	}
	return fmt.Sprintf("no view or command is called %q%s", word, backend.Near(word, words))
}

// checkConfig reads the configuration with everything that it names.
func checkConfig(c *cobra.Command, f *flags) error {
	conf, err := config.Load(f.config, systems()...)
	if err != nil {
		return err
	}
	p := &platform{flags: f, conf: conf, feeds: feed.NewSet(feed.NewBell())}
	o, err := p.shellOptions()
	if err != nil {
		return err
	}
	for _, word := range slices.Sorted(maps.Keys(conf.Aliases)) {
		if why := unknownWord(o, o.Aliases.Resolve(word)); why != "" {
			return usage{fmt.Errorf("%s: %s", config.Locate(f.config, "aliases", word), why)}
		}
	}
	if _, err := p.theme(); err != nil {
		return usage{err}
	}
	links, err := link.Load(p.linkOptions())
	switch {
	case backend.CodeOf(err) == backend.NotFound: // without a kubeconfig there is nothing to hold against it
	case err != nil:
		return err
	default:
		defer links.Close()
		for _, name := range links.Unmatched() {
			fmt.Fprintf(c.OutOrStdout(), "links: %s is in no kubeconfig that is read: what is said of it has no effect.\n", backend.T(name).Safe())
		}
	}
	path := f.config
	if path == "" {
		path = config.Path()
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintf(c.OutOrStdout(), "There is no %s; the defaults hold.\n", path)
			return nil
		}
	}
	fmt.Fprintln(c.OutOrStdout(), path+" is fine.")
	return nil
}
