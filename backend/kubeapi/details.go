package kubeapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
)

var _ backend.Details = (*Faces)(nil)

// Faces shows objects of an adapter's kinds, and, if need be, of any other.
type Faces struct {
	*Client
	Kinds Kinds
	// Lines begins to gather what stands in the summary of an object, while the
	// object is being read; what it returns is called with the object and adds
	// the lines. It may give nil for nothing but what every object has.
	Lines func(ctx context.Context, r backend.Ref) func(s *Summary, obj *unstructured.Unstructured) error
}

// Fetch implements backend.Details.
func (f *Faces) Fetch(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	r.Sub = "" // what is a part of an object has the object's details
	res, err := f.find(f.Kinds, r)
	if err != nil {
		return backend.Doc{}, err
	}
	doc := backend.Doc{Title: backend.T(res.Named(r)).Safe()}
	switch a {
	case backend.Describe:
		doc.Lines, err = f.describe(ctx, res, r)
	case backend.YAML:
		doc.Lines, err = f.yaml(ctx, res, r)
	case backend.Summary:
		doc.Lines, err = f.summarise(ctx, res, r)
	default:
		err = &backend.Error{
			Code: backend.Invalid, Op: "show " + string(a), Ref: r,
			Human: backend.T(fmt.Sprintf("%s has no %s; it has %s, %s and %s.", Upper(res.Named(r)), a, backend.Summary, backend.Describe, backend.YAML)).Safe(),
		}
	}
	if err != nil {
		return backend.Doc{}, err
	}
	return doc, nil
}

// yaml is the object as the server has it, without field managers.
func (c *Client) yaml(ctx context.Context, res Resource, r backend.Ref) ([]backend.Line, error) {
	obj, err := c.Read(ctx, res, r)
	if err != nil {
		return nil, err
	}
	if obj.GetKind() == "Secret" {
		mask(obj)
	}
	out, err := image(obj)
	if err != nil {
		return nil, c.Refused("show yaml", res, r, res.May("get", ""), err)
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

// A Summary gathers the lines of a Summary.
type Summary struct {
	Lines []backend.Line
}

// Add adds a line; one without text is left out.
func (s *Summary) Add(level backend.Level, label, text string) {
	if text != "" {
		s.Lines = append(s.Lines, backend.Line{Level: level, Label: label, Text: backend.T(text)})
	}
}

// Age is a span of time in its largest unit, as rows show it: 12s, 4m, 3h, 2d.
func Age(d time.Duration) string {
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

// Since is the age of t; empty when t is not set.
func Since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return Age(time.Since(t))
}
