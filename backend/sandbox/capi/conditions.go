package capi

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// conditions are those of an object, as they become what they are.
type conditions struct {
	was        []metav1.Condition
	now        []metav1.Condition
	generation int64
	at         metav1.Time
}

func (c *conditions) set(kind string, status metav1.ConditionStatus, reason, message string) {
	one := metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: c.generation, LastTransitionTime: c.at}
	if old := find(c.was, kind); old != nil && old.Status == status {
		one.LastTransitionTime = old.LastTransitionTime
	}
	c.now = append(c.now, one)
}

// yes sets one that is good when it is true.
func (c *conditions) yes(kind string, on bool, good, bad, message string) {
	if on {
		c.set(kind, metav1.ConditionTrue, good, "")
		return
	}
	c.set(kind, metav1.ConditionFalse, bad, message)
}

// going sets one of something that goes on; without a message it does not.
func (c *conditions) going(kind, message string) {
	if message == "" {
		c.set(kind, metav1.ConditionFalse, "Not"+kind, "")
		return
	}
	c.set(kind, metav1.ConditionTrue, kind, message)
}

func find(all []metav1.Condition, kind string) *metav1.Condition {
	i := slices.IndexFunc(all, func(c metav1.Condition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &all[i]
}

func is(all []metav1.Condition, kind string) bool {
	c := find(all, kind)
	return c != nil && c.Status == metav1.ConditionTrue
}

// together sets the condition of all machines: that of each, under its name.
func (c *conditions) together(kind, of string, machines []*body, good, bad string) {
	if len(machines) == 0 {
		c.set(kind, metav1.ConditionTrue, "NoReplicas", "")
		return
	}
	said, by := []string{}, map[string][]string{}
	status, reason := metav1.ConditionTrue, good
	for _, m := range machines {
		one := find(m.status.Conditions, of)
		if one == nil || one.Status == metav1.ConditionTrue {
			continue
		}
		if status != metav1.ConditionFalse {
			status, reason = one.Status, map[metav1.ConditionStatus]string{metav1.ConditionFalse: bad, metav1.ConditionUnknown: good + "Unknown"}[one.Status]
		}
		if by[one.Message] == nil {
			said = append(said, one.Message)
		}
		by[one.Message] = append(by[one.Message], m.name)
	}
	var lines []string
	for _, message := range said {
		names, word := by[message], "Machine"
		if len(names) > 1 {
			word = "Machines"
		}
		if strings.HasPrefix(message, "*") {
			message = "\n  " + strings.ReplaceAll(message, "\n", "\n  ")
		} else if message != "" {
			message = " " + message
		}
		lines = append(lines, fmt.Sprintf("* %s %s:%s", word, listed(names, 3), message))
	}
	c.set(kind, status, reason, strings.Join(lines, "\n"))
}

// listed are names, the first few of them.
func listed(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return fmt.Sprintf("%s, ... (%d more)", strings.Join(names[:most], ", "), more)
	}
	return strings.Join(names, ", ")
}

func (p provider) clock() metav1.Time { return metav1.NewTime(p.world.Now().Truncate(time.Second)) }
