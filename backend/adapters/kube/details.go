package kube

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// Fetch implements backend.Details. A link's own summary needs no server; all
// else is read when asked.
func (c *Cluster) Fetch(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	r.Sub = "" // a container's details are its pod's
	if r.Kind == cluster.KindCluster && a == backend.Summary {
		return c.summariseLink(), nil
	}
	res, err := c.findResource(r)
	if err != nil {
		return backend.Doc{}, err
	}
	doc := backend.Doc{Title: backend.T(res.named(r)).Safe()}
	switch a {
	case backend.Describe:
		doc.Lines, err = c.describe(ctx, res, r)
	case backend.YAML:
		doc.Lines, err = c.yaml(ctx, res, r)
	case backend.Summary:
		doc.Lines, err = c.summarise(ctx, res, r)
	default:
		err = &backend.Error{
			Code: backend.Invalid, Op: "show " + string(a), Ref: r,
			Human: backend.T(fmt.Sprintf("%s has no %s; it has %s, %s and %s.", upper(res.named(r)), a, backend.Summary, backend.Describe, backend.YAML)).Safe(),
		}
	}
	if err != nil {
		return backend.Doc{}, err
	}
	return doc, nil
}

// yaml is the object as the server has it, without field managers.
func (c *Cluster) yaml(ctx context.Context, res resource, r backend.Ref) ([]backend.Line, error) {
	obj, err := c.read(ctx, res, r)
	if err != nil {
		return nil, err
	}
	if obj.GetKind() == "Secret" {
		mask(obj)
	}
	out, err := image(obj)
	if err != nil {
		return nil, c.refused("show yaml", res, r, res.may("get", ""), err)
	}
	return textLines(string(out)), nil
}

// mask puts the number of bytes in the place of a Secret's values, and takes
// away the annotation in which kubectl apply keeps them once more.
func mask(obj *unstructured.Unstructured) {
	for _, field := range []string{"data", "stringData"} {
		values, _, _ := unstructured.NestedMap(obj.Object, field)
		for key, v := range values {
			s, _ := v.(string)
			n := len(s)
			if raw, err := base64.StdEncoding.DecodeString(s); err == nil && field == "data" {
				n = len(raw)
			}
			values[key] = fmt.Sprintf("*** (%d bytes)", n)
		}
		if len(values) > 0 {
			obj.Object[field] = values
		}
	}
	unstructured.RemoveNestedField(obj.Object, "metadata", "annotations", corev1.LastAppliedConfigAnnotation)
}

// textLines is s, line by line, without labels.
func textLines(s string) []backend.Line {
	var out []backend.Line
	for line := range strings.Lines(s) {
		out = append(out, backend.Line{Text: backend.T(strings.TrimRight(line, "\r\n"))})
	}
	return out
}

// summariseLink is what is known of the link itself.
func (c *Cluster) summariseLink() backend.Doc {
	info, health := c.link.Info(), c.link.Health()
	levels := map[backend.State]backend.Level{
		backend.Live: backend.Good, backend.Connecting: backend.Moving, backend.Stale: backend.Warning,
		backend.Forbidden: backend.Warning, backend.Down: backend.Critical, backend.Off: backend.Idle,
	}
	var s summary
	s.add(levels[health.State], "state", health.State.String())
	s.add(backend.None, "", health.Reason.Raw())
	s.add(backend.None, "server", info.Server)
	s.add(backend.None, "version", info.Version)
	s.add(backend.None, "user", info.User)
	s.add(backend.None, "contexts", strings.Join(info.Contexts, ", "))
	if info.Insecure {
		s.add(backend.Warning, "tls", "the server's certificate is not verified")
	}
	return backend.Doc{Title: info.Alias, Lines: s.lines}
}

// A summary gathers the lines of a Summary.
type summary struct {
	lines []backend.Line
}

// add adds a line; one without text is left out.
func (s *summary) add(level backend.Level, label, text string) {
	if text != "" {
		s.lines = append(s.lines, backend.Line{Level: level, Label: label, Text: backend.T(text)})
	}
}

// age is a span of time in its largest unit, as rows show it: 12s, 4m, 3h, 2d.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// since is the age of t; empty when t is not set.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return age(time.Since(t))
}
