package main

import (
	"wheelhouse/backend/link"
	"wheelhouse/ui"
)

// uiLinks shows the links to the shell.
type uiLinks struct{ set *link.Set }

// States implements ui.Links.
func (u uiLinks) States() []ui.LinkState {
	var out []ui.LinkState
	for _, l := range u.set.All() {
		info := l.Info()
		out = append(out, ui.LinkState{
			Alias: info.Alias, Contexts: info.Contexts, User: info.User, Colour: info.Colour,
			ReadOnly: info.ReadOnly, Protected: info.Protected, Unsafe: info.Unsafe, Health: l.Health(),
		})
	}
	return out
}

// Connect implements ui.Links.
func (u uiLinks) Connect(alias string) { u.set.Connect(alias) }

// Disconnect implements ui.Links.
func (u uiLinks) Disconnect(alias string) { u.set.Disconnect(alias) }

// Retry implements ui.Links.
func (u uiLinks) Retry(alias string) { u.set.Retry(alias) }
