package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
	"wheelhouse/config"
)

// auditCommand reads and checks the record.
func auditCommand(f *flags) *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "Read the record, or check that it is whole", Args: noArgs}
	var n int
	var output string
	dir := func() (string, error) {
		conf, err := config.Load(f.config)
		return (&platform{conf: conf}).auditDir(), err
	}
	tail := &cobra.Command{
		Use: "tail", Short: "Print the newest records of all sessions", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := dir()
			if err != nil {
				return err
			}
			records, err := audit.Tail(path, n)
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(c.OutOrStdout(), output, records)
			}
			for _, r := range records {
				fmt.Fprintln(c.OutOrStdout(), backend.T(r.String()).Safe())
			}
			return nil
		},
	}
	tail.Flags().IntVar(&n, "lines", 20, "how many")
	tail.Flags().StringVarP(&output, "output", "o", "", "json: an array of records")
	verify := &cobra.Command{
		Use: "verify [FILE or FOLDER]", Short: "Check that no record was changed, lost or moved", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := dir()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				path = args[0]
			}
			return verifyAll(c, path)
		},
	}
	c.AddCommand(tail, verify)
	return c
}

func verifyAll(c *cobra.Command, path string) error {
	reports, err := audit.Verify(path)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(c.OutOrStdout(), "There is no record in %s yet.\n", path)
		return nil
	}
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
	c := &cobra.Command{Use: "config", Short: "Check the configuration, or print its schema", Args: noArgs}
	c.AddCommand(
		&cobra.Command{Use: "check [FILE]", Short: "Say what is wrong with the configuration", Args: cobra.MaximumNArgs(1), RunE: func(c *cobra.Command, args []string) error {
			path := f.config
			if len(args) == 1 {
				path = args[0]
			}
			if _, err := config.Load(path); err != nil {
				return err
			}
			if path == "" {
				path = config.Path()
			}
			fmt.Fprintln(c.OutOrStdout(), path+" is fine.")
			return nil
		}},
		&cobra.Command{Use: "schema", Short: "Print the JSON Schema of config.yaml", Args: noArgs, RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(config.Schema())
			return err
		}},
	)
	return c
}
