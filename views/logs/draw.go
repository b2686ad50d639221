package logs

import (
	"cmp"
	"fmt"
	"slices"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
)

// Title counts what there is, and what is not there any more.
func (v *logs) Title() ui.Title {
	now := v.reading.tape.State()
	counts := ui.Count(now.Len, "line")
	if now.Left > 0 {
		counts += fmt.Sprintf(", %s older gone", ui.Number(int(now.Left)))
	}
	counts += fmt.Sprintf(", %s dropped", ui.Number(int(now.Dropped)))
	if now.Missed > 0 {
		counts += fmt.Sprintf(", %s missing", ui.Number(int(now.Missed)))
	}
	if v.find != "" {
		counts += fmt.Sprintf(", %s with %s", ui.Number(len(v.hits)), v.find)
	}
	place := v.called()
	if v.previous {
		place += " (the process before)"
	}
	if v.match != "" {
		place += " -q " + v.match
	}
	h := v.health()
	return ui.Title{What: "logs", Place: place, Counts: counts, Health: h, Failed: now.Len == 0 && h.State >= backend.Forbidden}
}

// health is the worst of all whose lines these are.
func (v *logs) health() (worst backend.Health) {
	if !v.reading.left.IsZero() {
		return backend.Health{State: backend.Stale, Since: v.reading.left}
	}
	for _, h := range v.reading.tape.Healths() {
		if h.State > worst.State {
			worst = h
		}
	}
	return worst
}

// Draw draws the lines, and below them what one must know of those that are not in
// sight.
func (v *logs) Draw(f screen.Frame) {
	said := v.said(f)
	if v.seen.Len == 0 {
		v.drawEmpty(f)
		return
	}
	body := f.Height() - len(said)
	v.pager.Draw(f.Sub(0, 0, f.Width(), body))
	if !v.paused {
		v.pager.Bottom() // it may be smaller than before
		v.pager.Draw(f.Sub(0, 0, f.Width(), body))
	}
	for i, s := range said {
		f.Fit(0, body+i, f.Width(), themes.Of(s.Level), f.Signs.Level[s.Level]+" "+s.Text.Safe(), false)
	}
}

// said is what stands below the lines: that it is paused, what is older, whose
// lines do not come.
func (v *logs) said(f screen.Frame) []backend.Line {
	var out []backend.Line
	say := func(level backend.Level, text string) {
		out = append(out, backend.Line{Level: level, Text: backend.T(text)})
	}
	switch {
	case v.older.asking:
		say(backend.Moving, "reading older lines …")
	case v.older.err != nil && v.paused && v.pager.AtTop():
		what := "no older lines: "
		if backend.CodeOf(v.older.err) == backend.Partly {
			what = "not all older lines: "
		}
		say(backend.Warning, what+v.older.err.Error())
	case v.older.done && v.pager.AtTop() && v.paused:
		say(backend.Idle, "nothing older can be shown")
	}
	if v.paused {
		text := "paused · s or G follows again"
		if !v.reading.left.IsZero() {
			text = "paused, and not read since another log was opened · s or G reads anew"
		} else if v.newer > 0 {
			text = fmt.Sprintf("paused, %s since · s or G follows again", ui.Count(int(v.newer), "newer line"))
		}
		say(backend.Waiting, text)
	}
	out = append(out, v.troubles()...)
	return out[:min(len(out), max(1, f.Height()/3))]
}

// troubles are those whose lines do not come, or not all of them, and why.
func (v *logs) troubles() []backend.Line {
	var out []backend.Line
	all := v.reading.tape.Healths()
	for ref, h := range all {
		if h.Reason.IsZero() || ref.Name == "" && told(all, h) {
			continue
		}
		text := h.Reason
		if len(v.refs) > 1 && ref.Name != "" {
			text = backend.T(ref.Name + ": " + h.Reason.Safe())
		}
		level := ui.LevelOf(h.State)
		if h.State == backend.Live {
			level = backend.Idle // only that there is more
		}
		out = append(out, backend.Line{Level: level, Text: text})
	}
	slices.SortFunc(out, func(a, b backend.Line) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), cmp.Compare(a.Text.Safe(), b.Text.Safe()))
	})
	return out
}

// told says whether the reason of all is that of one of them, too.
func told(all map[backend.Ref]backend.Health, h backend.Health) bool {
	for ref, one := range all {
		if ref.Name != "" && one.Reason == h.Reason {
			return true
		}
	}
	return false
}

// drawEmpty says why there is no line.
func (v *logs) drawEmpty(f screen.Frame) {
	troubles := v.troubles()
	y := 1
	switch {
	case len(v.refs) == 0:
		f.Text(1, y, themes.Plain, "Whose log? Stand on a pod, a workload, a build or a stream and press l,")
		f.Text(1, y+1, themes.Plain, "or name them: :logs pod/shop/cart-1 build/shop%2Fcheckout/812 stream/logs-*")
		return
	case len(troubles) == 0 && v.health().State == backend.Live:
		f.Text(1, y, themes.Dim, f.Signs.Level[backend.Good]+" nothing was written yet; what comes is shown at once")
	case len(troubles) == 0:
		f.Text(1, y, themes.Dim, f.Signs.Level[backend.Moving]+" asking for the log …")
	}
	for _, t := range troubles {
		f.Text(1, y, themes.Of(t.Level), f.Signs.Level[t.Level])
		y += 1 + f.Paragraph(3, y, f.Width()-4, themes.Plain, t.Text.Safe())
	}
	if len(troubles) > 0 {
		f.Text(3, y, themes.Dim, "ctrl+r reads again · p the process before · esc goes back")
	}
}
