package kubeapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi/kubeapitest"
)

// drain reads events until the reader has no more; it copies what it is lent.
func drain(r io.Reader) (all []event, f *frames, err error) {
	f = newFrames(r)
	for {
		ev, err := f.next()
		if err != nil {
			return all, f, err
		}
		all = append(all, event{ev.kind, slices.Clone(ev.raw)})
	}
}

func TestFrames(t *testing.T) {
	pod := kubeapitest.Wired(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}})
	big := kubeapitest.Wired(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Annotations: map[string]string{"big": string(make([]byte, 3<<20))}}})
	whole := slices.Concat(kubeapitest.Frame(t, "ADDED", pod), kubeapitest.Frame(t, "MODIFIED", big), kubeapitest.Frame(t, "DELETED", pod))
	for _, k := range []struct {
		name   string
		data   []byte
		events int
		err    error // nil: any but those that mean an end
	}{
		{"nothing", nil, 0, io.EOF},
		{"three", whole, 3, io.EOF},
		{"half a length", append(slices.Clone(whole), 0, 0), 3, io.ErrUnexpectedEOF},
		{"a length alone", append(slices.Clone(whole), 0, 0, 0, 9), 3, io.ErrUnexpectedEOF},
		{"half a frame", whole[:len(whole)-5], 2, io.ErrUnexpectedEOF},
		{"4 GB", []byte{0xff, 0xff, 0xff, 0xff, 1, 2, 3}, 0, nil},
		{"a page", []byte("<html><body>log in</body></html>"), 0, nil},
		{"JSON", []byte(`{"type":"ADDED","object":{}}` + "\n"), 0, nil},
		{"an empty frame", []byte{0, 0, 0, 0}, 0, nil},
		{"no envelope", kubeapitest.FrameOf(kubeapitest.Wired(t, &metav1.WatchEvent{Type: "ADDED", Object: runtime.RawExtension{Raw: pod}})), 0, nil},
		{"no protobuf", kubeapitest.FrameOf([]byte{0xff, 0xff, 0xff}), 0, nil},
	} {
		t.Run(k.name, func(t *testing.T) {
			for what, r := range map[string]io.Reader{"at once": bytes.NewReader(k.data), "in halves": iotest.HalfReader(bytes.NewReader(k.data))} {
				all, _, err := drain(r)
				ends := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
				if len(all) != k.events || k.err != nil && !errors.Is(err, k.err) || k.err == nil && ends {
					t.Errorf("%s: %d events, then %v; want %d, then %v", what, len(all), err, k.events, k.err)
				}
			}
		})
	}
}

// TestFrameErrorsPass: that the line has failed, and how, is not made an end.
func TestFrameErrorsPass(t *testing.T) {
	line := errors.New("line cut")
	b := kubeapitest.Frame(t, "ADDED", kubeapitest.Wired(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}}))
	for _, n := range []int{0, 2, 4, len(b) / 2} {
		if _, _, err := drain(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(line))); !errors.Is(err, line) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// TestFrameMemory: a length is only a promise, and one large object does not
// cost its memory for ever.
func TestFrameMemory(t *testing.T) {
	_, f, err := drain(bytes.NewReader([]byte{3, 0xff, 0xff, 0xff, 1}))
	if err == nil || cap(f.buf) > 4<<20 {
		t.Errorf("%d bytes are held for a frame that never came (%v)", cap(f.buf), err)
	}
	big := kubeapitest.Wired(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Annotations: map[string]string{"big": string(make([]byte, 8<<20))}}})
	all, f, _ := drain(bytes.NewReader(slices.Concat(kubeapitest.Frame(t, "ADDED", big), kubeapitest.Frame(t, "ADDED", kubeapitest.Wired(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}})))))
	if len(all) != 2 || cap(f.buf) > 4<<20 {
		t.Errorf("%d events; %d bytes are held after a small one", len(all), cap(f.buf))
	}
}

// FuzzFrames: whatever comes over the line, reading ends, holds no more than
// came, and gives the same however the bytes are cut.
func FuzzFrames(f *testing.F) {
	pod := kubeapitest.Wired(f, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p"}})
	f.Add(slices.Concat(kubeapitest.Frame(f, "ADDED", pod), kubeapitest.Frame(f, "BOOKMARK", pod)))
	f.Add(kubeapitest.Frame(f, "ERROR", kubeapitest.Wired(f, &metav1.Status{Status: "Failure", Code: 410})))
	f.Add([]byte{3, 0xff, 0xff, 0xff})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0})
	f.Add([]byte("<html>"))
	f.Add(bytes.Repeat([]byte{0}, 99))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, fr, err := drain(bytes.NewReader(data))
		if cap(fr.buf) > 4*len(data)+4<<20 {
			t.Errorf("%d bytes held for %d", cap(fr.buf), len(data))
		}
		if len(all) > len(data)/4 {
			t.Errorf("%d events of %d bytes", len(all), len(data))
		}
		again, _, err2 := drain(iotest.OneByteReader(bytes.NewReader(data)))
		if fmt.Sprint(all, err) != fmt.Sprint(again, err2) {
			t.Errorf("byte by byte it reads otherwise:\n%q %v\n%q %v", all, err, again, err2)
		}
	})
}

// TestWordsAreBounded: a server that never says the same twice fills no memory.
func TestWordsAreBounded(t *testing.T) {
	w := Words{}
	for i := range 3 * maxWords {
		if got := w.Of(fmt.Append(nil, i)); got != fmt.Sprint(i) {
			t.Fatalf("%q, want %d", got, i)
		}
	}
	if len(w) > maxWords {
		t.Errorf("%d words are kept", len(w))
	}
}

// TestSilence: a server that owes an answer is not waited for without end, be it
// for the first byte or the next; one that owes nothing may rest.
func TestSilence(t *testing.T) {
	const patience = 50 * time.Millisecond
	more, done := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		until := done
		if req.URL.Path != "/never" {
			rw.Header().Set("Content-Type", asProtobuf)
			fmt.Fprint(rw, "half")
			rw.(http.Flusher).Flush()
			until = more
		}
		select {
		case <-until:
			fmt.Fprint(rw, "rest")
		case <-req.Context().Done():
		}
	}))
	defer srv.Close()
	defer close(done)
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{srv.Client(), base, patience}
	if _, err := w.get(t.Context(), "never", inProtobuf{}, "", nil); !errors.Is(err, errSilent) {
		t.Errorf("no answer at all: %v, want %v", err, errSilent)
	}
	owing, err := w.get(t.Context(), "half", inProtobuf{}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(owing); string(got) != "half" || !errors.Is(err, errSilent) {
		t.Errorf("half an answer: %q, %v, want %v", got, err, errSilent)
	}
	_ = owing.Close()
	resting, err := w.get(t.Context(), "rest", inProtobuf{}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resting.Close()
	resting.mayRest()
	time.AfterFunc(4*patience, func() { close(more) })
	if got, err := io.ReadAll(resting); string(got) != "halfrest" || err != nil {
		t.Errorf("an answer after a rest: %q, %v", got, err)
	}
}

// FuzzAnswers: whatever a server answers, reading it ends, with words for what is
// wrong.
func FuzzAnswers(f *testing.F) {
	pods := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "3", Continue: "x"}, Items: []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "p"}}}}
	f.Add(kubeapitest.Sealed(f, "PodList", kubeapitest.Wired(f, pods)))
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		row := func(raw []byte, _ string, w Words) (cluster.Namespace, string, error) {
			var m Meta
			err := m.Read(raw, w)
			return cluster.Namespace{Name: m.Name}, m.Version, err
		}
		p := part[cluster.Namespace]{col: Collection[cluster.Namespace]{Row: row}, words: Words{}}
		_, _, _ = p.page(data) // an error is fine; it has to come back
		if len(p.rows) > len(data) {
			t.Errorf("%d rows of %d bytes", len(p.rows), len(data))
		}
		if err := statusError(&http.Response{StatusCode: http.StatusTeapot}, data); err == nil || err.Error() == "" {
			t.Errorf("no words for a status: %v", err)
		}
	})
}
