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
	out := &metav1.Table{ColumnDefinitions: []metav1.TableColumnDefinition{{Name: "Name", Type: "string", Format: "name"}}}
	var wide []Column
	for _, c := range t.kind.Columns {
		if !c.Wide {
			out.ColumnDefinitions = append(out.ColumnDefinitions, metav1.TableColumnDefinition{Name: c.Name, Type: "string"})
		}
	}
	out.ColumnDefinitions = append(out.ColumnDefinitions, metav1.TableColumnDefinition{Name: "Age", Type: "string"})
	for _, c := range t.kind.Columns {
		if c.Wide {
			wide = append(wide, c)
			out.ColumnDefinitions = append(out.ColumnDefinitions, metav1.TableColumnDefinition{Name: c.Name, Type: "string", Priority: 1})
		}
	}
	row := func(obj runtime.Object) error {
		m := metaOf(obj)
		cells := []any{m.GetName()}
		for _, c := range t.kind.Columns {
			if !c.Wide {
				cells = append(cells, c.Value(obj))
			}
		}
		cells = append(cells, age(m.GetCreationTimestamp().Time))
		for _, c := range wide {
			cells = append(cells, c.Value(obj))
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

// age is how long ago something was, as kubectl writes it.
func age(at time.Time) string {
	if at.IsZero() {
		return "<unknown>"
	}
	return duration.HumanDuration(time.Since(at))
}
