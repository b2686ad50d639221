package shop

import (
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

// where a program runs: its cluster, and how often.
type where struct {
	cluster  string
	replicas int
	team     string
}

// The two clusters: one at a public cloud, one in the company's own data centre.
const (
	Cloud = "cloud"
	House = "idc"
)

// home is where each program runs.
func home() map[string]where {
	return map[string]where{
		"gateway": {Cloud, 3, "edge"}, "storefront": {Cloud, 3, "edge"}, "search": {Cloud, 3, "find"}, "catalog": {Cloud, 2, "find"},
		"recommend": {Cloud, 2, "find"}, "cart": {Cloud, 3, "buy"}, "checkout": {Cloud, 5, "buy"}, "account": {Cloud, 2, "buy"},
		"payments": {House, 3, "pay"}, "bank": {House, 2, "pay"}, "fraud": {House, 2, "pay"}, "inventory": {House, 3, "stock"}, "ledger": {House, 2, "pay"},
	}
}

// programs are what the teams have written, those that are called first.
func programs() []sandbox.Program {
	const ms = time.Millisecond
	call := func(to string, each float64) sandbox.Call {
		return sandbox.Call{To: to, Each: each, Patience: 2 * time.Second, Failing: 50, Slow: 80, SlowFrom: time.Second}
	}
	extra := func(to string, each float64) sandbox.Call {
		c := call(to, each)
		c.Optional = true
		return c
	}
	good := func(tags ...string) map[string]sandbox.Version {
		out := map[string]sandbox.Version{}
		for _, t := range tags {
			out[t] = sandbox.Version{}
		}
		return out
	}
	return []sandbox.Program{
		{Name: "bank", Takes: 60 * ms, CPU: 0.3, Memory: 380, Grows: 120, Threads: 200, Starts: 9 * time.Second, Does: []string{"POST /transfers", "GET /rates"}, Versions: good("5.1.0", "5.1.1")},
		{Name: "ledger", Takes: 25 * ms, CPU: 0.4, Memory: 420, Grows: 150, Threads: 100, Starts: 12 * time.Second, Writes: true, Does: []string{"POST /entries", "GET /entries/{id}"}, Versions: good("3.8.0", "3.8.1")},
		{Name: "fraud", Takes: 35 * ms, CPU: 0.9, Memory: 510, Grows: 200, Threads: 80, Starts: 14 * time.Second, Does: []string{"POST /score"}, Versions: good("1.12.0", "1.12.1")},
		{Name: "inventory", Takes: 18 * ms, CPU: 0.5, Memory: 400, Grows: 150, Threads: 100, Starts: 10 * time.Second, Writes: true, Does: []string{"GET /stock/{id}", "POST /reservations"}, Versions: good("4.2.0", "4.2.1", "4.3.0")},
		{
			Name: "payments", Takes: 30 * ms, CPU: 0.6, Memory: 450, Grows: 180, Threads: 100, Starts: 11 * time.Second, Does: []string{"POST /payments", "GET /payments/{id}"},
			Calls: []sandbox.Call{call("bank", 1), extra("fraud", 1), call("ledger", 1)}, Versions: good("2.6.0", "2.6.1", "2.7.0"),
		},
		{Name: "catalog", Takes: 12 * ms, CPU: 0.35, Memory: 600, Grows: 110, Threads: 150, Starts: 13 * time.Second, Does: []string{"GET /products/{id}", "GET /categories"}, Versions: good("7.0.1", "7.0.2")},
		{Name: "account", Takes: 14 * ms, CPU: 0.3, Memory: 390, Grows: 120, Threads: 100, Starts: 9 * time.Second, Does: []string{"GET /me", "POST /login"}, Versions: good("2.1.4", "2.1.5")},
		{Name: "search", Takes: 45 * ms, CPU: 1.1, Memory: 700, Grows: 300, Threads: 120, Starts: 16 * time.Second, Does: []string{"GET /search"}, Versions: good("9.3.0", "9.3.1")},
		{Name: "recommend", Takes: 55 * ms, CPU: 0.8, Memory: 640, Grows: 220, Threads: 60, Starts: 15 * time.Second, Calls: []sandbox.Call{call("catalog", 2)}, Does: []string{"GET /recommendations"}, Versions: good("0.18.0", "0.18.1")},
		{Name: "cart", Takes: 10 * ms, CPU: 0.3, Memory: 420, Grows: 200, Threads: 150, Starts: 8 * time.Second, Calls: []sandbox.Call{call("catalog", 1)}, Does: []string{"GET /carts/{id}", "POST /carts/{id}/items"}, Versions: good("3.3.2", "3.3.3")},
		{
			Name: "checkout", Takes: 22 * ms, CPU: 0.7, Memory: 480, Grows: 200, Threads: 80, Starts: 10 * time.Second, Does: []string{"POST /orders", "GET /orders/{id}"},
			Calls: []sandbox.Call{call("cart", 1), call("inventory", 1), call("payments", 1), call("account", 1)}, Versions: good("2.4.0", "2.4.1"),
		},
		{
			Name: "storefront", Takes: 16 * ms, CPU: 0.5, Memory: 350, Grows: 150, Threads: 200, Starts: 7 * time.Second, Does: []string{"GET /", "GET /p/{id}"},
			Calls: []sandbox.Call{call("catalog", 2), extra("recommend", 1), extra("account", 0.5)}, Versions: good("12.1.0", "12.1.1"),
		},
		{
			Name: "gateway", Enters: 240, Takes: 4 * ms, CPU: 0.15, Memory: 330, Grows: 60, Threads: 500, Starts: 6 * time.Second, Does: []string{"GET /", "GET /search", "POST /orders", "GET /cart"},
			Calls: []sandbox.Call{extra("storefront", 0.55), extra("search", 0.25), extra("cart", 0.3), call("checkout", 0.12)}, Versions: good("1.9.3"),
		},
	}
}

// first is the version of each program that runs when nobody has changed anything.
func first() map[string]string {
	return map[string]string{
		"bank": "5.1.1", "ledger": "3.8.1", "fraud": "1.12.1", "inventory": "4.2.1", "payments": "2.6.1", "catalog": "7.0.2", "account": "2.1.5", "search": "9.3.1",
		"recommend": "0.18.1", "cart": "3.3.3", "checkout": "2.4.1", "storefront": "12.1.1", "gateway": "1.9.3",
	}
}

// machines are what there is to run on.
func machines() []sandbox.Machine {
	var out []sandbox.Machine
	add := func(cluster, name, zone, kind, address string, cpu float64, memory, disk int64) {
		out = append(out, sandbox.Machine{
			MachineID: sandbox.MachineID{Cluster: cluster, Name: name}, Zone: zone, Type: kind, Address: address,
			Room: sandbox.Usage{CPU: cpu, Memory: memory * 1024}, Disk: disk * 1024,
		})
	}
	for i, name := range []string{"ecs-01", "ecs-02", "ecs-03", "ecs-04", "ecs-05", "ecs-06"} {
		add(Cloud, name, "cn-beijing-"+string("hk"[i%2]), "ecs.g7.xlarge", "172.16.0."+string("123456"[i]), 4, 16, 80)
	}
	out = append(out, rack([]string{"cn-bj-01", "cn-bj-02", "cn-bj-03", "cn-bj-04"})...)
	for _, m := range rack([]string{"cn-bj-11", "cn-bj-12", "cn-bj-13"}) {
		m.Role, m.Type = "control-plane", "r640"
		m.Room = sandbox.Usage{CPU: 4, Memory: 16 * 1024}
		out = append(out, m)
	}
	return out
}

// rack are hosts in the data centre, all alike.
func rack(names []string) []sandbox.Machine {
	var out []sandbox.Machine
	for _, name := range names {
		out = append(out, sandbox.Machine{
			MachineID: sandbox.MachineID{Cluster: House, Name: name}, Zone: "idc-a", Type: "r740", Address: "10.8.1." + strings.TrimLeft(strings.TrimPrefix(name, "cn-bj-"), "0"),
			Room: sandbox.Usage{CPU: 8, Memory: 32 * 1024}, Disk: 200 * 1024,
		})
	}
	return out
}
