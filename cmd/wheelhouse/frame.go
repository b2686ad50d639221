package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"

	"wheelhouse/backend"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
)

// frameCommand prints one screen once its data is in.
func frameCommand(f *flags) *cobra.Command {
	var size, keys string
	var ansi bool
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "frame VIEW [REF]",
		Short: "Print one screen, once its data is in",
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage{errors.New("frame takes a view, and a reference if one is to stand out; `wheelhouse views` lists the views")}
			}
			return upTo(2)(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			w, h, err := parseSize(size)
			if err != nil {
				return usage{err}
			}
			f.view = args[0]
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			p, err := open(f)
			if err != nil {
				return err
			}
			defer p.close()
			picture, failed, err := p.frame(ctx, args[1:], keys, w, h, ansi)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), picture)
			return errors.Join(err, failed)
		},
	}
	c.Flags().StringVar(&size, "size", "120x40", "columns x rows")
	c.Flags().StringVar(&keys, "keys", "", "keys to press first, divided by blanks: \"j j enter\"")
	c.Flags().BoolVar(&ansi, "ansi", false, "with colours")
	c.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long the data may take")
	return c
}

// frame is the screen of that size, standing on the object that is referred to,
// after the keys; failed is why there is nothing on it.
func (p *platform) frame(ctx context.Context, refs []string, keys string, w, h int, ansi bool) (picture string, failed, err error) {
	o, err := p.shellOptions()
	if err != nil {
		return "", nil, err
	}
	theme, err := p.theme()
	if err != nil {
		return "", nil, usage{err}
	}
	if len(refs) > 0 {
		stand, err := p.refs(refs)
		if err != nil {
			return "", nil, err
		}
		o.Stand = stand[0]
	}
	shell := ui.StartHeadless(o, w, h)
	defer shell.Close()
	if err := pressAll(ctx, shell, keys); err != nil {
		return "", nil, err
	}
	palette := screen.NewPalette(theme(true), colorprofile.TrueColor)
	shell.Look(func(s *ui.Shell) string {
		if picture = s.Picture().Plain(); ansi {
			picture = s.Picture().ANSI(palette)
		}
		if why, is := s.Failed(); is {
			failed = errors.New(why)
		}
		return ""
	})
	return picture, failed, nil
}

// pressAll waits for the data, presses each key and waits for its answer.
func pressAll(ctx context.Context, shell *ui.Headless, keys string) error {
	settle := func() error {
		err := shell.Settle(ctx)
		if fault := new(backend.PanicError); errors.As(err, &fault) {
			return err //nolint:wrapcheck // it says all
		}
		if err != nil {
			return &backend.Error{
				Code: backend.Unreachable, Op: "draw", Err: err,
				Human: fmt.Sprintf("The screen's data did not come in time. What stood there:\n%s\nRaise --timeout, or see `wheelhouse doctor`.", shell.Picture()),
			}
		}
		return nil
	}
	if err := settle(); err != nil {
		return err
	}
	for _, k := range strings.Fields(keys) {
		if err := shell.Key(k); err != nil {
			return usage{err}
		}
		if err := settle(); err != nil {
			return err
		}
	}
	return nil
}

func parseSize(s string) (w, h int, err error) {
	if n, _ := fmt.Sscanf(s, "%dx%d", &w, &h); n != 2 || w < 1 || h < 1 || w > 1000 || h > 1000 {
		return 0, 0, fmt.Errorf("--size is columns x rows, such as 120x40, not %q", s)
	}
	return w, h, nil
}
