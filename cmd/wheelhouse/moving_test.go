package main

import (
	"slices"
	"strings"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
)

// twoClusters are eu and us with one deployment "cart" each, whose pods stand
// beside those of others that are called nearly the same, and with namespaces.
func twoClusters(r *rig) {
	for _, link := range []string{"eu", "us"} {
		r.links.add(link, live())
		pod := func(name, owner string) cluster.Pod {
			return cluster.Pod{Link: link, Namespace: "shop", Name: name, Owner: owner, State: "Running", Level: backend.Good}
		}
		load[cluster.Pod](r.feeds, ofLink(link), live(),
			pod("cart-1", "deployment.apps/cart"), pod("cart-x-1", "deployment.apps/cart-x"), pod("cart-0", "statefulset.apps/cart"),
			cluster.Pod{Link: link, Namespace: "pay", Name: "ledger-1", Owner: "deployment.apps/ledger", State: "Running", Level: backend.Good})
		load[cluster.Workload](r.feeds, backend.Part{Link: link, Kind: cluster.KindDeployment}, live(),
			cluster.Workload{Link: link, Kind: cluster.KindDeployment, Namespace: "shop", Name: "cart", State: "Available", Level: backend.Good})
		load[cluster.Workload](r.feeds, backend.Part{Link: link, Kind: cluster.KindDaemonSet}, backend.Health{State: backend.Forbidden, Reason: backend.T("you may not list daemonsets on " + link)})
		load[cluster.Namespace](r.feeds, ofLink(link), live(), cluster.Namespace{Link: link, Name: "shop"}, cluster.Namespace{Link: link, Name: "pay"})
	}
	load[cluster.Cluster](r.feeds, backend.Part{}, live(), cluster.Cluster{Link: "eu", Health: live()}, cluster.Cluster{Link: "us", Health: live()})
}

// typed types a ':' line.
func (r *rig) typed(line string) {
	r.press(":")
	r.paste(line)
	r.press("enter")
}

// TestWhereLinesLead: every word behind a view's name counts, and what can't be
// one is refused.
func TestWhereLinesLead(t *testing.T) {
	for line, want := range map[string]string{
		"pods":                              "eu,us · all namespaces",
		"pods shop pay":                     "eu,us · shop,pay",
		"pods shop,pay @us":                 "us · shop,pay",
		"pods shop @eu @us":                 "eu,us · shop",
		"pods all @all":                     "eu,us · all namespaces",
		"pods @us /cart":                    "us · all namespaces",
		"ctx us":                            "us · all namespaces",
		"ctx eu us":                         "eu,us · all namespaces",
		"ns pay @us":                        "us · pay",
		"pods -l app=cart shop":             "eu,us · shop",
		"pods\tshop\u00a0@us\n/a  b":        "us · shop",
		"pods -":                            "After a view come NAMESPACES",
		"pods -z":                           "After a view come NAMESPACES",
		"pods shop,,pay":                    "After a view come NAMESPACES",
		"pods @nowhere":                     `No cluster is called "nowhere"`,
		"pds":                               "did you mean",
		"pods /" + strings.Repeat("(", 300): "eu,us · all namespaces",
	} {
		t.Run(line, func(t *testing.T) {
			inBubble(t, twoClusters, func(r *rig) {
				r.start("namespaces", 160, 24)
				r.typed(line)
				if got := r.picture().Plain(); !strings.Contains(got, want) {
					t.Errorf("no %q on\n%s", want, got)
				}
			})
		})
	}
}

// names are the first words of the rows that are shown.
func (r *rig) names() []string {
	var out []string
	for _, line := range strings.Split(r.picture().Plain(), "\n") {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "▸"))
		if len(f) > 2 && strings.Contains("●▲✖○◐", f[0]) {
			out = append(out, f[1])
		}
	}
	return out
}

// TestPodsOfAWorkload: enter shows the pods that the workload owns and no other,
// and esc goes back to it.
func TestPodsOfAWorkload(t *testing.T) {
	inBubble(t, twoClusters, func(r *rig) {
		r.start("deployments @us", 110, 24)
		if got := r.picture().Plain(); !strings.Contains(got, "● live") || strings.Contains(got, "daemonsets") {
			t.Errorf("what daemon sets suffer is shown on deployments:\n%s", got)
		}
		r.press("enter")
		if got := r.names(); !slices.Equal(got, []string{"cart-1"}) {
			t.Errorf("the pods of cart are %v", got)
		}
		r.press("esc")
		if got := r.picture().Plain(); !strings.Contains(got, "deployments  us · all namespaces") {
			t.Errorf("esc did not go back to where it was:\n%s", got)
		}
	})
}

// TestEscapeOfAFilter: one that was typed is cleared first, on the first view any.
func TestEscapeOfAFilter(t *testing.T) {
	inBubble(t, twoClusters, func(r *rig) {
		r.start("pods /cart", 110, 24)
		r.press("/ - x enter")
		if got := len(r.names()); got != 2 {
			t.Fatalf("%d rows", got)
		}
		for _, want := range []int{6, 8} { // back to /cart, then to all
			r.press("esc")
			if got := len(r.names()); got != want {
				t.Errorf("%d rows after esc, want %d", got, want)
			}
		}
	})
}

// TestClustersAreAllListed: whatever is looked at, with the cursor on it; marked
// ones are opened together; one that is left is not looked at any more.
func TestClustersAreAllListed(t *testing.T) {
	inBubble(t, twoClusters, func(r *rig) {
		r.start("pods @us", 110, 24)
		r.typed("clusters")
		if got := r.names(); !slices.Equal(got, []string{"eu", "us"}) {
			t.Fatalf("clusters: %v", got)
		}
		if got := r.picture().Plain(); !strings.Contains(got, "▸ ● us") {
			t.Errorf("the cursor is not on us:\n%s", got)
		}
		r.press("* enter")
		if got := r.shell.Place().Links; !slices.Equal(got, []string{"eu", "us"}) {
			t.Errorf("marked and opened: %v", got)
		}
		r.typed("pods @us")
		r.typed("clusters")
		r.press("ctrl+d")
		if got := r.shell.Place().Links; len(got) != 0 {
			t.Errorf("still looking at %v", got)
		}
	})
}

// TestNamespaceDigits: a namespace that was gone to has a digit, and keeps it.
func TestNamespaceDigits(t *testing.T) {
	inBubble(t, twoClusters, func(r *rig) {
		r.start("pods", 110, 24)
		r.typed("pods shop")
		r.typed("pods pay")
		r.press("0")
		for digit, want := range map[string]string{"1": "pay", "2": "shop"} {
			r.press(digit)
			if got := r.shell.Place().Namespaces; !slices.Equal(got, []string{want}) {
				t.Errorf("%s leads to %v, not %s", digit, got, want)
			}
		}
		if got := r.picture().Plain(); strings.Contains(got, "NAMESPACE") {
			t.Errorf("the column says the same in every row:\n%s", got)
		}
	})
}

// TestDetailsOfNoRow: without a row under the cursor there are no details of one.
func TestDetailsOfNoRow(t *testing.T) {
	inBubble(t, twoClusters, func(r *rig) {
		r.start("pods", 130, 24)
		r.press("/ n o n e enter")
		if got := r.picture().Plain(); strings.Contains(got, "running 3h") {
			t.Errorf("details of a row that is not there:\n%s", got)
		}
	})
}

// TestReasonUnderRows: what is not live is told with its reason though there are
// rows.
func TestReasonUnderRows(t *testing.T) {
	fill := func(r *rig) {
		twoClusters(r)
		load[cluster.Pod](r.feeds, backend.Part{Link: "eu", Scope: "pay"}, backend.Health{State: backend.Forbidden, Reason: backend.T("you may not list pods in pay on eu")})
	}
	inBubble(t, fill, func(r *rig) {
		r.start("pods", 80, 24)
		if got := r.picture().Plain(); !strings.Contains(got, "▲ you may not list pods in pay on eu") {
			t.Errorf("no reason:\n%s", got)
		}
	})
}

// TestReasonNamesItsLink: of several links it is said which one does not answer, even if
// its name happens to stand in a word of the reason.
func TestReasonNamesItsLink(t *testing.T) {
	for alias, c := range map[string]struct{ reason, want string }{
		"a":  {"closes connections without an answer", "▲ a closes connections without an answer"},
		"eu": {"no daemonsets in eu; others are", "▲ no daemonsets in eu; others are"},
	} {
		inBubble(t, func(r *rig) { twoPods(r, "us"); twoPods(r, alias) }, func(r *rig) {
			feed.Of[cluster.Pod](r.feeds).Health(ofLink(alias), backend.Health{State: backend.Stale, Reason: backend.T(c.reason)})
			r.start("pods", 100, 24)
			if !r.shows(c.want) {
				t.Errorf("%s: the link is not named once:\n%s", alias, r.picture().Plain())
			}
		})
	}
}

// TestNoRowsOfAConnectedLink: a link that is connected and has no such rows is not said
// to be away, nor are there none where only those of a label were asked for.
func TestNoRowsOfAConnectedLink(t *testing.T) {
	fill := func(r *rig) {
		r.links.add("eu", live())
		r.links.add("ci", live())
		load[cluster.Pod](r.feeds, ofLink("eu"), live())
	}
	for line, want := range map[string][]string{
		"pods @ci":         {"Nothing on ci has pods."},
		"pods -l app=cart": {"0 pods in eu", "matching /-l app=cart"},
		"pods @eu":         {"There is no pod in eu"},
	} {
		inBubble(t, fill, func(r *rig) {
			r.start(line, 120, 24)
			if !r.shows(want...) || r.shows("is not connected") {
				t.Errorf("%s: want %q:\n%s", line, want, r.picture().Plain())
			}
		})
	}
	inBubble(t, fill, func(r *rig) {
		r.fetch = nil // nobody is behind any link
		r.start("pods @ci", 120, 24)
		if !r.shows("ci is not connected.") {
			t.Errorf("it shows\n%s", r.picture().Plain())
		}
	})
}

// TestColumnsAreArranged: the dialog stays and so does its cursor; what was
// chosen is kept, in its order.
func TestColumnsAreArranged(t *testing.T) {
	inBubble(t, full, func(r *rig) {
		r.start("pods", 120, 24)
		r.press("ctrl+o > > enter enter < down enter esc")
		want := []string{"name", "cluster", "ready", "state", "restarts", "cpu", "mem", "why", "ip", "node", "namespace"}
		if got := r.memory.Get("columns.pods"); !slices.Equal(got, want) {
			t.Errorf("kept: %v\nnot:  %v", got, want)
		}
		if got := strings.Fields(strings.Split(r.picture().Plain(), "\n")[1]); len(got) < 3 || got[1] != "NAME" || got[2] != "CLUSTER" {
			t.Errorf("shown: %v", got)
		}
	})
}
