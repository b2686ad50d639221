package kubeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"wheelhouse/backend"
)

// maxQuote is how many characters of a server's own words a sentence repeats.
const maxQuote = 300

// Refused turns err, which came of doing op to ref, into a *backend.Error that
// says what to do next; the link is told of what concerns all of it. An error
// that is one already is passed on.
func (c *Client) Refused(op string, res Resource, ref backend.Ref, need backend.Permission, err error) error {
	var known *backend.Error
	if errors.As(err, &known) {
		return known
	}
	code, human := c.explain(res.Named(ref), ref, need, err)
	switch code {
	case backend.Expired, backend.Unreachable:
		c.link.Report(err)
	}
	return &backend.Error{Code: code, Op: op, Ref: ref, Human: backend.T(human).Safe(), Err: err}
}

// explain sorts err and gives the sentence for it.
func (c *Client) explain(what string, ref backend.Ref, need backend.Permission, err error) (backend.Code, string) {
	on := c.link.Alias()
	if errors.Is(err, context.Canceled) {
		return backend.Failed, fmt.Sprintf("Stopped before %s on %s was changed. Ask again if it is still wanted.", what, on)
	}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return c.explainNoAnswer(what, err)
	}
	said := quote(status.Status().Message)
	if fromWebhook(said) {
		return backend.Denied, fmt.Sprintf("%s was not changed: %s refuses: %s. Mend what it objects to, or ask those who run it.", Upper(what), on, said)
	}
	switch status.Status().Code {
	case http.StatusUnauthorized:
		return backend.Expired, fmt.Sprintf("The login to %s is no longer good. Log in again, then ask again.", on)
	case http.StatusForbidden:
		return backend.Denied, fmt.Sprintf("You may not %s%s on %s. Ask for that right, or use a login that has it.", need, in(ref.Scope), on)
	case http.StatusNotFound:
		return backend.NotFound, fmt.Sprintf("%s is not there on %s. It may have been deleted: look at the list again.", Upper(what), on)
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return backend.Invalid, fmt.Sprintf("%s does not take it: %s. Change what was asked and try again.", on, said)
	case http.StatusTooManyRequests:
		return backend.Failed, fmt.Sprintf("%s is too busy%s. Nothing was changed: try again later.", on, asksFor(err))
	}
	return backend.Failed, fmt.Sprintf("%s answered: %s. Try again, or look into its log.", on, said)
}

// explainNoAnswer is explain for errors that no API server sent.
func (c *Client) explainNoAnswer(what string, err error) (backend.Code, string) {
	on, said := c.link.Alias(), quote(cause(err))
	var way *url.Error // what net/http wraps every failure of a transport in
	switch {
	case errors.As(err, &way), errors.Is(err, context.DeadlineExceeded):
		return backend.Unreachable, fmt.Sprintf("%s does not answer: %s. Try again when it is reachable.", on, said)
	}
	return backend.Failed, fmt.Sprintf("%s on %s: %s. Look at it with kubectl.", Upper(what), on, said)
}

// fromWebhook says whether the server's words are those of an admission check
// (apiserver, pkg/admission/plugin/webhook/errors/statuserror.go), which may
// carry any status code. They are no matter of permission.
func fromWebhook(said string) bool {
	return strings.Contains(said, "admission webhook") || strings.Contains(said, "ValidatingAdmissionPolicy")
}

// asksFor says how long the server wants to be left alone.
func asksFor(err error) string {
	if s, ok := apierrors.SuggestsClientDelay(err); ok && s > 0 {
		return fmt.Sprintf(" and asks to be left alone for %s", time.Duration(s)*time.Second)
	}
	return ""
}

// cause is err without the method and address that net/http puts before it.
func cause(err error) string {
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	brokeOff := func(how error) bool { return errors.Is(err, how) }
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE}, brokeOff):
		return "the connection broke off in the middle of an answer"
	}
	return err.Error()
}

// WhyNot says in a few words why a list that is a help, and no more, was not
// to be had.
func WhyNot(err error) string {
	if apierrors.IsForbidden(err) {
		return "you may not list them"
	}
	return quote(cause(err))
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

// in is the namespace as a sentence names it.
func in(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " in " + namespace
}

// Upper begins a sentence with s, which is not empty.
func Upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
