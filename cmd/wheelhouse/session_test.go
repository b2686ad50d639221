package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wheelhouse/backend/audit"
)

// TestSessionWithoutCluster is every command line that needs none.
func TestSessionWithoutCluster(t *testing.T) {
	h := newSessionHome(t)
	for _, c := range []struct {
		args      string
		code      int
		out, errs string // parts; empty: nothing may be there
	}{
		{"--version", 0, "wheelhouse version development\n", ""},
		{"--help", 0, "Available Commands:", ""},
		{"act --help", 0, "Exit codes: 0 done, 1 failed, 2 wrong use, 3 denied or read-only, 4 conflict, 5 partly done, 6 needs --yes.", ""},
		{"bogus", 2, "", `unknown command "bogus"`},
		{"--bogus", 2, "", "unknown flag: --bogus"},
		{"keys --bogus", 2, "", "unknown flag: --bogus"},
		{"keys extra", 2, "", `"extra"`},
		{"doctor --timeout soon", 2, "", `invalid argument "soon" for "--timeout"`},
		{"keys", 0, "list.down", ""},
		{"actions", 0, "pod.delete", ""},
		{"views", 0, "dp,deploy,deployment", ""},
		{"keys --config gone.yaml", 2, "", "gone.yaml can't be read"},
		{"keys --keymap gone.yaml", 2, "", "gone.yaml"},
		{"config check", 0, "the defaults hold", ""},
		{"config bogus", 2, "", `unknown command "bogus"`},
		{"audit bogus", 2, "", `unknown command "bogus"`},
		{"audit verify typo.jsonl", 1, "", "typo.jsonl"},
		{"audit verify a b", 2, "", "too much"},
		{"audit tail -o json", 0, "[]\n", ""},
		{"keys -o yaml", 2, "", "only json"},
		{"config check gone.yaml", 2, "", "gone.yaml can't be read"},
		{"config schema", 0, `"$schema": "https://json-schema.org/`, ""},
		{"audit tail", 0, "", ""},
		{"audit verify", 0, "There is no record in ", ""},
		{"act", 2, "", "`wheelhouse actions` lists what there is"},
		{"act pod.delete", 2, "", "`wheelhouse actions` lists what there is"},
		{"act pod.delete pod/a/b --set novalue", 2, "", `--set takes name=value, not "novalue"`},
		{"act pod.delete pod/a/b --set grace=@gone", 2, "", "read grace: open gone"},
		{"frame", 2, "", "frame takes a view"},
		{"drill list", 0, "noisy-neighbour     15 min  Pods are killed", ""},
		{"drill show node-dwon", 2, "", "did you mean node-down?"},
		{"drill show node-down", 0, "name: node-down\n", ""},
		{"drill check", 2, "", "check takes files"},
		{"drill check gone.yaml", 2, "", "gone.yaml can't be read"},
		{"demo --drill bad-canry", 2, "", "did you mean bad-canary?"},
		{"demo --drill ./gone.yaml", 2, "", "gone.yaml can't be read"},
		{"config check --theme nonsense", 2, "", `no theme is called "nonsense"`},
		{"frame pods --size huge", 2, "", `--size is columns x rows, such as 120x40, not "huge"`},
		{"frame pods --size 0x5", 2, "", "--size is columns x rows"},
		{"frame pods --size 99999x5", 2, "", "--size is columns x rows"},
		{"doctor", 1, "", "No cluster is known: looked for a kubeconfig at "},
		{"frame pods", 1, "", "Name one with --kubeconfig FILE or in KUBECONFIG."},
		{"act pod.delete pod/a/b", 1, "", "No cluster is known"},
	} {
		t.Run(c.args, func(t *testing.T) {
			h := sessionHome{t, h.dir}
			h.run(strings.Fields(c.args)...).wants(t, c.code, c.out, c.errs)
		})
	}
	if entries, err := os.ReadDir(h.dir); err != nil || len(entries) > 0 {
		t.Errorf("looking around leaves no trace, but there is %v (%v)", entries, err)
	}
}

// TestSessionJSON: arrays of objects, each with an id of its own.
func TestSessionJSON(t *testing.T) {
	h := newSessionHome(t)
	for command, id := range map[string]string{"keys": "list.j", "actions": "workload.scale", "views": "pods"} {
		r := h.run(command, "-o", "json")
		var all []map[string]any
		if err := json.Unmarshal([]byte(r.out), &all); err != nil || r.code != 0 || r.errs != "" {
			t.Errorf("%s: %d, %v\n%s%s", command, r.code, err, r.out, r.errs)
			continue
		}
		var ids []string
		for _, o := range all {
			s, _ := o["id"].(string)
			ids = append(ids, s)
		}
		sorted := slices.Sorted(slices.Values(ids))
		if !slices.Contains(ids, id) || len(slices.Compact(sorted)) != len(ids) || slices.Contains(ids, "") {
			t.Errorf("%s: %v", command, ids)
		}
	}
}

// TestSessionKeys: what is bound is listed, from k9s' hotkeys, the
// configuration and --keymap, the later over the earlier.
func TestSessionKeys(t *testing.T) {
	h := newSessionHome(t)
	h.file("config/k9s/hotkeys.yaml", "hotKeys:\n  a: {shortCut: F5, command: v1/pods /k9s}\n  b: {shortCut: F6, command: v1/pods /k9s}\n")
	h.file("config/wheelhouse/config.yaml", "keys:\n  shell:\n    f6: \":pods /config\"\n    f7: \":pods /config\"\n  list:\n    j: none\n")
	over := h.file("keys.yaml", "shell:\n  f7: \":pods /keymap\"\n")
	r := h.run("keys", "--keymap", over, "-o", "json")
	for _, want := range []string{":pods /k9s", ":pods /config", ":pods /keymap"} {
		if n := strings.Count(r.out, want); n != 1 {
			t.Errorf("%q is listed %d times\n%s", want, n, r.errs)
		}
	}
	if strings.Contains(r.out, `"list.j"`) {
		t.Error("a key that was taken away is listed")
	}
	for name, text := range map[string]string{
		`no command is called "bogus"`: "list:\n  z: bogus\n", `there is no scope "bogus"`: "bogus:\n  z: list.up\n", "[2:6]": "list:\n  z: [\n",
	} {
		h.run("keys", "--keymap", h.file("bad.yaml", text)).wants(t, 2, "", name)
	}
	// Another program's file that is broken is passed over, and no reason to stop.
	h.file("config/k9s/hotkeys.yaml", "hotKeys: [\n")
	h.run("keys").wants(t, 0, ":pods /config", "")
}

func TestSessionConfigCheck(t *testing.T) {
	h := newSessionHome(t)
	for _, c := range []struct {
		text      string
		code      int
		out, errs string
	}{
		{"theme: light\nlinks:\n- context: prod\n  protected: true\n", 0, "c.yaml is fine.", ""},
		{"", 0, "c.yaml is fine.", ""},
		{"readonly: true\n", 2, "", "did you mean readOnly?"},
		{"theme: dark\nmouse: perhaps\n", 2, "", "c.yaml: [2:8] "},
		{"links: [\n", 2, "", "c.yaml: [1:8] "},
		{"symbols: emoji\n", 2, "", "c.yaml: [1:10] symbols: \"emoji\" is none of auto, unicode, ascii"},
		// The line is shown, and what acts on a terminal in it is not.
		{"them\x1b[31m\a: x\n", 2, "", "c.yaml: "},
		{"theme: \"\\e]0;x\\a\"\nzz: \x1b]0;owned\n", 2, "", "c.yaml: "},
	} {
		path := h.file("c.yaml", c.text)
		h.run("config", "check", path).wants(t, c.code, c.out, c.errs)
		h.run("config", "check", "--config", path).wants(t, c.code, c.out, c.errs)
	}
	usual := h.file("config/wheelhouse/config.yaml", "readonly: true\n")
	h.run("config", "check").wants(t, 2, "", usual+": [1:1]")
	h.run("keys").wants(t, 2, "", usual+": [1:1]") // no command goes on with half a configuration
}

// TestSessionDrillCheck: what a team writes is held against the world that it is for.
func TestSessionDrillCheck(t *testing.T) {
	h := newSessionHome(t)
	text := h.run("drill", "show", "full-disk").out
	good := h.file("good.yaml", text)
	bad := h.file("bad.yaml", strings.Replace(text, "release: {program: inventory", "release: {program: inventry", 1))
	h.run("drill", "check", good).wants(t, 0, "good.yaml is fine.\n", "")
	h.run("drill", "check", good, bad).wants(t, 2, "good.yaml is fine.\n", `bad.yaml: [14:24] cause[1].release.program: there is no program "inventry"; did you mean inventory?`)
}

// TestSessionDeadServer: a server that does not answer is said to be dead, by
// its link's name, and nothing waits for ever.
func TestSessionDeadServer(t *testing.T) {
	h := newSessionHome(t)
	h.kubeconfig(sessionDeadServer(t))
	for _, c := range []struct {
		args      string
		code      int
		out, errs string
	}{
		{"doctor", 1, "refuses connections", ""},
		{"doctor dead", 1, "dead  https://127.0.0.1:", ""},
		{"doctor nolink", 2, "", `there is no link "nolink"`},
		{"frame clusters --size 80x24", 0, "dead", ""},
		{"act bogus dead:pod/shop/web-0", 2, "", `There is no action "bogus"`},
		{"act pod.delete nonsense", 2, "", `"nonsense" is not a reference: no kind is called "nonsense"; kinds are `},
		{"act pod.delete dead:pod/web-0", 2, "", `"dead:pod/web-0" is not a reference`},
		{"act pod.delete dead:pod/%zz/web-0", 2, "", "is not a reference"},
		{"act pod.delete nolink:pod/shop/web-0", 2, "", `There is no link "nolink"`},
		{"act pod.delete dead:pod/shop/web-0", 1, "", "dead does not answer"},
		{"act pod.delete dead:pod/shop/web-0 --yes", 1, "", "Nothing was sent."},
		{"act pod.delete dead:pod/shop/web-0 --read-only --yes", 3, "", "this console is read-only"},
		{"frame pods --context nocontext", 2, "", `no context "nocontext"`},
		{"frame pods nonsense", 2, "", `"nonsense" is not a reference`},
	} {
		t.Run(c.args, func(t *testing.T) {
			h := sessionHome{t, h.dir}
			h.run(strings.Fields(c.args)...).wants(t, c.code, c.out, c.errs)
		})
	}
	// Whether it ends as a picture or as a reason: the link is named, and no
	// list of no pods is passed off as the truth.
	r := h.run("frame", "pods", "--size", "80x24", "--timeout", "2s")
	if text := r.out + r.errs; !strings.Contains(text, "dead") || r.code == 0 && !strings.Contains(text, "✖") {
		t.Errorf("%d: the dead link is not shown\n%s", r.code, text)
	}
}

// TestSessionAct goes from a plan to the record of what was done.
func TestSessionAct(t *testing.T) {
	h := newSessionHome(t)
	s := newSessionServer(t)
	h.kubeconfig(s.URL)
	act := func(more ...string) sessionResult {
		return h.run(append([]string{"act", "pod.delete", "dead:pod/shop/web-0"}, more...)...)
	}
	act().wants(t, 6, "Deletes pod shop/web-0 on dead.", "Nothing was sent: add --yes")
	act("--dry-run").wants(t, 0, "kubectl --context dead -n shop delete pod web-0", "")
	act("--dry-run", "--yes").wants(t, 0, "Deletes pod", "")
	act("--yes", "--read-only").wants(t, 3, "", "read-only")
	act("--yes", "--set", "bogus=1").wants(t, 2, "", "bogus")
	var plan struct{ Action, Sentence string }
	if r := act("--dry-run", "-o", "json"); json.Unmarshal([]byte(r.out), &plan) != nil || plan.Action != "pod.delete" || plan.Sentence == "" {
		t.Errorf("%+v of\n%s%s", plan, r.out, r.errs)
	}
	h.run("act", "pod.delete", "dead:pod/shop/gone", "--yes").wants(t, 1, "", "gone")
	if got := s.changes(); got != "" {
		t.Fatalf("without consent there was sent %s", got)
	}
	act("--yes", "--follow").wants(t, 0, "dead:pod/shop/web-0: accepted", "")
	if got := s.changes(); got != "DELETE /api/v1/namespaces/shop/pods/web-0" {
		t.Errorf("sent: %s", got)
	}
	h.run("audit", "tail").wants(t, 0, "pod.delete: Deletes pod shop/web-0 on dead.", "")
	h.run("audit", "tail", "--lines", "1").wants(t, 0, "  end", "")
	var records []map[string]any
	if r := h.run("audit", "tail", "-o", "json"); json.Unmarshal([]byte(r.out), &records) != nil || len(records) < 5 {
		t.Errorf("%d records of\n%s%s", len(records), r.out, r.errs)
	}
	h.run("audit", "verify").wants(t, 0, "whole", "")
}

// TestSessionEcho: a server that says the token back, between escape sequences,
// finds no way to the screen nor to a file.
func TestSessionEcho(t *testing.T) {
	h := newSessionHome(t)
	h.kubeconfig(sessionEcho(t))
	log := filepath.Join(h.dir, "log.txt")
	for _, args := range []string{
		"doctor", "act pod.delete dead:pod/shop/web-0", "act pod.delete dead:pod/shop/web-0 --yes -o json", "act workload.scale dead:deployment.apps/shop/web --set replicas=3 --yes",
		"frame pods --size 200x30 --timeout 2s", "frame clusters --size 200x30 --timeout 2s", "frame namespaces --size 200x30 --timeout 2s", "audit tail",
	} {
		r := h.run(append(strings.Fields(args), "--log-file", log)...)
		if strings.Contains(r.out+r.errs, "owned\x07") || r.code > 3 {
			t.Errorf("%s: %d\n%s%s", args, r.code, r.out, r.errs)
		}
	}
	h.run("act", "pod.delete", "dead:pod/shop/web-0", "--yes").wants(t, 3, "", "Nothing was sent.")
}

// sessionRecord writes a record of two entries and gives its file.
func sessionRecord(t *testing.T, h sessionHome) string {
	t.Helper()
	log, err := audit.Open(h.audit(), audit.Session{Who: "ann\x1b[2J", Host: "here", Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{"first\x1b]0;owned\a", "second"} {
		e := audit.Entry{Refusal: &audit.Refusal{Action: "pod.delete", Targets: []string{"dead:pod/shop/web-0"}, Cause: audit.Cancelled, Reason: reason}}
		if err := log.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	path := log.Path()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSessionAudit(t *testing.T) {
	swap := func(lines []string, i, j int) []string { lines[i], lines[j] = lines[j], lines[i]; return lines }
	for _, c := range []struct {
		name      string
		tamper    func(lines []string) []string
		code      int
		out, errs string
	}{
		{"whole", func(l []string) []string { return l }, 0, ": whole, 4 records", ""},
		{"without its end", func(l []string) []string { return l[:3] }, 0, ": whole, no end, 3 records", ""},
		{"cut", func(l []string) []string { return append(l[:2], l[2][:20]) }, 0, ": last line is cut", ""},
		{"a word changed", func(l []string) []string {
			return append([]string{l[0], strings.Replace(l[1], "web-0", "web-1", 1)}, l[2:]...)
		}, 1, ": broken at line 2", "1 of 1 files of the record are not whole"},
		{"a line removed", func(l []string) []string { return slices.Delete(l, 1, 2) }, 1, ": broken at line 2", "not whole"},
		{"lines swapped", func(l []string) []string { return swap(l, 1, 2) }, 1, ": broken at line 2", "not whole"},
		{"something else", func([]string) []string { return []string{"\x1b[2J no record\n"} }, 1, ": broken at line 1", "not whole"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newSessionHome(t)
			path := sessionRecord(t, h)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(c.tamper(strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")), "")
			if !strings.HasSuffix(text, "\n") && c.name != "cut" {
				text += "\n"
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{nil, {path}} {
				h.run(append([]string{"audit", "verify"}, args...)...).wants(t, c.code, path+c.out, c.errs)
			}
			// What is whole can be read, whatever else was done to the file.
			if r := h.run("audit", "tail"); r.code != 0 || strings.Contains(r.out, "second") != strings.Contains(text, "second") {
				t.Errorf("%d\n%s%s", r.code, r.out, r.errs)
			}
		})
	}
	h := newSessionHome(t)
	if err := os.MkdirAll(h.audit(), 0o700); err != nil {
		t.Fatal(err)
	}
	h.run("audit", "verify").wants(t, 0, "", "")
	h.run("audit", "tail").wants(t, 0, "", "")
}
