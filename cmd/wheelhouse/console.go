package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/link"
	"wheelhouse/config"
	"wheelhouse/keymap"
	"wheelhouse/themes"
	"wheelhouse/ui"
)

// runConsole is the console itself.
func runConsole(ctx context.Context, f *flags) error {
	p, err := open(f)
	if err != nil {
		return err
	}
	defer p.close()
	o, err := p.shellOptions()
	if err != nil {
		return err
	}
	theme, err := p.theme()
	if err != nil {
		return usage{err}
	}
	restore, err := link.CaptureStderr(func(line string) {
		if plain := p.links.Heard(line); f.log != nil {
			fmt.Fprintln(f.log, plain)
		}
	})
	if err != nil {
		return fmt.Errorf("keep the screen clean: %w", err)
	}
	defer restore()
	go settle(ctx)
	err = ui.Run(ctx, o, ui.Console{
		Theme: theme, Probe: p.conf.Symbols == "auto", Mouse: p.conf.Mouse, Stock: p.conf.Renderer == "stock",
	})
	restore()
	if errors.Is(err, ui.ErrHangup) || errors.Is(err, context.Canceled) {
		return &exit{1} // there is no terminal to say it on
	}
	return err
}

// settle gives memory back that only the first load needed.
func settle(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
		debug.FreeOSMemory()
	}
}

// openLog opens the file for diagnostics; nil where none was asked for.
func openLog(path string) (io.Writer, error) {
	if path == "" {
		return nil, nil
	}
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--log-file: %w", err)
	}
	return log, nil
}

// shellOptions is what the shell is made of.
func (p *platform) shellOptions() (ui.Options, error) {
	keys, notes, err := loadKeys(p.flags)
	if err != nil {
		return ui.Options{}, err
	}
	first := p.flags.view
	if first == "" {
		first = p.conf.View
	}
	namespaces := p.flags.namespaces
	if len(namespaces) == 0 {
		namespaces = p.conf.Namespaces
	}
	signs := themes.Unicode()
	if p.conf.Symbols == "ascii" {
		signs = themes.ASCII()
	}
	aliases, more := keymap.LoadAliases(p.conf.Aliases)
	if err := knownView(aliases.Resolve(first), p.openers()); err != nil {
		return ui.Options{}, usage{err}
	}
	return ui.Options{
		Desk: p.desk, Keys: keys, Openers: p.openers(), Links: uiLinks{p.links}, Bell: p.bell, Memory: p.memory,
		Aliases: aliases, Known: p.knownNamespaces, Signs: signs, Place: ui.Place{Namespaces: namespaces}, First: first,
		Notes: append(append(p.notes, notes...), more...), Companions: p.companions,
	}, nil
}

// knownView refuses a ':' line that opens no view.
func knownView(line string, openers []ui.Opener) error {
	name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	for _, o := range openers {
		if o.Name == name || slices.Contains(o.Alias, name) {
			return nil
		}
	}
	var names []string
	for _, o := range openers {
		names = append(append(names, o.Name), o.Alias...)
	}
	return fmt.Errorf("no view is called %q%s (`wheelhouse views` lists them)", name, backend.Near(name, names))
}

// loadKeys is the default keys, over them the hotkeys of k9s, the config's keys
// and those of --keymap. notes are sentences about what could not be understood
// of a file that is not ours.
func loadKeys(f *flags) (keys *keymap.Map, notes []string, err error) {
	if keys, err = keymap.Default(); err != nil {
		return nil, nil, err
	}
	conf, err := config.Load(f.config, systems()...)
	if err != nil {
		return nil, nil, err
	}
	notes = keys.AddHotkeys()
	var known []string
	for _, a := range actions() {
		known = append(known, a.ID)
	}
	known = append(known, keys.Commands()...)
	inConfig := func(at ...string) string { return config.Locate(f.config, append([]string{"keys"}, at...)...) }
	if err := keys.Override(inConfig, conf.Keys, known); err != nil {
		return nil, nil, usage{err}
	}
	if f.keymap == "" {
		return keys, notes, nil
	}
	over, err := config.Keys(f.keymap)
	if err == nil {
		err = keys.Override(func(at ...string) string { return config.Locate(f.keymap, at...) }, over, known)
	}
	if err != nil {
		return nil, nil, usage{err}
	}
	return keys, notes, nil
}

// theme gives the theme for a dark and for a light ground.
func (p *platform) theme() (func(dark bool) themes.Theme, error) {
	name := p.flags.theme
	if name == "" {
		name = p.conf.Theme
	}
	if name == "auto" {
		dark, err := themes.Load("dark")
		if err != nil {
			return nil, err
		}
		light, err := themes.Load("light")
		return func(d bool) themes.Theme {
			if d {
				return dark
			}
			return light
		}, err
	}
	t, err := themes.Load(name)
	if err != nil && p.flags.theme == "" {
		err = fmt.Errorf("%s: %w", config.Locate(p.flags.config, "theme"), err)
	}
	return func(bool) themes.Theme { return t }, err
}

// saveFile writes a file into the working directory, never over another one,
// and says where it is.
func saveFile(name string, b []byte) tea.Cmd {
	return func() tea.Msg {
		path, err := writeNew(name, b)
		return ui.Do{With: func(s *ui.Shell) tea.Cmd {
			if err != nil {
				s.Say("Not saved: "+err.Error(), backend.Critical)
				return nil
			}
			s.Say("Saved as "+path, backend.Good)
			return nil
		}}
	}
}

func writeNew(name string, b []byte) (string, error) {
	ext := filepath.Ext(name)
	stem := filepath.Base(name[:len(name)-len(ext)])
	for i := 1; ; i++ {
		path := stem + ext
		if i > 1 {
			path = fmt.Sprintf("%s-%d%s", stem, i, ext)
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, os.ErrExist) && i < 1000 {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(b)
		if abs, e := filepath.Abs(path); e == nil {
			path = abs
		}
		return path, errors.Join(err, file.Close())
	}
}

// crashed writes a crash file and says where it is.
func crashed(p *backend.PanicError) error {
	dir := filepath.Join(config.StateDir(), "crash")
	path := filepath.Join(dir, time.Now().UTC().Format("20060102T150405.000")+".txt")
	text := fmt.Sprintf("wheelhouse %s %s/%s\n%s\n\n%s", version, runtime.GOOS, runtime.GOARCH, p.What, p.Stack)
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
		return fmt.Errorf("wheelhouse has crashed (%s), and the crash file could not be written: %w", p.What, err)
	}
	return &backend.Error{Op: "run", Human: fmt.Sprintf("wheelhouse has crashed: %s. What was being done is in the record; the crash file is %s and holds no secrets.", p.What, path)}
}
