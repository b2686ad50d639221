package jenkins

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

// mostBuilds is how many of a job's builds the field builds has; allBuilds has all.
const mostBuilds = 100

// root is Jenkins itself.
func (s *server) root(c *call) bean {
	return bean{"hudson.model.Hudson", []field{
		has("mode", shallow, "NORMAL"), has("nodeDescription", shallow, "the Jenkins controller's built-in node"), has("nodeName", shallow, ""),
		has("numExecutors", shallow, 2), has("quietingDown", shallow, false), has("useCrumbs", shallow, true), has("useSecurity", shallow, len(s.o.Users) > 0),
		has("url", shallow, c.base),
		{"jobs", shallow, func() any { return s.children(c, "") }},
	}}
}

// children are the jobs and folders in a folder; "" is the root.
func (s *server) children(c *call, folder string) []bean {
	var out []bean
	seen := map[string]bool{}
	for _, p := range s.world.Pipelines("jenkins") {
		rest := p.Name
		if folder != "" {
			var ok bool
			if rest, ok = strings.CutPrefix(p.Name, folder+"/"); !ok {
				continue
			}
		}
		name, _, more := strings.Cut(rest, "/")
		switch full := path.Join(folder, name); {
		case !more:
			out = append(out, s.jobBean(c, p))
		case !seen[full]:
			seen[full] = true
			out = append(out, s.folder(c, full))
		}
	}
	return out
}

func (s *server) folder(c *call, name string) bean {
	return bean{"com.cloudbees.hudson.plugins.folder.Folder", []field{
		has("name", always, path.Base(name)), has("url", always, c.jobURL(name)),
		has("displayName", shallow, path.Base(name)), has("fullName", shallow, name), has("description", shallow, nil),
		{"jobs", shallow, func() any { return s.children(c, name) }},
	}}
}

func (c *call) jobURL(name string) string {
	var b strings.Builder
	b.WriteString(c.base)
	for one := range strings.SplitSeq(name, "/") {
		b.WriteString("job/" + url.PathEscape(one) + "/")
	}
	return b.String()
}

// began are the builds that have left the queue: one that was taken out of it
// never was a build.
func (s *server) began(b sandbox.Build) bool {
	return !s.world.Now().Before(b.Began) && (b.Ended.IsZero() || !b.Ended.Before(b.Began))
}

// buildsOf are a job's builds, newest first.
func (s *server) buildsOf(name string) []sandbox.Build {
	return slices.DeleteFunc(s.world.Builds(name), func(b sandbox.Build) bool { return !s.began(b) })
}

func (s *server) lastOf(name string) int {
	for _, b := range s.buildsOf(name) {
		return b.Number
	}
	return 0
}

func (s *server) jobBean(c *call, p sandbox.Pipeline) bean {
	builds := func(most int) func() any {
		return func() any {
			out := []bean{}
			for _, b := range s.buildsOf(p.Name) {
				if len(out) == most {
					break
				}
				out = append(out, s.buildBean(c, p, b))
			}
			return out
		}
	}
	last := func(which func(sandbox.Build) bool) func() any {
		return func() any {
			for _, b := range s.buildsOf(p.Name) {
				if which(b) {
					return s.buildBean(c, p, b)
				}
			}
			return nil
		}
	}
	queued := func() any {
		if in := s.queued(p.Name); len(in) > 0 {
			return s.item(c, p, in[0])
		}
		return nil
	}
	return bean{"org.jenkinsci.plugins.workflow.job.WorkflowJob", []field{
		has("name", always, path.Base(p.Name)), has("url", always, c.jobURL(p.Name)),
		{"color", nested, func() any { return s.color(p) }},
		has("displayName", shallow, path.Base(p.Name)), has("fullName", shallow, p.Name), has("fullDisplayName", shallow, strings.ReplaceAll(p.Name, "/", " » ")),
		has("description", shallow, nil), has("buildable", shallow, !p.Off), has("disabled", shallow, p.Off), has("concurrentBuild", shallow, true),
		{"inQueue", shallow, func() any { return len(s.queued(p.Name)) > 0 }},
		{"queueItem", shallow, queued},
		{"nextBuildNumber", shallow, func() any { return s.lastOf(p.Name) + 1 }},
		{"builds", shallow, builds(mostBuilds)},
		{"allBuilds", 0, builds(-1)},
		{"lastBuild", shallow, last(func(sandbox.Build) bool { return true })},
		{"lastCompletedBuild", shallow, last(func(b sandbox.Build) bool { return b.Done() })},
		has("property", shallow, properties(p)),
	}}
}

func (s *server) color(p sandbox.Pipeline) string {
	if p.Off {
		return "disabled"
	}
	colors := map[sandbox.State]string{sandbox.Passed: "blue", sandbox.Failed: "red", sandbox.Stopped: "aborted"}
	going := ""
	for _, b := range s.buildsOf(p.Name) {
		if b.Done() {
			return colors[b.State] + going
		}
		going = "_anime"
	}
	return "notbuilt" + going
}

// properties are where a job's parameters stand.
func properties(p sandbox.Pipeline) []bean {
	if len(p.Params) == 0 {
		return []bean{}
	}
	var defs []bean
	for _, param := range p.Params {
		defs = append(defs, definition(param))
	}
	return []bean{{"hudson.model.ParametersDefinitionProperty", []field{has("parameterDefinitions", always, defs)}}}
}

// typeOf is how Jenkins calls a kind of parameter.
func typeOf(p sandbox.Param) string {
	return map[string]string{
		"string": "String", "text": "Text", "boolean": "Boolean", "choice": "Choice", "password": "Password", "file": "File",
	}[p.Kind] + "ParameterDefinition"
}

func definition(p sandbox.Param) bean {
	b := bean{"hudson.model." + typeOf(p), []field{
		has("name", always, p.Name), has("type", always, typeOf(p)), has("description", always, p.Help),
	}}
	if p.Kind != "file" && p.Kind != "password" {
		b.fields = append(b.fields, has("defaultParameterValue", always, value(p, defaultOf(p))))
	}
	if p.Kind == "choice" {
		var all []any
		for _, c := range p.Choices {
			all = append(all, c)
		}
		b.fields = append(b.fields, has("choices", always, all))
	}
	return b
}

// defaultOf is a parameter's value where nobody gives one.
func defaultOf(p sandbox.Param) string {
	if p.Kind == "choice" && p.Default == "" && len(p.Choices) > 0 {
		return p.Choices[0]
	}
	return p.Default
}

// value is a parameter with its value; a password's is never told.
func value(p sandbox.Param, v string) bean {
	b := bean{"hudson.model." + strings.TrimSuffix(typeOf(p), "Definition") + "Value", []field{has("name", always, p.Name)}}
	switch p.Kind {
	case "password":
	case "boolean":
		b.fields = append(b.fields, has("value", always, v == "true"))
	default:
		b.fields = append(b.fields, has("value", always, v))
	}
	return b
}

// actions are what a build or a queue item was ordered with.
func actions(p sandbox.Pipeline, o sandbox.Order) []bean {
	cause := bean{"hudson.model.Cause$UserIdCause", []field{
		has("shortDescription", always, "Started by user "+o.By), has("userId", always, o.By), has("userName", always, o.By),
	}}
	out := []bean{{"hudson.model.CauseAction", []field{has("causes", always, []bean{cause})}}}
	var values []bean
	for _, param := range p.Params {
		if v, ok := o.Params[param.Name]; ok {
			values = append(values, value(param, v))
		}
	}
	if len(values) > 0 {
		out = append(out, bean{"hudson.model.ParametersAction", []field{has("parameters", always, values)}})
	}
	return out
}

func (s *server) buildBean(c *call, p sandbox.Pipeline, b sandbox.Build) bean {
	var result any
	if b.Done() {
		result = results(b.State)
	}
	took := int64(0)
	if b.Done() {
		took = b.Ended.Sub(b.Began).Milliseconds()
	}
	var note any
	if b.Note != "" {
		note = b.Note
	}
	name := fmt.Sprintf("#%d", b.Number)
	return bean{"org.jenkinsci.plugins.workflow.job.WorkflowRun", []field{
		has("number", nested, b.Number), has("url", nested, fmt.Sprintf("%s%d/", c.jobURL(p.Name), b.Number)),
		has("id", shallow, fmt.Sprint(b.Number)), has("displayName", shallow, name), has("fullDisplayName", shallow, strings.ReplaceAll(p.Name, "/", " » ")+" "+name),
		has("description", shallow, note), has("building", shallow, !b.Done()), has("inProgress", shallow, !b.Done()), has("result", shallow, result),
		has("timestamp", shallow, b.Began.UnixMilli()), has("duration", shallow, took), has("estimatedDuration", shallow, p.Usual().Milliseconds()),
		has("queueId", shallow, b.ID), has("keepLog", shallow, false), has("changeSets", shallow, changes(b)),
		{"actions", shallow, func() any { return append(actions(p, b.Order), happened(b)...) }},
	}}
}

func changes(b sandbox.Build) []bean {
	if b.Title == "" {
		return []bean{}
	}
	return []bean{{"hudson.plugins.git.GitChangeSetList", []field{
		has("kind", always, "git"),
		has("items", always, []bean{{"hudson.plugins.git.GitChangeSet", []field{has("commitId", always, b.Commit), has("msg", always, b.Title)}}}),
	}}}
}

// happened is what a build has come to know on its way: what was checked out, who
// let it go on, who stopped it.
func happened(b sandbox.Build) []bean {
	revision := bean{"hudson.plugins.git.Revision", []field{
		has("SHA1", always, b.Commit),
		has("branch", always, []bean{{"hudson.plugins.git.Branch", []field{has("SHA1", always, b.Commit), has("name", always, "refs/remotes/origin/"+b.Branch)}}}),
	}}
	out := []bean{{"hudson.plugins.git.util.BuildData", []field{has("lastBuiltRevision", always, revision)}}}
	for _, st := range b.Stages {
		switch {
		case st.Gate() == nil || st.By == "":
		case st.State == sandbox.Stopped:
			out = append(out, bean{"jenkins.model.InterruptedBuildAction", []field{has("causes", always, []bean{
				{"org.jenkinsci.plugins.workflow.support.steps.input.Rejection", []field{
					has("shortDescription", always, "Rejected by "+st.By),
					has("user", always, bean{"hudson.model.User", []field{has("id", always, st.By), has("fullName", always, st.By)}}),
				}},
			})}})
		default:
			out = append(out, bean{"org.jenkinsci.plugins.workflow.support.steps.input.ApproverAction", []field{has("userId", always, st.By)}})
		}
	}
	return append(out, bean{}) // actions that export nothing are there all the same
}

func results(s sandbox.State) string {
	return map[sandbox.State]string{sandbox.Passed: "SUCCESS", sandbox.Failed: "FAILURE", sandbox.Stopped: "ABORTED"}[s]
}

// queued are a job's orders that wait.
func (s *server) queued(name string) []sandbox.Build {
	now := s.world.Now()
	return slices.DeleteFunc(s.world.Builds(name), func(b sandbox.Build) bool { return b.Done() || !now.Before(b.Began) })
}

// queue are all that wait, the newest first.
func (s *server) queue(c *call) []bean {
	all := map[int]bean{}
	for _, p := range s.world.Pipelines("jenkins") {
		for _, b := range s.queued(p.Name) {
			all[b.ID] = s.item(c, p, b)
		}
	}
	out := []bean{}
	for _, id := range slices.Backward(slices.Sorted(maps.Keys(all))) {
		out = append(out, all[id])
	}
	return out
}

// item is an order in the queue, or one that has left it.
func (s *server) item(c *call, p sandbox.Pipeline, b sandbox.Build) bean {
	class, why := "hudson.model.Queue$LeftItem", any(nil)
	waits := !s.began(b) && !b.Done()
	if left := b.Began.Sub(s.world.Now()); waits {
		class, why = "hudson.model.Queue$WaitingItem", "In the quiet period. Expires in "+left.Round(100*time.Millisecond).String()
	}
	out := bean{class, []field{
		has("id", nested, b.ID), has("why", nested, why), has("blocked", nested, false), has("buildable", nested, false), has("stuck", nested, false),
		has("inQueueSince", nested, b.Queued.UnixMilli()), has("url", nested, fmt.Sprintf("queue/item/%d/", b.ID)),
		has("params", nested, said(p, b.Order)),
		{"task", nested, func() any { return s.jobBean(c, p) }},
		{"actions", nested, func() any { return actions(p, b.Order) }},
	}}
	if waits {
		out.fields = append(out.fields, has("timestamp", nested, b.Began.UnixMilli()))
		return out
	}
	var executable any
	if s.began(b) {
		executable = s.buildBean(c, p, b)
	}
	out.fields = append(out.fields, has("cancelled", nested, executable == nil), has("executable", nested, executable))
	return out
}

// said is an order's parameters in one string, a line each.
func said(p sandbox.Pipeline, o sandbox.Order) string {
	var b strings.Builder
	for _, param := range p.Params {
		v, ok := o.Params[param.Name]
		if param.Kind == "password" {
			v = "******"
		}
		if ok {
			b.WriteString("\n" + param.Name + "=" + v)
		}
	}
	return b.String()
}
