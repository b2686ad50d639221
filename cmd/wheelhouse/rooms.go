package main

import (
	"cmp"
	"slices"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/adapters/actuator"
	"wheelhouse/backend/adapters/argo"
	"wheelhouse/backend/adapters/capi"
	"wheelhouse/backend/adapters/elastic"
	"wheelhouse/backend/adapters/gitlab"
	"wheelhouse/backend/adapters/influx"
	"wheelhouse/backend/adapters/jenkins"
	"wheelhouse/backend/adapters/kube"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
	"wheelhouse/backend/machine"
	"wheelhouse/backend/service"
	"wheelhouse/backend/signal"
	"wheelhouse/backend/story"
	"wheelhouse/config"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
	"wheelhouse/views/breakers"
	"wheelhouse/views/clusters"
	"wheelhouse/views/home"
	"wheelhouse/views/logs"
	"wheelhouse/views/machines"
	"wheelhouse/views/metrics"
	"wheelhouse/views/namespaces"
	"wheelhouse/views/pipelines"
	"wheelhouse/views/pods"
	"wheelhouse/views/rollouts"
	"wheelhouse/views/workloads"
)

// This file is all that the console is made of: the domains with their nouns and
// verbs, the servers with their adapters, the views. What is new adds its lines
// here.

// actions is every verb of every domain.
func actions() []backend.Action {
	return slices.Concat(cluster.Actions(), delivery.Actions(), service.Actions(), machine.Actions())
}

// nouns is the vocabulary of references.
func nouns() backend.Nouns {
	return slices.Concat(cluster.Nouns(), delivery.Nouns(), service.Nouns(), machine.Nouns(), signal.Nouns())
}

// protocols are the kinds of systems that the configuration may name.
func protocols() []link.Protocol {
	return []link.Protocol{actuator.Protocol(), elastic.Protocol(), gitlab.Protocol(), influx.Protocol(), jenkins.Protocol()}
}

// systems are their names.
func systems() []string {
	var out []string
	for _, p := range protocols() {
		out = append(out, p.Name)
	}
	return out
}

// A room is what one adapter brings to a link: who acts on objects of its kinds
// and shows them, who reads what they log and measure, and what feeds from it.
type room struct {
	kinds []string // none: whatever no other room has
	backend.Actor
	backend.Details
	lines   backend.Lines   // nil: they log nothing
	logged  []string        // which of its kinds do; nil: all
	numbers backend.Numbers // nil: nothing of them is measured
	plug    []func(on bool)
}

// furnish makes the rooms of a link.
func furnish(l *link.Link, f *feed.Set, conf config.Config) []room {
	switch l.Protocol() {
	case actuator.Protocol().Name:
		breakers := actuator.New(l, actuator.ByURL(l))
		return []room{{kinds: kindsOf(service.Nouns()), Actor: breakers, Details: breakers, plug: plugs(fed(f, l, breakers.Breakers()))}}
	case elastic.Protocol().Name:
		logs := elastic.New(l)
		return []room{{kinds: []string{signal.KindStream}, Details: logs, lines: logs, plug: plugs(fed(f, l, logs.Streams()))}}
	case influx.Protocol().Name:
		measured := influx.New(l, measuredOn(l.Alias(), conf))
		return []room{{kinds: []string{signal.KindMetric}, Details: measured, numbers: measured, plug: plugs(fed(f, l, measured.Metrics()))}}
	case jenkins.Protocol().Name:
		builds := jenkins.New(l)
		return building(builds, fed(f, l, builds.Pipelines()), fed(f, l, builds.Builds()))
	case gitlab.Protocol().Name:
		builds := gitlab.New(l)
		return building(builds, fed(f, l, builds.Pipelines()), fed(f, l, builds.Builds()))
	case link.Kubernetes().Name:
		api := kubeapi.New(l)
		rollouts, machines, own := argo.New(api), capi.New(api), kube.New(api)
		breakers := actuator.New(l, actuator.InPods(api, actuator.Where(conf.Actuators)))
		return []room{
			{kinds: []string{delivery.KindRollout}, Actor: rollouts, Details: rollouts, lines: own, plug: plugs(fed(f, l, rollouts.Rollouts()), fed(f, l, rollouts.Revisions()))},
			{kinds: kindsOf(service.Nouns()), Actor: breakers, Details: breakers, plug: plugs(fed(f, l, breakers.Breakers()))},
			{kinds: kindsOf(machine.Nouns()), Actor: machines, Details: machines, plug: plugs(fed(f, l, machines.Pools()), fed(f, l, machines.Machines()))},
			{
				Actor: own, Details: own, lines: own, logged: kube.Logged(),
				plug: plugs(fed(f, l, own.Pods()), fed(f, l, own.Workloads()), fed(f, l, own.Namespaces()), fed(f, l, own.Usage())),
			},
		}
	}
	return nil
}

// A builder is the adapter for a system that builds.
type builder interface {
	backend.Actor
	backend.Details
	backend.Lines
}

// building is its room.
func building(b builder, plug ...func(on bool)) []room {
	kinds := []string{delivery.KindPipeline, delivery.KindBuild}
	return []room{{kinds: kinds, Actor: b, Details: b, lines: b, logged: kinds[1:], plug: plug}}
}

func kindsOf(all backend.Nouns) (kinds []string) {
	for _, n := range all {
		kinds = append(kinds, n.Kind)
	}
	return kinds
}

// measuredOn is what the configuration says of an InfluxDB.
func measuredOn(alias string, conf config.Config) influx.Options {
	var o influx.Options
	for _, s := range conf.Systems {
		if s.Kind == influx.Protocol().Name && cmp.Or(s.Alias, s.Kind) == alias {
			o.Org, o.Buckets = s.Org, s.Buckets
		}
	}
	for _, c := range conf.Charts {
		if c.Link == "" || c.Link == alias {
			o.Charts = append(o.Charts, influx.Chart{Name: c.Name, Unit: c.Unit, Query: c.Query})
		}
	}
	return o
}

func plugs(all ...func(on bool)) []func(on bool) { return all }

// fed attaches a source to the feed of its noun, or detaches it.
func fed[T backend.Object](f *feed.Set, l *link.Link, src backend.Source[T]) func(on bool) {
	return func(on bool) {
		if on {
			feed.Of[T](f).Attach(l.Alias(), src)
		} else {
			feed.Of[T](f).Detach(l.Alias())
		}
	}
}

// An outlook is what views see besides the feeds.
type outlook struct {
	links   ui.Links
	lists   list.Shared
	logs    logs.Options
	numbers func(link string) metrics.Read // nil where nothing is measured
}

// views are all of them, in the order of the palette.
func views(f *feed.Set, o outlook) []ui.Opener {
	book := story.New(f, func(alias string) backend.Ref { return cluster.Cluster{Link: alias}.Ref() })
	story.Add(book, feed.Of[cluster.Cluster](f), false)
	story.Add(book, feed.Of[cluster.Workload](f), true)
	story.Add(book, feed.Of[cluster.Pod](f), true)
	story.Add(book, feed.Of[delivery.Pipeline](f), false)
	story.Add(book, feed.Of[delivery.Build](f), false)
	story.Add(book, feed.Of[delivery.Rollout](f), true)
	story.Add(book, feed.Of[delivery.Revision](f), true)
	story.Add(book, feed.Of[service.Breaker](f), true)
	story.Add(book, feed.Of[machine.Pool](f), true)
	story.Add(book, feed.Of[machine.Machine](f), true)
	story.Add(book, feed.Of[signal.Stream](f), false)
	return slices.Concat(
		[]ui.Opener{home.Opener(book, lead, o.lists), pods.Opener(feed.Of[cluster.Pod](f), feed.Of[cluster.Usage](f), o.lists)},
		workloads.Openers(feed.Of[cluster.Workload](f), o.lists),
		[]ui.Opener{
			rollouts.Opener(feed.Of[delivery.Rollout](f), feed.Of[delivery.Revision](f), o.lists),
		},
		pipelines.Openers(feed.Of[delivery.Pipeline](f), feed.Of[delivery.Build](f), o.lists),
		breakers.Openers(feed.Of[service.Breaker](f), o.lists),
		logs.Openers(o.logs, feed.Of[signal.Stream](f), o.lists),
		machines.Openers(feed.Of[machine.Pool](f), feed.Of[machine.Machine](f), o.lists),
		[]ui.Opener{
			metrics.Opener(feed.Of[signal.Metric](f), o.numbers, o.lists),
			namespaces.Opener(feed.Of[cluster.Namespace](f), o.lists),
			clusters.Opener(feed.Of[cluster.Cluster](f), o.links, o.lists),
		},
	)
}

// lead is the ':' line that shows an object among its like.
func lead(r backend.Ref) string {
	view := "workloads"
	switch r.Kind {
	case cluster.KindCluster:
		return "clusters /" + r.Name
	case cluster.KindPod:
		view = "pods"
	case delivery.KindPipeline:
		return "pipelines @" + r.Link
	case delivery.KindBuild:
		return "builds @" + r.Link + " /pipeline:=" + table.Quoted(r.Scope)
	case signal.KindStream:
		return "streams @" + r.Link
	case delivery.KindRollout:
		view = "rollouts"
	case service.KindBreaker:
		view = "breakers"
	case signal.KindMetric:
		view = "metrics"
	case machine.KindMachine:
		view = "machines"
	case machine.KindDeployment, machine.KindPool, machine.KindControlPlane:
		view = "pools"
	}
	scope := strings.TrimPrefix(r.Scope, service.NoScope)
	return view + " " + scope + " @" + r.Link + " /" + strings.ReplaceAll(r.Name, ".", " ")
}
