package jenkins

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"wheelhouse/backend/sandbox"
)

// mostRuns is how many runs wfapi tells of at once.
const mostRuns = 10

// runs are the newest builds with their stages, down to the one called since.
func (s *server) runs(c *call, p sandbox.Pipeline) bool {
	if s.o.NoStages {
		return false
	}
	out := []any{}
	for _, b := range s.buildsOf(p.Name) {
		if len(out) == mostRuns {
			break
		}
		out = append(out, s.describe(p, b))
		if since := c.FormValue("since"); since != "" && since == fmt.Sprintf("#%d", b.Number) {
			break
		}
	}
	c.json(out)
	return true
}

// wfapi answers what Pipeline Stage View says of a build.
func (s *server) wfapi(c *call, p sandbox.Pipeline, b sandbox.Build, what string) bool {
	switch what {
	case "describe":
		c.json(s.describe(p, b))
	case "pendingInputActions":
		out := []any{}
		for _, st := range waiting(b) {
			out = append(out, s.pending(p, b, st))
		}
		c.json(out)
	case "nextPendingInputAction":
		var next any
		for _, st := range waiting(b) {
			next = s.pending(p, b, st)
			break
		}
		c.json(next)
	case "inputSubmit":
		return s.input(c, p, b, c.FormValue("inputId"), what)
	default:
		return false
	}
	return true
}

func statusOf(s sandbox.State) string {
	return map[sandbox.State]string{
		sandbox.Created: "NOT_EXECUTED", sandbox.Running: "IN_PROGRESS", sandbox.Waiting: "PAUSED_PENDING_INPUT",
		sandbox.Passed: "SUCCESS", sandbox.Failed: "FAILED", sandbox.Stopped: "ABORTED",
	}[s]
}

func (s *server) describe(p sandbox.Pipeline, b sandbox.Build) map[string]any {
	now := s.world.Now()
	took := func(from, to time.Time) int64 {
		if to.IsZero() {
			to = now
		}
		return to.Sub(from).Milliseconds()
	}
	stages := []any{}
	for i, st := range b.Stages {
		if st.Began.IsZero() { // not reached: not told of
			break
		}
		paused := int64(0)
		if st.State == sandbox.Waiting {
			paused = took(st.Began, st.Ended)
		}
		id := fmt.Sprint(6 + 10*i)
		stages = append(stages, map[string]any{
			"_links": link(fmt.Sprintf("%s%d/execution/node/%s/wfapi/describe", jobPath(p), b.Number, id)),
			"id":     id, "name": st.Name, "execNode": "", "status": statusOf(st.State),
			"startTimeMillis": st.Began.UnixMilli(), "durationMillis": took(st.Began, st.Ended), "pauseDurationMillis": paused,
		})
	}
	end := b.Ended
	if end.IsZero() {
		end = now
	}
	return map[string]any{
		"_links": link(fmt.Sprintf("%s%d/wfapi/describe", jobPath(p), b.Number)),
		"id":     fmt.Sprint(b.Number), "name": fmt.Sprintf("#%d", b.Number), "status": statusOf(b.State),
		"startTimeMillis": b.Began.UnixMilli(), "endTimeMillis": end.UnixMilli(), "durationMillis": took(b.Began, b.Ended),
		"queueDurationMillis": 0, "pauseDurationMillis": 0, "stages": stages,
	}
}

func link(href string) map[string]any { return map[string]any{"self": map[string]any{"href": href}} }

// jobPath is where a job is below the server's root.
func jobPath(p sandbox.Pipeline) string {
	var b strings.Builder
	for one := range strings.SplitSeq(p.Name, "/") {
		b.WriteString("/job/" + url.PathEscape(one))
	}
	return b.String() + "/"
}

// waiting are the stages that wait for somebody.
func waiting(b sandbox.Build) []sandbox.Stage {
	return slices.DeleteFunc(slices.Clone(b.Stages), func(st sandbox.Stage) bool { return st.State != sandbox.Waiting })
}

// inputID is an input's: its stage's, whose first letter becomes a capital, as
// everybody's does.
func inputID(st sandbox.Stage) string {
	r := []rune(st.Name)
	r[0] = unicode.ToUpper(r[0])
	return string(r)
}

func (s *server) pending(p sandbox.Pipeline, b sandbox.Build, st sandbox.Stage) map[string]any {
	inputs := []any{}
	for _, param := range st.Gate().Params {
		def := map[string]any{}
		switch param.Kind {
		case "boolean":
			def["defaultVal"] = param.Default == "true"
		case "choice":
			def["defaultVal"], def["choices"] = defaultOf(param), param.Choices
		case "password": // told encrypted, which is as good as not
			def["defaultVal"] = ""
		default:
			def["defaultVal"] = param.Default
		}
		inputs = append(inputs, map[string]any{"type": typeOf(param), "name": param.Name, "description": param.Help, "definition": def})
	}
	at := fmt.Sprintf("%s%d/", jobPath(p), b.Number)
	id := inputID(st)
	return map[string]any{
		"id": id, "proceedText": "Proceed", "message": st.Gate().Message, "inputs": inputs,
		"proceedUrl": at + "wfapi/inputSubmit?inputId=" + url.QueryEscape(id), "abortUrl": at + "input/" + url.PathEscape(id) + "/abort",
		"redirectApprovalUrl": at + "input/",
	}
}

// input answers an input. One that was answered is not there any more: 404 below
// input/, and an exception, which is 500, in wfapi.
func (s *server) input(c *call, p sandbox.Pipeline, b sandbox.Build, id, verb string) bool {
	if !c.posted() {
		return true
	}
	all := waiting(b)
	i := slices.IndexFunc(all, func(st sandbox.Stage) bool { return inputID(st) == id })
	if i < 0 {
		if verb == "inputSubmit" {
			c.page(http.StatusInternalServerError, "Error processing Input Submit request. This Run instance does not have an Input with an ID of '"+id+"'.")
			return true
		}
		return false
	}
	st, args := all[i], map[string]string{}
	switch verb {
	case "abort", "proceedEmpty":
	case "proceed", "inputSubmit":
		given, err := submitted(c.FormValue("json"))
		if err != nil {
			c.page(http.StatusInternalServerError, err.Error())
			return true
		}
		for _, param := range st.Gate().Params {
			if v, ok := given[param.Name]; ok {
				args[param.Name] = v
			}
		}
	default:
		return false
	}
	if s.world.Answer(p.Name, b.Number, st.Name, c.user, verb != "abort", args) != nil {
		c.page(http.StatusBadRequest, "This input has been already given")
		return true
	}
	c.WriteHeader(http.StatusOK)
	return true
}
