package kube

import (
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// params lets the options of what is streamed be read from a query.
func params(scheme *runtime.Scheme) {
	for _, into := range []runtime.Object{&corev1.PodLogOptions{}, &corev1.PodExecOptions{}, &corev1.PodAttachOptions{}, &corev1.PodPortForwardOptions{}, &corev1.PodProxyOptions{}, &corev1.ServiceProxyOptions{}} {
		utilruntime.Must(scheme.AddConversionFunc((*url.Values)(nil), into, func(from, into any, _ conversion.Scope) error {
			return query(*from.(*url.Values), into)
		}))
	}
}

// query fills the fields of a struct from the parameters of their JSON names.
func query(from url.Values, into any) error {
	v := reflect.ValueOf(into).Elem()
	for f, at := range v.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		values, ok := from[name]
		if !ok || name == "" || len(values) == 0 {
			continue
		}
		if at.Kind() == reflect.Slice && at.Type().Elem().Kind() == reflect.String {
			at.Set(reflect.ValueOf(values))
			continue
		}
		if at.Kind() == reflect.Pointer {
			at.Set(reflect.New(at.Type().Elem()))
			at = at.Elem()
		}
		if err := read(values[0], at); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func read(text string, at reflect.Value) (err error) {
	switch at.Kind() {
	case reflect.String:
		at.SetString(text)
	case reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(text); err == nil || text == "" {
			at.SetBool(b || text == "")
			return nil
		}
	case reflect.Int64, reflect.Int32:
		var n int64
		if n, err = strconv.ParseInt(text, 10, 64); err == nil {
			at.SetInt(n)
		}
	case reflect.Struct:
		if t, ok := at.Addr().Interface().(*metav1.Time); ok {
			t.Time, err = time.Parse(time.RFC3339, text)
		}
	default:
		err = fmt.Errorf("%s can't be read from a query", at.Type())
	}
	return err
}
