package actuator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/service"
)

// shownTransitions is how many changes of state are shown of one instance.
const shownTransitions = 5

// Fetch implements backend.Details: how a breaker stands on each instance, and
// how it came to that.
func (b *Breakers) Fetch(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	found, err := b.finder.find(ctx, backend.Scope{Namespaces: one(r.Scope)})
	if err != nil {
		return backend.Doc{}, err
	}
	svc, name, _ := strings.Cut(r.Name, ".")
	of := ofThem(found, []backend.Ref{r})
	if len(of) == 0 {
		return backend.Doc{}, &backend.Error{Code: backend.NotFound, Op: "read breaker", Ref: r, Human: backend.T(svc + " has no such instance any more. Look at the list again.").Safe()}
	}
	doc := backend.Doc{Title: svc + " " + name}
	if a == backend.YAML {
		for _, in := range of {
			doc.Lines = append(doc.Lines, in.raw(ctx, name)...)
		}
		return doc, nil
	}
	for _, in := range readAll(ctx, of) {
		doc.Lines = append(doc.Lines, in.lines(ctx, name)...)
	}
	return doc, nil
}

func one(scope string) []string {
	if scope == "" {
		return nil
	}
	return []string{scope}
}

// raw is what the instance says of a breaker, as it says it: JSON, which is YAML.
func (i instance) raw(ctx context.Context, name string) []backend.Line {
	out := []backend.Line{{Text: backend.T("# " + i.name)}}
	var answer struct {
		CircuitBreakers map[string]json.RawMessage
	}
	var text bytes.Buffer
	err := i.read(ctx, &answer)
	if err == nil {
		err = json.Indent(&text, answer.CircuitBreakers[name], "", "  ")
	}
	if err != nil {
		return append(out, backend.Line{Level: backend.Warning, Text: backend.T(err.Error())})
	}
	for line := range strings.Lines(text.String()) {
		out = append(out, backend.Line{Text: backend.T(strings.TrimRight(line, "\n"))})
	}
	return out
}

// lines say of one instance how its breaker stands.
func (in reading) lines(ctx context.Context, name string) []backend.Line {
	br, ok := in.breakers[name]
	switch {
	case in.err != nil:
		return []backend.Line{{Level: backend.Warning, Label: in.name, Text: backend.T(in.err.Error())}}
	case !ok:
		return []backend.Line{{Level: backend.Idle, Label: in.name, Text: backend.T("has no such breaker")}}
	}
	out := []backend.Line{{Level: service.LevelOf(br.State), Label: in.name, Text: backend.T(br.State)}}
	add := func(label, text string) { out = append(out, backend.Line{Label: label, Text: backend.T(text)}) }
	add("failures", rate(br.FailureRate, br.FailureRateThreshold))
	add("slow calls", rate(br.SlowCallRate, br.SlowCallRateThreshold))
	add("calls", fmt.Sprintf("%d in its window, %d failed, %d slow, %d refused", br.BufferedCalls, br.FailedCalls, br.SlowCalls, br.NotPermittedCalls))
	past, err := in.transitions(ctx, name)
	if err != nil {
		return append(out, backend.Line{Level: backend.Idle, Label: "changes", Text: backend.T(err.Error())})
	}
	for i, t := range past[:min(len(past), shownTransitions)] {
		label := ""
		if i == 0 {
			label = "changes"
		}
		add(label, t.At.Local().Format(time.DateTime)+"  "+strings.ToLower(strings.ReplaceAll(t.What, "_", " ")))
	}
	return out
}

func rate(is, limit percent) string {
	if is < 0 {
		return fmt.Sprintf("too few calls to say; limit %g %%", limit)
	}
	return fmt.Sprintf("%g %% of %g %%", is, limit)
}
