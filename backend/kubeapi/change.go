package kubeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
)

// MaxTries is how many requests one change may cost.
const MaxTries = 6

const (
	writeLimit = 35 * time.Second // of one of them: an admission webhook may take 30
	lookLimit  = 20 * time.Second // for finding out what became of one whose reply was lost
	quickLook  = 3 * time.Second  // the same, when the person does not want to wait any more
	maxPause   = 10 * time.Second // that a server's Retry-After is honoured for
)

// A Change is what one action does to one object: all in which the actions
// differ. How it is carried out safely is the same for all.
type Change struct {
	Target
	Verb, Sub string        // as permissions call it: "patch", "scale"
	Words     string        // what is sent, in words: "replicas: 5"
	CLI       []string      // kubectl's words for it
	Plugin    bool          // they are those of one of its plugins
	Guard     backend.Facts // what facts must read right before it is sent
	Note      string        // what to say once the server has taken it
	Undo      *Change       // nil when nothing takes it back

	Facts func(o *unstructured.Unstructured) backend.Facts
	// Body is what is sent, made for the object as just read; it carries the
	// precondition under which the server takes it.
	Body func(o *unstructured.Unstructured) any
	// Landed says whether now, read after a reply to a request made on before
	// was lost, shows that the request was done.
	Landed func(before, now *unstructured.Unstructured) Verdict
}

// Verdict is what looking says about a request whose reply was lost.
type Verdict uint8

// The verdicts.
const (
	NotDone Verdict = iota
	Done
	Unclear
)

// reply is how the server took a request.
type reply uint8

const (
	taken   reply = iota
	clashed       // the precondition did not hold: nothing was done
	busy          // it wants to be asked later: nothing was done
	refused       // for good: nothing was done
	lost          // sent, and what came back doesn't say whether it was done
)

// carryOut does the change. Before each request it reads the object and
// compares the guard; the request's own precondition holds the server to what
// was just read. After a lost reply it looks before anything is sent again.
func (c *Client) carryOut(ctx context.Context, ch Change, progress backend.Progress) error {
	pause := c.BackOff()
	var inDoubt *unstructured.Unstructured // what the request was made on whose reply was lost
	var last error
	for tries := 0; ; tries++ {
		now, err := c.look(ctx, ch, inDoubt != nil)
		if inDoubt != nil {
			if end, err := c.settle(ctx, ch, inDoubt, now, err); end {
				if err == nil {
					progress(1, 1, ch.Note+" (the answer was lost; it was looked up)")
				}
				return err
			}
			if now.GetResourceVersion() != inDoubt.GetResourceVersion() {
				inDoubt = nil // its precondition can no longer hold
			}
		} else if err != nil {
			return err
		}
		if changed := ch.Guard.Changed(ch.Facts(now)); changed != "" {
			return c.conflict(ch, changed)
		}
		if tries == MaxTries {
			return c.giveUp(ch, inDoubt, last)
		}
		progress(0, 1, "sending")
		var how reply
		switch how, last = c.send(ctx, ch, now); how {
		case taken:
			progress(1, 1, ch.Note)
			return nil
		case refused:
			return c.Refused(ch.op(), ch.Res, ch.Ref, ch.need(), last)
		case lost:
			inDoubt = now
		}
		wait := pauseFor(how, last, pause)
		if wait > maxPause {
			return c.Refused(ch.op(), ch.Res, ch.Ref, ch.need(), last)
		}
		progress(0, 1, "not taken yet, trying again")
		sleep(ctx, wait)
	}
}

// send makes one request on the object as just read, and says how it was taken.
func (c *Client) send(ctx context.Context, ch Change, now *unstructured.Unstructured) (reply, error) {
	body, err := json.Marshal(ch.Body(now))
	if err != nil {
		return refused, fmt.Errorf("encode: %w", err)
	}
	req, err := c.request(ch.method(), ch.Res, ch.Ref)
	if err != nil {
		return refused, err
	}
	contentType := "application/json"
	if ch.method() == http.MethodPatch {
		contentType = "application/merge-patch+json"
		req = req.Param("fieldManager", "wheelhouse")
	}
	if ch.Sub != "" {
		req = req.SubResource(ch.Sub)
	}
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	var onTheWire atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { onTheWire.Store(true) }})
	answer := req.SetHeader("Content-Type", contentType).Body(body).Do(ctx)
	err = answer.Error()
	if _, plain := answer.Raw(); apierrors.IsTooManyRequests(plain) {
		err = plain // it has the Retry-After header, which the status in the body may leave out
	}
	return judge(err, onTheWire.Load()), err
}

// judge says what err means for a change. Statuses from 500 up, and 408, may
// come after the work was done (a proxy, the storage or the server itself ran
// out of time).
func judge(err error, sent bool) reply {
	var status apierrors.APIStatus
	var ours *backend.Error
	switch {
	case err == nil:
		return taken
	case errors.As(err, &ours): // the link did not send it, or knows who answered
		return refused
	case !errors.As(err, &status):
		if sent {
			return lost
		}
		return refused
	}
	switch code := status.Status().Code; {
	case code == http.StatusConflict:
		return clashed
	case code == http.StatusTooManyRequests:
		return busy
	case code >= 500, code == http.StatusRequestTimeout:
		return lost
	}
	return refused
}

// look reads the object. When a reply was lost it does so even though ctx has
// ended, and for a while.
func (c *Client) look(ctx context.Context, ch Change, inDoubt bool) (*unstructured.Unstructured, error) {
	if !inDoubt {
		return c.Read(ctx, ch.Res, ch.Ref)
	}
	limit := lookLimit
	if ctx.Err() != nil {
		limit = quickLook
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	pause := c.BackOff()
	for {
		now, err := c.Read(ctx, ch.Res, ch.Ref)
		if code := backend.CodeOf(err); err == nil || ctx.Err() != nil || (code != backend.Unreachable && code != backend.Failed) {
			return now, err
		}
		sleep(ctx, pause.NextBackOff())
	}
}

// settle says what became of a request whose reply was lost, from now or from
// the error in reading it. end is false when it was not done and may be tried
// again.
func (c *Client) settle(ctx context.Context, ch Change, before, now *unstructured.Unstructured, err error) (end bool, _ error) {
	gone := backend.CodeOf(err) == backend.NotFound
	if err == nil || gone {
		switch ch.Landed(before, now) {
		case Done:
			return true, nil
		case NotDone:
			if gone {
				return true, err
			}
			if ctx.Err() == nil {
				return false, nil
			}
			err = ctx.Err()
		}
	}
	return true, c.unknown(ch, err)
}

// giveUp is the error after the last try.
func (c *Client) giveUp(ch Change, inDoubt *unstructured.Unstructured, last error) error {
	var answered apierrors.APIStatus
	if inDoubt != nil && !errors.As(last, &answered) {
		return c.unknown(ch, last)
	}
	if apierrors.IsConflict(last) {
		return &backend.Error{
			Code: backend.Conflict, Op: ch.op(), Ref: ch.Ref, Err: last,
			Human: backend.T(fmt.Sprintf("%s on %s keeps being changed by others: %d tries all came second. Nothing was changed: try again.", Upper(ch.Named()), c.link.Alias(), MaxTries)).Safe(),
		}
	}
	return c.Refused(ch.op(), ch.Res, ch.Ref, ch.need(), last)
}

// conflict is the error for a guard that no longer holds.
func (c *Client) conflict(ch Change, changed string) error {
	return &backend.Error{
		Code: backend.Conflict, Op: ch.op(), Ref: ch.Ref,
		Human: backend.T(fmt.Sprintf("%s on %s: %s: another change came first. Look and ask again.", Upper(ch.Named()), c.link.Alias(), changed)).Safe(),
	}
}

// unknown is the error for a change that may have been done.
func (c *Client) unknown(ch Change, err error) error {
	get := append([]string{"get", ch.Res.Word, ch.Ref.Name}, "-o", "yaml")
	return &backend.Error{
		Code: backend.Unknown, Op: ch.op(), Ref: ch.Ref, Err: err,
		Human: backend.T(fmt.Sprintf("The answer of %s was lost: %s may have been changed (%s), or not. See for yourself: %s",
			c.link.Alias(), ch.Named(), ch.Words, c.Kubectl(ch.Ref, get))).Safe(),
	}
}

// pauseFor is how long to wait before the next try: what the server asks for,
// or a little, with jitter, so that two consoles do not stay in step.
func pauseFor(how reply, err error, pause backoff.BackOff) time.Duration {
	own := pause.NextBackOff()
	if how == clashed {
		return own / 4 // a heartbeat came between: the next try is likely to do
	}
	if s, ok := apierrors.SuggestsClientDelay(err); ok && how == busy {
		return max(own, time.Duration(s)*time.Second)
	}
	return own
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Life is the facts that every guard begins with.
func Life(o *unstructured.Unstructured) backend.Facts {
	deleting := "no"
	if o.GetDeletionTimestamp() != nil {
		deleting = "yes"
	}
	return backend.Facts{{Name: "uid", Value: string(o.GetUID())}, {Name: "being deleted", Value: deleting}}
}

// SpecChange is the verdict on a change to a spec whose reply was lost; ours
// says whether now reads as it was meant to. The server counts the changes of a
// spec in the generation: when it counted one, and now reads otherwise, that one
// was another's, and ours can't follow, for its resourceVersion is outdated.
// When it counted more, ours may have been among them.
func SpecChange(before, now *unstructured.Unstructured, ours bool) Verdict {
	switch {
	case now == nil || now.GetUID() != before.GetUID():
		return NotDone
	case ours:
		return Done
	case now.GetGeneration()-before.GetGeneration() <= 1:
		return NotDone
	}
	return Unclear
}
