package list

import (
	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/pager"
)

// sidePager is the details beside the list.
type sidePager struct {
	page   pager.Pager
	loaded bool
	err    error
	hidden bool // there is no room for it
}

// newSide is one without details yet. It is narrow, so its lines are wrapped.
func newSide(hidden bool) sidePager {
	s := sidePager{hidden: hidden}
	s.page.ToggleWrap()
	return s
}

func (s *sidePager) set(doc backend.Doc, err error) {
	s.err = err
	if err == nil {
		s.loaded = true
		s.page.Set(pager.Doc(doc), 0)
	}
}

func (s *sidePager) draw(f screen.Frame, r backend.Ref) {
	for y := range f.Height() {
		f.Text(0, y, themes.Rule, f.Signs.Vertical)
	}
	f = f.Sub(2, 0, f.Width()-2, f.Height())
	if r.Name == "" {
		return
	}
	f.Fit(0, 0, f.Width(), themes.Accent|themes.Bold, r.Name, false)
	body := f.Sub(0, 1, f.Width(), f.Height()-1)
	switch {
	case s.err != nil:
		f.Text(0, 1, themes.Warning, f.Signs.Level[backend.Warning]+" "+backend.T(s.err.Error()).Safe())
		if s.loaded {
			s.page.Draw(body.Sub(0, 1, body.Width(), body.Height()-1))
		}
	case s.loaded:
		s.page.Draw(body)
	default:
		f.Text(0, 1, themes.Dim, "…")
	}
}
