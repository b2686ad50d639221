package webapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/link"
)

// maxQuote is how many characters of a server's own words a sentence repeats.
const maxQuote = 300

// A StatusError is an answer that is a refusal. An adapter makes one of its client
// library's own.
type StatusError struct {
	Status int
	Said   string // the server's words, unchecked; may be empty
}

// Error implements error.
func (e *StatusError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, http.StatusText(e.Status), quote(e.Said))
}

// answerError is one that can't be read.
type answerError struct {
	body []byte
	err  error
}

func (e *answerError) Error() string {
	switch text := strings.TrimSpace(string(e.body[:min(len(e.body), 512)])); {
	case strings.HasPrefix(text, "<"):
		return "it answers with a web page: something stands before it, or it wants a login"
	case text == "":
		return "its answer is empty"
	case errors.Is(e.err, io.ErrUnexpectedEOF), strings.Contains(e.err.Error(), "unexpected end"):
		return "its answer breaks off in the middle"
	}
	return "its answer can't be read: " + e.err.Error()
}

func (e *answerError) Unwrap() error { return e.err }

// Refused turns err, which came of doing op to ref, into a *backend.Error that
// says what to do next; what is how sentences call ref, empty where the system
// itself is meant. The link is told of what concerns all of it. An error that is
// one already is passed on.
func (c *Client) Refused(op, what string, ref backend.Ref, err error) error {
	var known *backend.Error
	if errors.As(err, &known) {
		return known
	}
	code, human := c.explain(what, err)
	if !c.behind && (code == backend.Expired || code == backend.Unreachable) {
		c.link.Report(err)
	}
	return &backend.Error{Code: code, Op: op, Ref: ref, Human: backend.T(human).Safe(), Err: err}
}

func (c *Client) explain(what string, err error) (backend.Code, string) {
	on := c.name
	of := on
	if what != "" {
		of = what + " on " + on
	}
	var status *StatusError
	var bad *answerError
	var way *url.Error
	var refused *link.RefusedError // by the API server through which it is reached
	switch {
	case errors.As(err, &refused):
		return explainStatus(of, on, &StatusError{Status: refused.Status, Said: refused.Said})
	case errors.As(err, &status):
		return explainStatus(of, on, status)
	case errors.As(err, &bad):
		return backend.Failed, fmt.Sprintf("%s can't be read: %s. Look at it in a browser, and at the address in the configuration.", Upper(of), bad)
	case errors.Is(err, context.Canceled):
		return backend.Failed, fmt.Sprintf("Stopped asking %s. Ask again if it is still wanted.", on)
	case errors.Is(err, context.DeadlineExceeded):
		return backend.Unreachable, fmt.Sprintf("%s does not answer in time. Try again; if it stays so, look at its load.", on)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return backend.Unreachable, fmt.Sprintf("%s broke off in the middle of an answer. Try again.", on)
	case errors.As(err, &way):
		return backend.Unreachable, fmt.Sprintf("%s does not answer: %s. Try again when it is reachable.", on, quote(way.Err.Error()))
	}
	return backend.Failed, fmt.Sprintf("%s: %s. Try again, or look into its log.", Upper(of), quote(err.Error()))
}

func explainStatus(of, on string, e *StatusError) (backend.Code, string) {
	because := "."
	if e.Said != "" {
		because = ": " + quote(e.Said) + "."
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return backend.Expired, fmt.Sprintf("The login to %s is not good. Put a good one where its secret points to, then log in again.", on)
	case http.StatusForbidden:
		return backend.Denied, fmt.Sprintf("You may not do this to %s%s Ask for that right, or use a login that has it.", of, because)
	case http.StatusNotFound, http.StatusGone:
		return backend.NotFound, fmt.Sprintf("%s is not there, or not for you%s Look at the list again.", Upper(of), because)
	case http.StatusConflict, http.StatusPreconditionFailed:
		return backend.Conflict, fmt.Sprintf("%s is not as it was%s Look at it and ask again.", Upper(of), because)
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return backend.Invalid, fmt.Sprintf("%s does not take it%s Change what was asked and try again.", Upper(of), because)
	case http.StatusTooManyRequests:
		return backend.Failed, fmt.Sprintf("%s is too busy%s Nothing was changed: try again later.", Upper(on), because)
	}
	return backend.Failed, fmt.Sprintf("%s answered %d%s Try again, or look into its log.", Upper(on), e.Status, because)
}

// quote is s, which a server said, as part of a sentence.
func quote(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if s == "" {
		return "nothing that explains it"
	}
	if r := []rune(s); len(r) > maxQuote {
		s = string(r[:maxQuote]) + "…"
	}
	return s
}

// Upper begins a sentence with s, unless that begins with a name: "the list of builds"
// does, "shop/cart on ci" and "ci" do not.
func Upper(s string) string {
	word, _, more := strings.Cut(s, " ")
	if !more || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
