package argo

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

// ask answers a query in Flux as the company's InfluxDB would, as far as templates
// here ask: for one field of http_requests of one version of a service, the average
// over the last while.
func ask(w *sandbox.World, query string) (float64, error) {
	want := func(tag string) string {
		m := regexp.MustCompile(`r\.` + tag + ` == (?:"([^"]*)"|strings\.split\(v: "([^"]*)", t: ":"\)\[1\])`).FindStringSubmatch(query)
		if m == nil {
			return ""
		}
		if _, tag, ok := strings.Cut(m[2], ":"); ok {
			return tag
		}
		return m[1]
	}
	if want("_measurement") != "http_requests" || want("service") == "" {
		return 0, errors.New("no results returned from flux query")
	}
	rate := w.Rate(want("service"), want("version"))
	if rate.Up == 0 || rate.Calls == 0 {
		return 0, errors.New("no results returned from flux query")
	}
	var value float64
	switch want("_field") {
	case "rate":
		value = rate.Calls
	case "errors":
		value = 100 * rate.Failing
	case "mean":
		value = float64(rate.Takes) / float64(time.Millisecond)
	default:
		return 0, errors.New("no results returned from flux query")
	}
	if m := regexp.MustCompile(`_value: ([0-9.]+) - r\._value`).FindStringSubmatch(query); m != nil {
		of, _ := strconv.ParseFloat(m[1], 64)
		value = of - value
	}
	return value, nil
}

// assess is what a value comes to by the conditions of a metric.
func (m *metric) assess(value float64) (string, error) {
	good, err := holds(m.SuccessCondition, value)
	if err != nil {
		return "", err
	}
	bad, err := holds(m.FailureCondition, value)
	if err != nil {
		return "", err
	}
	switch {
	case m.SuccessCondition == "" && m.FailureCondition == "":
		return successful, nil
	case m.FailureCondition == "":
		bad = !good
	case m.SuccessCondition == "":
		good = !bad
	}
	switch {
	case bad:
		return failed, nil
	case !good:
		return inconclusively, nil
	}
	return successful, nil
}

// holds says whether a condition is true of a value: comparisons of result[0] with
// numbers, put together by && and ||.
func holds(condition string, value float64) (bool, error) {
	for one := range strings.SplitSeq(condition, "||") {
		all := strings.TrimSpace(one) != ""
		for part := range strings.SplitSeq(one, "&&") {
			if strings.TrimSpace(condition) == "" {
				continue
			}
			ok, err := compare(part, value)
			if err != nil {
				return false, err
			}
			all = all && ok
		}
		if all {
			return true, nil
		}
	}
	return false, nil
}

func compare(text string, value float64) (bool, error) {
	m := regexp.MustCompile(`^\s*\(?\s*(result\[0\]|len\(result\))\s*(>=|<=|==|!=|>|<)\s*([0-9.]+)\s*\)?\s*$`).FindStringSubmatch(text)
	if m == nil {
		return false, fmt.Errorf("unexpected token in condition %q", strings.TrimSpace(text))
	}
	if m[1] == "len(result)" {
		value = 1
	}
	with, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return false, fmt.Errorf("bad number in condition %q", strings.TrimSpace(text))
	}
	switch m[2] {
	case ">=":
		return value >= with, nil
	case "<=":
		return value <= with, nil
	case ">":
		return value > with, nil
	case "<":
		return value < with, nil
	case "==":
		return value == with, nil
	}
	return value != with, nil
}
