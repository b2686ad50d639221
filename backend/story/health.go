package story

import (
	"slices"

	"wheelhouse/backend"
)

// loading gives the links that are still being read for the first time.
func (b *Book) loading() map[string]bool {
	out := map[string]bool{}
	for _, p := range b.pages {
		for _, s := range p.parts() {
			out[s.Part.Link] = out[s.Part.Link] || s.Loading && s.Health.State != backend.Off
		}
	}
	return out
}

// tellHealth tells each link's health: the worst of what its feeds are. What a link
// does not have, nobody misses here.
func (b *Book) tellHealth() {
	all, lost := map[string]backend.Health{}, map[string]backend.Health{}
	for _, p := range b.pages {
		for _, s := range p.parts() {
			link, h := s.Part.Link, s.Health
			if h.State == backend.Off || link == "" {
				continue
			}
			if h.State == backend.Live {
				h.Reason = backend.Text{} // what it leaves out its own view says
			}
			if was, ok := all[link]; !ok || h.State > was.State {
				all[link] = h
			}
			if (h.State == backend.Down || h.State == backend.Stale) && !h.Reason.IsZero() {
				lost[link] = h
			}
		}
	}
	for link, h := range all {
		b.written(link)
		b.feed.Health(backend.Part{Link: link}, h)
	}
	for link := range b.loads {
		if _, there := all[link]; !there { // what is said of it may stay
			b.feed.Health(backend.Part{Link: link}, backend.Health{})
		}
	}
	b.tellLost(lost)
}

// tellLost finds what can't be read of links that do not say so themselves: what is
// wrong there nobody sees.
func (b *Book) tellLost(lost map[string]backend.Health) {
	for link, was := range b.lost {
		if lost[link].Reason != was.Sentence || b.speaks(link) {
			b.find(was, false)
			delete(b.lost, link)
		}
	}
	for link, h := range lost {
		if b.lost[link] == nil && !b.speaks(link) {
			b.lost[link] = &backend.Finding{Ref: b.link(link), Rule: "part", Level: backend.Warning, Since: h.Since, Sentence: h.Reason}
			b.find(b.lost[link], true)
		}
	}
}

// speaks says whether a link's own row tells of it: that all of it is lost.
func (b *Book) speaks(link string) bool {
	ref := b.link(link)
	return slices.ContainsFunc(b.found[ref.Key()], func(f *backend.Finding) bool { return f != b.lost[link] })
}
