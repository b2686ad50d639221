package kubeapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A form is one of those in which an API server sends objects. Its own kinds come
// as protobuf, which costs least; custom resources it has as JSON only.
type form interface {
	media() string
	// events reads a watch.
	events(r io.Reader) events
	// meta reads an object's metadata, status a Status.
	meta(raw []byte, w Words) (Meta, error)
	status(raw []byte) (metav1.Status, error)
	// list calls each with every object of a page, and says as of which version
	// it is and how the next one is asked for.
	list(page []byte, each func(raw []byte)) (version, next string, err error)
}

// events are those of one watch. next gives io.EOF when the server has ended it,
// and what it gives is lent until it is called again; waiting says whether it
// would have to wait for the server.
type events interface {
	next() (event, error)
	waiting() bool
}

// An event is one of a watch.
type event struct {
	kind string // ADDED, MODIFIED, DELETED, BOOKMARK, ERROR
	raw  []byte
}

// inProtobuf: see the constants of wire.go.
type inProtobuf struct{}

func (inProtobuf) media() string             { return asProtobuf }
func (inProtobuf) events(r io.Reader) events { return newFrames(r) }

func (inProtobuf) meta(raw []byte, w Words) (m Meta, err error) {
	if e := At(raw, func(v []byte, _ uint64) { err = m.Read(v, w) }, 1); e != nil {
		return m, e
	}
	return m, err
}

func (inProtobuf) status(raw []byte) (st metav1.Status, err error) { return st, st.Unmarshal(raw) }

// list: field 1 is the ListMeta, field 2 each object.
func (inProtobuf) list(page []byte, each func(raw []byte)) (version, next string, err error) {
	raw, ok := unwrap(page)
	if !ok {
		return "", "", errors.New("the answer is no list")
	}
	err = Walk(raw, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			version, next = TextAt(v, 2), TextAt(v, 3)
		case 2:
			each(v)
		}
	})
	return version, next, err
}

// inJSON: a watch is one object after the other (Kubernetes API concepts,
// "Efficient detection of changes").
type inJSON struct{}

func (inJSON) media() string { return "application/json" }

func (inJSON) events(r io.Reader) events {
	limited := &io.LimitedReader{R: r}
	return &texts{limited, json.NewDecoder(limited)}
}

func (inJSON) meta(raw []byte, _ Words) (Meta, error) {
	var o struct{ Metadata Meta }
	err := json.Unmarshal(raw, &o)
	return o.Metadata, err
}

func (inJSON) status(raw []byte) (st metav1.Status, err error) {
	return st, json.Unmarshal(raw, &st)
}

func (inJSON) list(page []byte, each func(raw []byte)) (version, next string, err error) {
	var l struct {
		Metadata metav1.ListMeta
		Items    []json.RawMessage
	}
	if err := json.Unmarshal(page, &l); err != nil {
		return "", "", fmt.Errorf("the answer is no list: %w", err)
	}
	for _, raw := range l.Items {
		each(raw)
	}
	return l.Metadata.ResourceVersion, l.Metadata.Continue, nil
}

// texts reads a watch in JSON.
type texts struct {
	limit *io.LimitedReader
	d     *json.Decoder
}

func (t *texts) next() (event, error) {
	t.limit.N = maxFrame
	var ev struct {
		Type   string
		Object json.RawMessage
	}
	if err := t.d.Decode(&ev); err != nil {
		return event{}, err
	}
	if ev.Object == nil {
		return event{}, errors.New("an event without an object")
	}
	return event{ev.Type, ev.Object}, nil
}

func (t *texts) waiting() bool {
	rest, ok := t.d.Buffered().(*bytes.Reader)
	return !ok || rest.Len() <= 1 // the line end that follows each
}
