package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
)

// listCommand prints what there is as a table, or as JSON: an array of objects
// with an id.
func listCommand[T any](use, short string, heads []string, rows func() ([]T, error), cells func(T) []string) *cobra.Command {
	var out output
	c := &cobra.Command{
		Use: use, Short: short, Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			all, err := rows()
			if err != nil {
				return err
			}
			if out == "json" {
				return printJSON(c.OutOrStdout(), out, all)
			}
			return printTable(c.OutOrStdout(), heads, all, cells)
		},
	}
	outputFlag(c, &out, "print an array of objects")
	return c
}

func printTable[T any](out io.Writer, heads []string, rows []T, cells func(T) []string) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(heads, "\t"))
	for _, r := range rows {
		words := cells(r)
		for i, word := range words {
			words[i] = backend.T(word).Safe()
		}
		fmt.Fprintln(w, strings.Join(words, "\t"))
	}
	return w.Flush()
}

type jsonAction struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Help   string   `json:"help"`
	Kinds  []string `json:"kinds"`
	Params []string `json:"params"`
}

func actionsCommand(*flags) *cobra.Command {
	rows := func() ([]jsonAction, error) {
		var out []jsonAction
		for _, a := range actions() {
			j := jsonAction{ID: a.ID, Title: a.Title, Help: a.Help, Kinds: a.Kinds, Params: []string{}}
			for _, p := range a.Params {
				j.Params = append(j.Params, p.Name)
			}
			out = append(out, j)
		}
		return out, nil
	}
	return listCommand("actions", "List the actions that there are", []string{"ACTION", "ON", "PARAMETERS", "DOES"}, rows,
		func(a jsonAction) []string {
			return []string{a.ID, strings.Join(a.Kinds, ","), strings.Join(a.Params, ","), a.Help}
		})
}

type jsonView struct {
	ID    string   `json:"id"`
	Alias []string `json:"alias"`
	Title string   `json:"title"`
}

func viewsCommand(*flags) *cobra.Command {
	rows := func() ([]jsonView, error) {
		var out []jsonView
		for _, o := range views(feed.NewSet(feed.NewBell()), outlook{}) {
			out = append(out, jsonView{ID: o.Name, Alias: append([]string{}, o.Alias...), Title: o.Title})
		}
		return out, nil
	}
	return listCommand("views", "List the views that there are", []string{"VIEW", "ALSO", "SHOWS"}, rows,
		func(v jsonView) []string { return []string{v.ID, strings.Join(v.Alias, ","), v.Title} })
}

type jsonKey struct {
	ID      string `json:"id"`
	Scope   string `json:"scope"`
	Key     string `json:"key"`
	Command string `json:"command"`
}

func keysCommand(f *flags) *cobra.Command {
	rows := func() ([]jsonKey, error) {
		keys, _, err := loadKeys(f)
		if err != nil {
			return nil, err
		}
		var out []jsonKey
		for _, scope := range keys.Scopes() {
			for _, b := range keys.Bindings(scope) {
				out = append(out, jsonKey{ID: scope + "." + b.Key, Scope: scope, Key: b.Key, Command: b.Command})
			}
		}
		return out, nil
	}
	return listCommand("keys", "List which key does what", []string{"WHERE", "KEY", "DOES"}, rows,
		func(k jsonKey) []string { return []string{k.Scope, k.Key, k.Command} })
}
