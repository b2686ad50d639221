package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/machine"
	"wheelhouse/backend/service"
	"wheelhouse/backend/signal"
	"wheelhouse/ui"
)

// seconds is a moment before rigNow, as rows keep it.
func seconds(ago time.Duration) int64 { return rigNow().Add(-ago).Unix() }

// live is the health of what is up to date.
func live() backend.Health {
	return backend.Health{State: backend.Live, Since: rigNow().Add(-3 * time.Hour), Latency: 12 * time.Millisecond}
}

// ofLink makes the part that a link's rows of a kind come in.
func ofLink(link string) backend.Part { return backend.Part{Link: link} }

// load puts rows into the feed of their noun as the whole of a part.
func load[T backend.Object](s *feed.Set, part backend.Part, h backend.Health, rows ...T) {
	f := feed.Of[T](s)
	l := f.Begin(part)
	l.Put(rows...)
	l.Synced()
	f.Health(part, h)
}

// somePods are pods in every state that a person meets.
func somePods(link string) []cluster.Pod {
	pod := func(namespace, name, state, why string, level backend.Level, ready, of uint16, restarts int32, age time.Duration) cluster.Pod {
		return cluster.Pod{
			Link: link, Namespace: namespace, Name: name, UID: "8b6c-" + link + "-" + name, State: state, Detail: why, Level: level,
			Ready: ready, Containers: of, Restarts: restarts, Created: seconds(age),
			Node: "ip-10-0-31-7.eu-west-1", IP: "10.0.31.117", Owner: "replicaset.apps/checkout-7d9f5c", Image: "registry.example.com/shop/checkout:1.42.0",
		}
	}
	pending := pod("shop", "checkout-7d9f5c-zz81k", "Pending", "no node takes it", backend.Warning, 0, 2, 0, 4*time.Minute)
	pending.Node, pending.IP = "", ""
	return []cluster.Pod{
		pod("shop", "checkout-7d9f5c-x2x4k", "Running", "", backend.Good, 2, 2, 0, 3*time.Hour),
		pod("shop", "checkout-7d9f5c-m9qpt", "CrashLoopBackOff", "app: exit 137 OOMKilled", backend.Critical, 1, 2, 41, 3*time.Hour),
		pending,
		pod("shop", "cart-0", "Terminating", "", backend.Moving, 1, 1, 0, 49*time.Hour),
		pod("shop", "catalogue-import-28519200-hk2wd", "Completed", "", backend.Idle, 0, 1, 0, 26*time.Hour),
		pod("shop", "payments-gateway-with-a-very-long-name-6c8b9d7f5-qrs7t", "ImagePullBackOff", "", backend.Critical, 0, 1, 0, 70*time.Second),
		pod("search", "indexer-5f6b8-j4x2p", "Init:1/3", "", backend.Moving, 0, 1, 0, 12*time.Second),
		pod("search", "query-2", "Running", "proxy: exit 1", backend.Warning, 1, 2, 3, 12*24*time.Hour),
		pod("kube-system", "coredns-6f6b679f8f-2xk9d", "Running", "", backend.Good, 1, 1, 1, 412*24*time.Hour),
	}
}

// someWorkloads are workloads of every kind and state.
func someWorkloads(link string) []cluster.Workload {
	workload := func(kind, namespace, name, state string, level backend.Level, desired, ready int32, owner string) cluster.Workload {
		return cluster.Workload{
			Link: link, Namespace: namespace, Name: name, UID: "1d2e-" + link + "-" + name, Kind: kind, State: state, Level: level, Owner: owner,
			Desired: desired, Ready: ready, Updated: ready, Available: ready, Created: seconds(90 * 24 * time.Hour),
			Image: "registry.example.com/" + namespace + "/" + name + ":1.42.0",
		}
	}
	return []cluster.Workload{
		workload(cluster.KindDeployment, "shop", "checkout", "Degraded", backend.Warning, 3, 2, "Argo CD"),
		workload(cluster.KindDeployment, "shop", "frontend", "Available", backend.Good, 12, 12, "Helm"),
		workload(cluster.KindDeployment, "shop", "payments-gateway", "Stalled", backend.Critical, 4, 0, ""),
		workload(cluster.KindDeployment, "search", "indexer", "Progressing", backend.Moving, 1200, 873, ""),
		workload(cluster.KindDeployment, "search", "old-query", "ScaledDown", backend.Idle, 0, 0, "Helm"),
		workload(cluster.KindDeployment, "search", "ranking", "Paused", backend.Waiting, 2, 2, ""),
		workload(cluster.KindStatefulSet, "shop", "cart", "Available", backend.Good, 3, 3, "Helm"),
		workload(cluster.KindStatefulSet, "search", "query", "Degraded", backend.Critical, 3, 0, ""),
		workload(cluster.KindDaemonSet, "kube-system", "node-exporter", "Available", backend.Good, 57, 57, "Helm"),
		workload(cluster.KindDaemonSet, "kube-system", "kube-proxy", "Degraded", backend.Warning, 57, 55, ""),
	}
}

// someNamespaces are namespaces that are there, and one that goes.
func someNamespaces(link string) []cluster.Namespace {
	var all []cluster.Namespace
	for i, name := range []string{"default", "kube-system", "monitoring", "search", "shop"} {
		all = append(all, cluster.Namespace{Link: link, Name: name, UID: "77-" + link + "-" + name, State: "Active", Level: backend.Good, Created: seconds(time.Duration(i*i*30+1) * time.Hour)})
	}
	all = append(all, cluster.Namespace{Link: link, Name: "preview-pr-1842", UID: "78-" + link, State: "Terminating", Level: backend.Moving, Created: seconds(40 * time.Minute)})
	return all
}

// someRollouts are rollouts in every state, with their revisions.
func someRollouts(link string) (all []delivery.Rollout, revisions []delivery.Revision) {
	add := func(name, state, why string, level backend.Level, step, weight int16, verdict string, stable, current int32) {
		r := delivery.Rollout{
			Link: link, Namespace: "shop", Name: name, UID: "55-" + link + "-" + name, Strategy: "Canary", State: state, Detail: why, Level: level,
			Steps: "5% pause:2m 20% analysis 50% pause 100%", Step: step, Weight: weight, Verdict: verdict, Stable: "5d56fcf9c4", Current: "84b7578579",
			Image: "registry.example.com/shop/" + name + ":2.5.0", Created: seconds(90 * 24 * time.Hour), Desired: stable + current, Ready: stable + current,
		}
		if level == backend.Waiting {
			r.Paused = seconds(4 * time.Minute)
		}
		if current == 0 {
			r.Current = r.Stable
		}
		all = append(all, r)
		for hash, n := range map[string]int32{r.Stable: stable, r.Current: cmp.Or(current, stable)} {
			tag := "2.4.0"
			if hash != r.Stable {
				tag = "2.5.0"
			}
			revisions = append(revisions, delivery.Revision{
				Link: link, Namespace: "shop", Name: name + "-" + hash, Image: "registry.example.com/shop/" + name + ":" + tag, Desired: n, Ready: n - 1,
			})
		}
	}
	add("checkout", "Paused", "InconclusiveAnalysisRun", backend.Waiting, 3, 20, "Inconclusive", 8, 2)
	add("cart", "Healthy", "", backend.Good, 7, -1, "Successful", 6, 0)
	add("payments", "Aborted", "RolloutAborted: metric \"success-rate\" assessed Failed", backend.Critical, 0, 0, "Failed", 4, 1)
	add("search", "Progressing", "more replicas need to be updated", backend.Moving, 4, 50, "", 12, 12)
	return all, revisions
}

// someBreakers are breakers in every state, together and on each instance.
func someBreakers(link string) (all []service.Breaker) {
	add := func(svc, name, states string, failure float32, refused int32, change string, ago time.Duration) {
		b := service.Breaker{
			Link: link, Scope: "shop", Service: svc, Name: name, States: states, Failure: failure, FailureLimit: 50, SlowLimit: 100, Slow: max(failure, 0) / 10,
			Calls: 100, Failed: max(0, int32(failure)), Refused: refused, Last: change,
		}
		if change != "" {
			b.Changed = seconds(ago)
		}
		all = append(all, b)
		for i, state := range strings.Fields(states) {
			one := b
			one.States, one.Instance = state, fmt.Sprintf("%s-7d9f5c-%05d", svc, i)
			all = append(all, one)
		}
	}
	add("payments", "bank", "OPEN OPEN OPEN", 71, 412, "CLOSED_TO_OPEN", 3*time.Minute)
	add("checkout", "payments", "CLOSED HALF_OPEN CLOSED", 12, 0, "OPEN_TO_HALF_OPEN", 4*time.Second)
	add("checkout", "catalogue", "CLOSED CLOSED CLOSED", 0, 0, "", 0)
	add("search", "catalogue", "FORCED_OPEN CLOSED", -1, 3, "CLOSED_TO_FORCED_OPEN", 26*time.Hour)
	all = append(all, service.Breaker{Link: link, Scope: "shop", Service: "legacy", Name: "?", Silent: 1, Failure: -1, Slow: -1, Detail: "legacy-0: The login to pod legacy-0 is not good."})
	return all
}

// somePools are pools in several states, and the machines of one of them.
func somePools(link string) (pools []machine.Pool, machines []machine.Machine) {
	add := func(kind, name, state, detail string, level backend.Level, desired, ready int32) {
		pools = append(pools, machine.Pool{
			Link: link, Kind: kind, Namespace: "metal", Name: name, UID: "p-" + name, Cluster: "idc-bj", Version: "v1.36.0", State: state, Detail: detail, Level: level,
			Desired: desired, Replicas: desired, Ready: ready, UpToDate: ready, Available: ready, Created: seconds(40 * 24 * time.Hour),
		})
	}
	add(machine.KindControlPlane, "idc-bj", "Available", "", backend.Good, 3, 3)
	add(machine.KindDeployment, "idc-bj-workers", "Scaling up", "Scaling up from 3 to 5 replicas", backend.Moving, 5, 3)
	add(machine.KindDeployment, "idc-bj-gpu", "Unavailable", "0 available replicas, at least 1 required", backend.Critical, 1, 0)
	add(machine.KindPool, "spot", "Paused", "", backend.Waiting, 8, 8)
	for i, m := range []machine.Machine{
		{State: "Running", Node: "cn-bj-07", Level: backend.Good},
		{State: "Running", Node: "cn-bj-08", Level: backend.Critical, Detail: "Node Ready: NodeStatusUnknown, kubelet stopped posting node status"},
		{State: "Deleting", Node: "cn-bj-09", Level: backend.Moving, Detail: "Drain not completed yet: pod shop/db-0 can't be evicted (PDB)"},
		{State: "Provisioning", Level: backend.Moving, Detail: "waiting for infrastructure"},
		{State: "Pending", Level: backend.Moving},
	} {
		m.Link, m.Namespace, m.Cluster, m.Pool, m.Version, m.Zone = link, "metal", "idc-bj", "idc-bj-workers", "v1.36.0", "b"
		m.Name, m.Created = fmt.Sprintf("idc-bj-workers-x2x4k-%05d", i), seconds(time.Duration(5-i)*time.Hour)
		machines = append(machines, m)
	}
	return pools, machines
}

// someBuilds are builds in every state, and the pipelines that made them.
func someBuilds(link string) (pipelines []delivery.Pipeline, builds []delivery.Build) {
	stage := func(name, state string, seconds int32) delivery.Stage {
		return delivery.Stage{Name: name, State: state, Seconds: seconds}
	}
	add := func(pipeline, number, state, detail, by string, began, took time.Duration, stages ...delivery.Stage) {
		b := delivery.Build{
			Link: link, Pipeline: pipeline, Number: number, Branch: "main", Commit: "3f2a9c1d0e", Title: "cache carts in memory", By: by,
			State: state, Detail: detail, Queued: seconds(began), Began: seconds(began), Usual: 185, Stages: delivery.PackStages(stages),
		}
		switch state {
		case delivery.Queued:
			b.Began = 0
		case delivery.Running, delivery.Waiting:
		default:
			b.Ended = b.Began + int64(took.Seconds())
		}
		builds = append(builds, b)
		if len(pipelines) == 0 || pipelines[len(pipelines)-1].Name != pipeline {
			pipelines = append(pipelines, delivery.Pipeline{Link: link, Name: pipeline, Branch: "main", Last: number, State: state, Began: b.Began})
		}
	}
	add("shop/checkout", "812", delivery.Running, "", "mlin", 160*time.Second, 0,
		stage("compile", delivery.Passed, 41), stage("unit", delivery.Passed, 58), stage("image", delivery.Running, 20), stage("deploy", delivery.Queued, 0))
	add("shop/checkout", "811", delivery.Passed, "", "mlin", 3*time.Hour, 192*time.Second,
		stage("compile", delivery.Passed, 43), stage("unit", delivery.Passed, 60), stage("image", delivery.Passed, 50), stage("deploy", delivery.Passed, 31))
	add("shop/checkout", "810", delivery.Unstable, "", "a timer", 4*time.Hour, 501*time.Second,
		stage("compile", delivery.Passed, 43), stage("unit", delivery.Unstable, 400), stage("image", delivery.Passed, 50))
	add("shop/payments", "44", delivery.Waiting, "Deploy to production?", "ops", 12*time.Minute, 0,
		stage("compile", delivery.Passed, 30), stage("approve", delivery.Waiting, 0), stage("deploy", delivery.Queued, 0))
	add("search/indexer", "1207", delivery.Failed, "script failure: exit code 1", "a push by wei", 26*time.Minute, 71*time.Second,
		stage("build", delivery.Passed, 41), stage("test", delivery.Failed, 30), stage("deploy", delivery.Skipped, 0))
	add("search/query", "9", delivery.Queued, "Waiting for next available executor", "wei", 40*time.Second, 0)
	add("platform/a-pipeline-with-a-very-long-name/nightly", "377", delivery.Stopped, "", "a timer", 9*time.Hour, 30*time.Second)
	pipelines = append(pipelines, delivery.Pipeline{Link: link, Name: "platform/base-image", Off: "is switched off"}, delivery.Pipeline{Link: link, Name: "shop/new"})
	return pipelines, builds
}

// someStreams are streams in every state.
func someStreams(link string) []signal.Stream {
	return []signal.Stream{
		{Link: link, Name: "logs-shop-2026.03.14", State: "green", Lines: 12_418_220, Bytes: 9_912_220_118, Level: backend.Good},
		{Link: link, Name: "logs-shop-2026.03.13", State: "yellow", Detail: "replicas are missing", Lines: 48_220_118, Bytes: 31 << 30, Level: backend.Warning},
		{Link: link, Name: "audit", State: "red", Detail: "shards are missing: not all lines can be read", Lines: 812, Bytes: 71_000, Level: backend.Critical},
		{Link: link, Name: "empty", State: "green", Level: backend.Good},
	}
}

// rigLog is a log that says the same of everything, in one health.
type rigLog struct {
	until  context.Context
	lines  []backend.LogLine
	health backend.Health
}

// Tail implements backend.Lines.
func (l *rigLog) Tail(ctx context.Context, q backend.LogQuery, sink backend.LineSink) error {
	sink.Lines(l.lines...)
	for _, r := range q.Of {
		sink.Health(r, l.health)
	}
	select {
	case <-ctx.Done():
	case <-l.until.Done():
	}
	return nil
}

// Before implements backend.Lines.
func (l *rigLog) Before(context.Context, backend.LogQuery, backend.Cursor, int) ([]backend.LogLine, backend.Cursor, error) {
	return nil, backend.Cursor{}, nil
}

// someLines are those of a service that begins and gets into trouble.
func someLines() (out []backend.LogLine) {
	for i := range 60 {
		text := fmt.Sprintf("INFO  c.s.cart.Cache  put cart %d, %d entries, took %dms", 7000+i, 40*i, 1+i%7)
		switch {
		case i%11 == 10:
			text = "WARN  c.s.cart.Cache  the cache is nearly full"
		case i > 56:
			text = "ERROR c.s.cart.Cart   java.lang.OutOfMemoryError: Java heap space, at com.shop.cart.Cache.put(Cache.java:71) and many more words that are wider than a screen of eighty columns is"
		}
		out = append(out, backend.LogLine{At: rigNow().Add(time.Duration(i-60) * 700 * time.Millisecond).UnixNano(), Level: signal.LevelOf(text), Text: backend.T(text)})
	}
	return out
}

// someNumbers are two series of an hour, one with a gap.
func someNumbers(_ context.Context, q backend.SeriesQuery, _ int) (all []backend.Series, left int, err error) {
	for n, name := range []string{"service=checkout", "service=pay"} {
		s := backend.Series{Name: name, Unit: "ms"}
		for i := range 90 {
			v := 80*float64(n+1) + 20*math.Sin(float64(i)/7)
			if n == 1 && i > 60 {
				v += 12 * float64(i-60)
			}
			if n == 0 && i > 30 && i < 40 {
				v = math.NaN()
			}
			s.Points = append(s.Points, backend.Point{At: q.From.Add(q.To.Sub(q.From) * time.Duration(i) / 89), Value: v})
		}
		all = append(all, s)
	}
	return all, 0, nil
}

// clusterRow is a link's row, as the links' own source makes it.
func clusterRow(l ui.LinkState) cluster.Cluster {
	return cluster.Cluster{
		System: "kubernetes", View: "pods",
		Link: l.Alias, Server: "https://" + l.Alias + ".example.com:6443", User: l.User, Version: "v1.36.2", Contexts: l.Alias + "-admin, " + l.Alias,
		ReadOnly: l.ReadOnly, Protected: l.Protected, Unsafe: l.Unsafe, Health: l.Health,
	}
}

// someMetrics are a chart of the configuration and the measurements of two buckets.
func someMetrics(link string) []signal.Metric {
	return []signal.Metric{
		{Link: link, Bucket: "shop/autogen", Name: "p95 of all calls", Unit: "ms", Query: `from(bucket: "shop/autogen")`},
		{Link: link, Bucket: "shop/autogen", Name: "calls", Fields: "errors ms"},
		{Link: link, Bucket: "shop/autogen", Name: "kafka_consumer_lag_by_topic_and_partition", Fields: "lag offset partitions"},
		{Link: link, Bucket: "telegraf/week", Name: "cpu", Fields: "usage_idle usage_iowait usage_system usage_user …"},
	}
}

// fillLink fills all feeds of one link that is in one health.
func (r *rig) fillLink(link string, h backend.Health) {
	r.links.add(link, h)
	load[cluster.Pod](r.feeds, ofLink(link), h, somePods(link)...)
	load[cluster.Namespace](r.feeds, ofLink(link), h, someNamespaces(link)...)
	load[cluster.Workload](r.feeds, ofLink(link), h, someWorkloads(link)...)
	all, revisions := someRollouts(link)
	load[delivery.Rollout](r.feeds, ofLink(link), h, all...)
	load[delivery.Revision](r.feeds, ofLink(link), h, revisions...)
	load[service.Breaker](r.feeds, ofLink(link), h, someBreakers(link)...)
	pools, machines := somePools(link)
	load[machine.Pool](r.feeds, ofLink(link), h, pools...)
	load[machine.Machine](r.feeds, ofLink(link), h, machines...)
	pipelines, builds := someBuilds(link)
	load[delivery.Pipeline](r.feeds, ofLink(link), h, pipelines...)
	load[delivery.Build](r.feeds, ofLink(link), h, builds...)
	load[signal.Stream](r.feeds, ofLink(link), h, someStreams(link)...)
	r.log = &rigLog{r.t.Context(), someLines(), h}
	load[signal.Metric](r.feeds, ofLink(link), h, someMetrics(link)...)
	r.fillClusters()
}

// fillClusters makes the rows of the links as they are now.
func (r *rig) fillClusters() {
	var rows []cluster.Cluster
	for _, l := range r.links.states {
		rows = append(rows, clusterRow(l))
	}
	load[cluster.Cluster](r.feeds, backend.Part{}, live(), rows...)
}

// full is two links that are live, one that is off and one that does not answer.
func full(r *rig) {
	r.fillLink("prod-eu", live())
	r.fillLink("prod-us", live())
	r.links.states = append(r.links.states,
		ui.LinkState{Alias: "staging", User: "ann", ReadOnly: true, Health: backend.Health{State: backend.Off}},
		ui.LinkState{Alias: "lab", Unsafe: "TLS not verified", Protected: true, Health: backend.Health{
			State: backend.Down, Reason: backend.T("dial tcp 10.1.2.3:6443: connect: connection refused"),
		}})
	r.fillClusters()
}

// without fills a link's feeds with no rows, in that health.
func without(h backend.Health) func(*rig) {
	return func(r *rig) {
		r.links.add("prod-eu", live())
		load[cluster.Pod](r.feeds, ofLink("prod-eu"), h)
		load[cluster.Namespace](r.feeds, ofLink("prod-eu"), h)
		load[cluster.Workload](r.feeds, ofLink("prod-eu"), h)
		load[delivery.Rollout](r.feeds, ofLink("prod-eu"), h)
		load[service.Breaker](r.feeds, ofLink("prod-eu"), h)
		load[machine.Pool](r.feeds, ofLink("prod-eu"), h)
		load[machine.Machine](r.feeds, ofLink("prod-eu"), h)
		load[delivery.Pipeline](r.feeds, ofLink("prod-eu"), h)
		load[delivery.Build](r.feeds, ofLink("prod-eu"), h)
		load[signal.Stream](r.feeds, ofLink("prod-eu"), h)
		r.log = &rigLog{until: r.t.Context(), health: h}
		load[signal.Metric](r.feeds, ofLink("prod-eu"), h)
		load[cluster.Cluster](r.feeds, backend.Part{}, h)
	}
}

// forbidden is what a server says to whom it shows nothing.
func forbidden() backend.Health {
	return backend.Health{State: backend.Forbidden, Since: rigNow(), Reason: backend.T("you may not list pods on prod-eu")}
}

// outdated is a link that was lost a while ago.
func outdated() backend.Health {
	return backend.Health{State: backend.Stale, Since: rigNow().Add(-4 * time.Minute), Reason: backend.T("dial tcp 10.1.2.3:6443: connect: connection refused"), NextTry: rigNow().Add(8 * time.Second)}
}

// connecting is a link that has not answered yet.
func connecting() backend.Health {
	return backend.Health{State: backend.Connecting, Since: rigNow().Add(-2 * time.Second)}
}

// manyPods are n pods that are alike but for their names.
func manyPods(link string, n int) []cluster.Pod {
	all := make([]cluster.Pod, n)
	for i := range all {
		all[i] = somePods(link)[0]
		all[i].Name = fmt.Sprintf("checkout-%05d", i)
	}
	return all
}
