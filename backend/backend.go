// Package backend is the grammar of wheelhouse: the few words in which every
// system that a platform is made of is described, watched and changed.
//
// A Source loads objects into a Sink, part by part, each part with its Health.
// An Action is a verb as plain data; an Actor turns it into a Plan of Steps;
// a Step does one request to one server. Everything is addressed by a Ref.
// Text is what a server said, safe to draw.
//
// Only the standard library may be imported here, and nothing of wheelhouse:
// nouns live in backend/<domain>, what speaks to servers in backend/adapters.
package backend
