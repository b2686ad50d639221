package main

import (
	"slices"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/adapters/actuator"
	"wheelhouse/backend/adapters/argo"
	"wheelhouse/backend/adapters/capi"
	"wheelhouse/backend/adapters/gitlab"
	"wheelhouse/backend/adapters/kube"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
	"wheelhouse/backend/machine"
	"wheelhouse/backend/service"
	"wheelhouse/backend/story"
	"wheelhouse/config"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/views/breakers"
	"wheelhouse/views/clusters"
	"wheelhouse/views/home"
	"wheelhouse/views/machines"
	"wheelhouse/views/namespaces"
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
	return slices.Concat(cluster.Nouns(), delivery.Nouns(), service.Nouns(), machine.Nouns())
}

// protocols are the kinds of systems that the configuration may name.
func protocols() []link.Protocol {
	return []link.Protocol{actuator.Protocol(), gitlab.Protocol()}
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
	kinds backend.Nouns // none: whatever no other room has
	backend.Actor
	backend.Details
	lines   backend.Lines   // nil: they log nothing
	numbers backend.Numbers // nil: nothing of them is measured
	plug    []func(on bool)
}

// furnish makes the rooms of a link.
func furnish(l *link.Link, f *feed.Set, conf config.Config) []room {
	switch l.Protocol() {
	case actuator.Protocol().Name:
		breakers := actuator.New(l, actuator.ByURL(l))
		return []room{{kinds: service.Nouns(), Actor: breakers, Details: breakers, plug: plugs(fed(f, l, breakers.Breakers()))}}
	case gitlab.Protocol().Name:
		builds := gitlab.New(l)
		return []room{{
			kinds: backend.Nouns{{Kind: delivery.KindPipeline}, {Kind: delivery.KindBuild}}, Actor: builds, Details: builds, lines: builds,
			plug: plugs(fed(f, l, builds.Pipelines()), fed(f, l, builds.Builds())),
		}}
	case link.Kubernetes().Name:
		api := kubeapi.New(l)
		rollouts, machines, own := argo.New(api), capi.New(api), kube.New(api)
		breakers := actuator.New(l, actuator.InPods(api, actuator.Where(conf.Actuators)))
		return []room{
			{kinds: delivery.Nouns(), Actor: rollouts, Details: rollouts, plug: plugs(fed(f, l, rollouts.Rollouts()), fed(f, l, rollouts.Revisions()))},
			{kinds: service.Nouns(), Actor: breakers, Details: breakers, plug: plugs(fed(f, l, breakers.Breakers()))},
			{kinds: machine.Nouns(), Actor: machines, Details: machines, plug: plugs(fed(f, l, machines.Pools()), fed(f, l, machines.Machines()))},
			{Actor: own, Details: own, plug: plugs(fed(f, l, own.Pods()), fed(f, l, own.Workloads()), fed(f, l, own.Namespaces()))},
		}
	}
	return nil
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

// views are all of them, in the order of the palette.
func views(f *feed.Set, links ui.Links, shared list.Shared) []ui.Opener {
	book := story.New(f)
	story.Add(book, feed.Of[cluster.Cluster](f))
	story.Add(book, feed.Of[cluster.Workload](f))
	story.Add(book, feed.Of[cluster.Pod](f))
	story.Add(book, feed.Of[delivery.Rollout](f))
	story.Add(book, feed.Of[delivery.Revision](f))
	story.Add(book, feed.Of[service.Breaker](f))
	story.Add(book, feed.Of[machine.Pool](f))
	story.Add(book, feed.Of[machine.Machine](f))
	return slices.Concat(
		[]ui.Opener{home.Opener(book, lead, shared), pods.Opener(feed.Of[cluster.Pod](f), shared)},
		workloads.Openers(feed.Of[cluster.Workload](f), shared),
		[]ui.Opener{
			rollouts.Opener(feed.Of[delivery.Rollout](f), feed.Of[delivery.Revision](f), shared),
		},
		breakers.Openers(feed.Of[service.Breaker](f), shared),
		machines.Openers(feed.Of[machine.Pool](f), feed.Of[machine.Machine](f), shared),
		[]ui.Opener{
			namespaces.Opener(feed.Of[cluster.Namespace](f), shared),
			clusters.Opener(feed.Of[cluster.Cluster](f), links, shared),
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
	case delivery.KindRollout:
		view = "rollouts"
	case service.KindBreaker:
		view = "breakers"
	case machine.KindMachine:
		view = "machines"
	case machine.KindDeployment, machine.KindPool, machine.KindControlPlane:
		view = "pools"
	}
	scope := strings.TrimPrefix(r.Scope, service.NoScope)
	return view + " " + scope + " @" + r.Link + " /" + strings.ReplaceAll(r.Name, ".", " ")
}
