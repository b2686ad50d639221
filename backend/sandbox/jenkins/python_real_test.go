//go:build real

package jenkins_test

import (
	"bytes"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/jenkins"
)

// script drives the server with the client that most people drive Jenkins with.
const script = `
import sys, time, jenkins
s = jenkins.Jenkins(sys.argv[1], username="ana", password=sys.argv[2])
assert s.get_whoami()["id"] == "ana"
assert s.get_version().startswith("2."), s.get_version()
names = sorted(j["fullname"] for j in s.get_jobs(folder_depth=3))
assert names == ["pay", "shop", "shop/cart"], names
info = s.get_job_info("shop/cart")
assert info["fullName"] == "shop/cart" and info["builds"] == [], info
assert s.get_job_info("pay")["property"][0]["parameterDefinitions"][0]["name"] == "VERSION"

def begun(item):
    for _ in range(200):
        q = s.get_queue_item(item)
        if q.get("executable"):
            return q["executable"]["number"]
        assert q["why"].startswith("In the quiet period"), q
        time.sleep(0.05)
    raise SystemExit("it never begins")

number = begun(s.build_job("shop/cart"))
build = s.get_build_info("shop/cart", number)
assert build["building"] and build["actions"][0]["causes"][0]["userId"] == "ana", build
assert s.get_build_console_output("shop/cart", number).startswith("Started by ana")
s.stop_build("shop/cart", number)
assert s.get_build_info("shop/cart", number)["result"] == "ABORTED"

number = begun(s.build_job("pay", {"VERSION": "7", "TOKEN": "hidden"}))
build = s.get_build_info("pay", number)
values = {p["name"]: p.get("value") for a in build["actions"] for p in a.get("parameters", [])}
assert values == {"VERSION": "7", "TOKEN": None}, values

s.build_job("pay", {"VERSION": "8"})
queue = s.get_queue_info()
assert [q["task"]["name"] for q in queue] == ["pay"], queue
s.cancel_queue(queue[0]["id"])
assert s.get_queue_info() == []
print("driven")
`

func TestRealPythonJenkins(t *testing.T) {
	run := func(name string, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v\n%s", filepath.Base(name), err, out.String())
		}
		return out.String()
	}
	venv := t.TempDir()
	run("python3", "-m", "venv", venv)
	python := filepath.Join(venv, "bin", "python")
	run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "python-jenkins==1.8.3")

	world := sandbox.New(nil, time.Second)
	world.Add(sandbox.Pipeline{Name: "shop/cart", Branch: "main", Stages: []sandbox.Plan{{Name: "compile", Takes: time.Hour, Says: []string{"one"}}}})
	world.Add(sandbox.Pipeline{Name: "pay", Params: []sandbox.Param{{Name: "VERSION", Kind: "string", Default: "1"}, {Name: "TOKEN", Kind: "password"}}})
	server := httptest.NewServer(jenkins.New(world, users()))
	t.Cleanup(server.Close)
	for _, secret := range []string{"t", "p"} { // a token, and a password, with which it needs crumbs
		if out := run(python, "-c", script, server.URL, secret); out != "driven\n" {
			t.Errorf("it says %q", out)
		}
		world.Remove("shop/cart")
		world.Add(sandbox.Pipeline{Name: "shop/cart", Branch: "main", Stages: []sandbox.Plan{{Name: "compile", Takes: time.Hour, Says: []string{"one"}}}})
	}
}
