package kubeapi

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// The forms in which a Kubernetes API server sends protobuf (apimachinery,
// pkg/runtime/serializer/protobuf): an object is the four bytes "k8s\0" and a
// runtime.Unknown with the object in its field 2; a watch is frames, each four
// bytes of length, big-endian, and a bare metav1.WatchEvent.
const (
	magic      = "k8s\x00"
	asProtobuf = "application/vnd.kubernetes.protobuf"
	asWatch    = ";stream=watch" // behind the media type
	// maxFrame is far above what etcd stores of one object (1.5 MB).
	maxFrame = 64 << 20
	// maxStatus is how much of an error's body is read.
	maxStatus = 64 << 10
)

// wire sends requests whose answers are read as they come.
type wire struct {
	http     *http.Client
	base     *url.URL
	patience time.Duration // for a server that owes an answer and says nothing
}

func newWire(cfg *rest.Config) (*wire, error) {
	h, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	// Credentials are added to every request: followed, a redirect would take
	// them to wherever it points.
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("read the server's URL: %w", err)
	}
	return &wire{h, base, 15 * time.Second}, nil
}

// errSilent is the end of an answer of which nothing comes any more.
var errSilent = errors.New("the server does not answer: it takes the request, then nothing comes")

// A body is an answer as it comes. Each read gives errSilent when nothing comes
// for as long as the wire has patience; a slow line is none that is silent.
type body struct {
	from     io.ReadCloser
	ctx      context.Context
	cancel   context.CancelCauseFunc
	silence  *time.Timer
	patience time.Duration
}

func (w *wire) newBody(ctx context.Context) *body {
	ctx, cancel := context.WithCancelCause(ctx)
	return &body{ctx: ctx, cancel: cancel, patience: w.patience, silence: time.AfterFunc(w.patience, func() { cancel(errSilent) })}
}

// Read implements io.Reader.
func (b *body) Read(into []byte) (int, error) {
	n, err := b.from.Read(into)
	if err != nil {
		return n, b.why(err)
	}
	if b.patience > 0 {
		b.silence.Reset(b.patience)
	}
	return n, nil
}

// why is err, or that it came of silence.
func (b *body) why(err error) error {
	if errors.Is(context.Cause(b.ctx), errSilent) {
		return errSilent
	}
	return err
}

// mayRest says that the server owes nothing any more: from now on nothing may
// come for as long as it likes.
func (b *body) mayRest() {
	b.patience = 0
	b.silence.Stop()
}

// Close ends the request, read to its end or not.
func (b *body) Close() error {
	b.silence.Stop()
	b.cancel(nil)
	return b.from.Close()
}

// get asks for a path in a form; stream is asWatch or empty. The answer is in that
// form, or the error is the server's Status. The caller closes the body; ctx ends
// it too.
func (w *wire) get(ctx context.Context, path string, in form, stream string, query url.Values) (*body, error) {
	return w.ask(w.newBody(ctx), path, in.media()+stream+", application/json;q=0.1", in.media(), query)
}

// ask sends the request of got, and has it read the answer, which must be of that
// media type.
func (w *wire) ask(got *body, path, accept, media string, query url.Values) (*body, error) {
	u := w.base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(got.ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask for %s: %w", path, err)
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "identity") // unpacking costs more than the line, and delays rows
	resp, err := w.http.Do(req)                   //nolint:bodyclose // got closes it
	if err != nil {
		got.silence.Stop()
		got.cancel(nil)
		return nil, got.why(err)
	}
	got.from = resp.Body
	kind, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	if resp.StatusCode == http.StatusOK && kind == media {
		return got, nil
	}
	defer got.Close()
	return nil, unwanted(resp, kind, got)
}

// unwanted is why an answer is not what was asked for.
func unwanted(resp *http.Response, kind string, body io.Reader) error {
	said, _ := io.ReadAll(io.LimitReader(body, maxStatus)) // half an error is better than none
	switch {
	case resp.StatusCode == http.StatusOK:
		return fmt.Errorf("the server answered with %q instead of Kubernetes' own form: something else may answer in its place", kind)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("the server answers with a redirect (%d): a portal or login page stands before it; log in there, or check the server's address", resp.StatusCode)
	}
	return statusError(resp, said)
}

// statusError is the server's own error, or one made of its status line where
// what it sent is no Status.
func statusError(resp *http.Response, body []byte) error {
	var st metav1.Status
	if raw, ok := unwrap(body); ok && st.Unmarshal(raw) == nil && st.Status == metav1.StatusFailure {
		return &apierrors.StatusError{ErrStatus: st}
	}
	if json.Unmarshal(body, &st) == nil && st.Status == metav1.StatusFailure {
		return &apierrors.StatusError{ErrStatus: st}
	}
	return apierrors.NewGenericServerResponse(resp.StatusCode, http.MethodGet, schema.GroupResource{}, "", "", 0, true)
}

// unwrap takes an object out of "k8s\0" and runtime.Unknown.
func unwrap(b []byte) (raw []byte, ok bool) {
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return nil, false
	}
	err := Walk(b[len(magic):], func(n protowire.Number, v []byte, _ uint64) {
		if n == 2 {
			raw = v
		}
	})
	return raw, err == nil && raw != nil
}

// frames reads a watch's events.
type frames struct {
	r   *bufio.Reader
	buf []byte
}

func newFrames(r io.Reader) *frames { return &frames{r: bufio.NewReaderSize(r, 64<<10)} }

// waiting says whether the next read would have to wait for the server.
func (f *frames) waiting() bool { return f.r.Buffered() == 0 }

// next reads one event. io.EOF is a server that has ended the watch.
func (f *frames) next() (event, error) {
	var head [4]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return event{}, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return event{}, fmt.Errorf("a frame of %d MB: this is no watch, or a broken one", n>>20)
	}
	if err := f.fill(int(n)); err != nil {
		return event{}, err
	}
	var ev event
	var object []byte
	err := Walk(f.buf, func(n protowire.Number, v []byte, _ uint64) {
		switch n {
		case 1:
			ev.kind = string(v)
		case 2:
			object = v
		}
	})
	if err != nil {
		return event{}, err
	}
	err = Walk(object, func(n protowire.Number, v []byte, _ uint64) {
		if n == 1 {
			ev.raw, _ = unwrap(v)
		}
	})
	if err == nil && ev.raw == nil {
		err = errors.New("an event without an object")
	}
	return ev, err
}

// fill reads n bytes into buf. It grows as they come: what a frame says of its
// length is only a promise.
func (f *frames) fill(n int) error {
	const step = 1 << 20
	if cap(f.buf) > step && n < 1<<16 {
		f.buf = nil // one large object does not cost its memory for ever
	}
	f.buf = f.buf[:0]
	for have := 0; have < n; have = len(f.buf) {
		more := min(n-have, max(cap(f.buf)-have, step))
		f.buf = slices.Grow(f.buf, more)[:have+more]
		if _, err := io.ReadFull(f.r, f.buf[have:]); errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF // a watch ends between frames
		} else if err != nil {
			return err
		}
	}
	return nil
}

// broken says why a message can't be read. Its cause is not wrapped: an EOF in a
// message is not the connection's.
func broken(n int) error { return errors.New("broken protobuf: " + protowire.ParseError(n).Error()) }

// Walk calls f with each field of a message: v is what a length-delimited one
// holds (not copied), n the value of a varint. Others are passed over.
func Walk(b []byte, f func(num protowire.Number, v []byte, n uint64)) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return broken(n)
		}
		b = b[n:]
		switch typ {
		case protowire.BytesType:
			v, m := protowire.ConsumeBytes(b)
			if n = m; n >= 0 {
				f(num, v, 0)
			}
		case protowire.VarintType:
			v, m := protowire.ConsumeVarint(b)
			if n = m; n >= 0 {
				f(num, nil, v)
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return broken(n)
		}
		b = b[n:]
	}
	return nil
}
