package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/backend/sandbox/shop"
	"wheelhouse/ui"
	drills "wheelhouse/views/drill"
	"wheelhouse/views/guide"
)

// A world is what the console knows of an embedded one that it stands on.
type world struct {
	drill string          // where its drill is asked; empty: there is none
	tour  bool            // it begins with the tour
	next  string          // the drill of the world that is to be opened after this one
	ended <-chan struct{} // closed when it has ended
}

// joinWorld has what goes along with whoever sits at an embedded world.
func (p *platform) joinWorld(ctx context.Context) error {
	w := p.flags.world
	if w == nil {
		return nil
	}
	var all []drill.Drill
	for _, name := range drill.Names() {
		d, err := drill.Load(name, shop.Setting())
		if err != nil {
			return err
		}
		all = append(all, d)
	}
	o := drills.Options{
		All: all, Bell: p.bell, Record: p.done,
		Start: func(name string) tea.Cmd {
			return ui.Ask(func(s *ui.Shell) tea.Cmd {
				w.next = name
				return s.Quit()
			})
		},
	}
	if w.drill != "" {
		client := drill.NewClient(w.drill)
		context.AfterFunc(ctx, client.Close)
		o.World = client
	}
	player := drills.New(o)
	go player.Follow(ctx)
	tour := &guide.Tour{}
	p.own, p.companions = player.Openers(), []ui.Companion{player, tour, &guide.End{Of: w.ended}}
	switch {
	case w.tour:
		tour.Begin()
	case w.drill == "": // a drill has words of its own to begin with
		p.companions = append(p.companions, &guide.Greeting{})
	}
	return nil
}

// most is how many records of a session are looked through.
const most = 1000

// done is what this session has done since a time, by the record.
func (p *platform) done(since time.Time) []drills.Act {
	path := p.record.Path()
	if path == "" {
		return nil
	}
	all, err := audit.Tail(filepath.Dir(path), most)
	if err != nil {
		return []drills.Act{{At: since, Sentence: backend.T(err.Error()).Safe(), Level: backend.Critical}}
	}
	chain := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	return drills.Acts(slices.DeleteFunc(all, func(r audit.Record) bool { return r.Chain != chain }), since)
}

// drillCommand is for whoever writes a drill.
func drillCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the drills that are at hand", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, name := range drill.Names() {
				d, err := drill.Load(name, shop.Setting())
				if err != nil {
					return err
				}
				fmt.Fprintf(c.OutOrStdout(), "%-18s %3.0f min  %s\n", d.Name, d.Lost.Minutes(), d.Title)
			}
			return nil
		},
	}
	show := &cobra.Command{
		Use: "show NAME", Short: "Print the file of a drill, to begin one of your own with",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage{errors.New("show takes one name; `wheelhouse drill list` names them")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			text, err := drill.Text(args[0])
			if err != nil {
				return err
			}
			_, err = bytes.NewReader(text).WriteTo(c.OutOrStdout())
			return err
		},
	}
	check := &cobra.Command{
		Use: "check FILE…", Short: "Say what is wrong with drills of your own",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage{errors.New("check takes files; `wheelhouse drill show bad-canary` prints one to begin with")}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var wrong []error
			for _, path := range args {
				if _, err := drill.Read(path, shop.Setting()); err != nil {
					wrong = append(wrong, err)
					continue
				}
				fmt.Fprintln(c.OutOrStdout(), path+" is fine.")
			}
			if len(wrong) > 0 {
				return usage{errors.Join(wrong...)}
			}
			return nil
		},
	}
	return group("drill", "Incidents to practise on: list them, print one, check your own", list, show, check)
}
