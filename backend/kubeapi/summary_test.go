package kubeapi

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestNewsOfOneSecond: what came in one second stands in the order in which it was
// written.
func TestNewsOfOneSecond(t *testing.T) {
	at := metav1.NewTime(time.Now().Truncate(time.Second))
	var all []corev1.Event
	for _, e := range [][2]string{{"Created", "1001"}, {"Scheduled", "98"}, {"Pulled", "1000"}, {"Started", "1002"}} {
		all = append(all, corev1.Event{ObjectMeta: metav1.ObjectMeta{ResourceVersion: e[1]}, Reason: e[0], LastTimestamp: at})
	}
	s := &Summary{}
	s.news("", all, nil)
	var got []string
	for _, l := range s.Lines {
		got = append(got, strings.TrimSpace(l.Text.Safe()))
	}
	if want := "Started Created Pulled Scheduled"; strings.Join(got, " ") != want {
		t.Errorf("got %v, not %s", got, want)
	}
}
