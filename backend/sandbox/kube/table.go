package kube

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
)

// A Column is one of those in which kubectl shows a kind, between name and age.
type Column struct {
	Name  string
	Wide  bool // only with -o wide
	Value func(runtime.Object) any
}

// tables shows the objects of a kind in columns.
type tables struct{ kind Kind }

// ConvertToTable implements rest.TableConvertor.
func (t tables) ConvertToTable(_ context.Context, obj, _ runtime.Object) (*metav1.Table, error) {
	out := &metav1.Table{}
	columns := t.kind.shown()
	for _, c := range columns {
		d := metav1.TableColumnDefinition{Name: c.Name, Type: "string"}
		if c.Name == "Name" && !c.Wide {
			d.Format = "name"
		}
		if c.Wide {
			d.Priority = 1
		}
		out.ColumnDefinitions = append(out.ColumnDefinitions, d)
	}
	row := func(obj runtime.Object) error {
		cells := make([]any, len(columns))
		for i, c := range columns {
			cells[i] = c.Value(obj)
		}
		out.Rows = append(out.Rows, metav1.TableRow{Cells: cells, Object: runtime.RawExtension{Object: obj}})
		return nil
	}
	if !meta.IsListType(obj) {
		out.ResourceVersion = metaOf(obj).GetResourceVersion()
		return out, row(obj)
	}
	list, err := meta.ListAccessor(obj)
	if err != nil {
		return nil, err
	}
	out.ResourceVersion, out.Continue, out.RemainingItemCount = list.GetResourceVersion(), list.GetContinue(), list.GetRemainingItemCount()
	return out, meta.EachListItem(obj, row)
}

// shown are the columns of a kind in their order: its name first, and its age behind
// those that are always shown.
func (k Kind) shown() []Column {
	if k.Bare {
		return k.Columns
	}
	out := []Column{nameColumn()}
	var wide []Column
	for _, c := range k.Columns {
		if c.Wide {
			wide = append(wide, c)
		} else {
			out = append(out, c)
		}
	}
	out = append(out, ageColumn())
	return append(out, wide...)
}

func nameColumn() Column {
	return Column{Name: "Name", Value: func(o runtime.Object) any { return metaOf(o).GetName() }}
}

func ageColumn() Column {
	return Column{Name: "Age", Value: func(o runtime.Object) any { return age(metaOf(o).GetCreationTimestamp().Time) }}
}

// age is how long ago something was, as kubectl writes it.
func age(at time.Time) string {
	if at.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(time.Since(at))
}
