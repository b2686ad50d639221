package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A step is one command of a session: what it must show, and with which code it ends.
type step struct {
	command string // words; POD is one of cart's pods that takes calls
	want    []string
	code    int
	who     string // empty: the administrator
	in      string
	until   string // it is ended when it has shown this
	races   bool   // kubectl's own goroutines do, and the race detector would only say that
}

// session runs commands one after another, in this process.
func (s *site) session(t *testing.T, steps []step) {
	t.Helper()
	s.sessionOf(t, steps, func(who string, st step, args []string) (string, int) {
		return s.kubectl(who, strings.NewReader(st.in), st.until, args...)
	})
}

// sessionOf is a session whose commands somebody else runs.
func (s *site) sessionOf(t *testing.T, steps []step, run func(who string, st step, args []string) (out string, code int)) {
	t.Helper()
	for _, st := range steps {
		if st.races && raceDetector {
			continue
		}
		who := st.who
		if who == "" {
			who = "admin"
		}
		command := st.command
		if strings.Contains(command, "POD") {
			command = strings.ReplaceAll(command, "POD", s.pod("cart").Name)
		}
		out, code := run(who, st, words(command))
		if code != st.code && st.until == "" {
			t.Errorf("%s: kubectl %s ended with %d:\n%s", who, command, code, out)
			continue
		}
		for _, want := range st.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: kubectl %s does not show %q:\n%s", who, command, want, out)
			}
		}
	}
}

// words are those of a command; blanks between single quotes part none.
func words(command string) []string {
	quoted := false
	return strings.FieldsFunc(strings.Map(func(r rune) rune {
		switch {
		case r == '\'':
			quoted = !quoted
			return -1
		case r == ' ' && !quoted:
			return 0
		}
		return r
	}, command), func(r rune) bool { return r == 0 })
}

func TestKubectlShows(t *testing.T) {
	s := newSite(t)
	s.session(t, []step{
		{command: "get pods -o wide", want: []string{"NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE", "1/1", "m0", "m1", "m2"}},
		{command: "get pods -l app=cart --field-selector spec.nodeName=m1 -o name", want: []string{"pod/cart-"}},
		{command: "get pods --field-selector status.phase=Failed", want: []string{"No resources found"}},
		{command: "get pods --field-selector spec.color=red", want: []string{"not a known field selector"}, code: 1},
		{command: "get pod POD -o yaml", want: []string{"kind: Pod", "podIP: 10.", "phase: Running"}},
		{command: "get pod POD -o jsonpath='{.spec.containers[0].image}'", want: []string{"cart:1.0.0"}},
		{command: "get pods --chunk-size 2", want: []string{"agent-", "cart-", "db-1"}},
		{command: "get pods -w", until: "db-1"},
		{command: "get pods -w --output-watch-events", until: "ADDED"},
		{command: "get all,cm,secrets,sa,ns,no,pv,pvc,pdb,sc,leases,endpointslices,ing,controllerrevisions -A", want: []string{"service/cart", "daemonset.apps/agent", "statefulset.apps/db", "Bound", "kube-node-lease"}},
		{command: "get events", want: []string{"LAST SEEN", "SuccessfulCreate"}},
		{command: "get events --field-selector involvedObject.name=POD -o jsonpath='{.items[*].reason} {.items[0].reportingComponent} {.items[4].source} {.items[4].involvedObject.fieldPath}'", want: []string{
			"Scheduled Pulling Pulled Created Started default-scheduler", `{"component":"kubelet","host":"m`, "spec.containers{app}",
		}},
		{command: "events --for deploy/cart", want: []string{"ScalingReplicaSet"}},
		{command: "describe deploy,rs,sts,ds,pods,svc,cm,secrets,sa,pvc,pdb,ing,endpointslices", want: []string{"NewReplicaSet:", "Controlled By:  ReplicaSet/cart", "Endpoints:", "token:  6 bytes"}},
		{command: "describe nodes", want: []string{"Non-terminated Pods:", "RenewTime:", "KubeletReady"}},
		{command: "describe ns,pv,sc", want: []string{"Status:", "local"}},
		{command: "get cm,sa,secrets,svc,ns,nodes,pv,pvc,leases,sc -o jsonpath='<{.items[*].metadata.generation}>'", want: []string{"<>"}},
		{command: "get endpointslices,pdb,ing,ds -o jsonpath='<{.items[*].metadata.generation}>'", want: []string{"1 1 1>"}},
		{command: "logs POD --tail 3", want: []string{"200 in"}},
		{command: "logs deploy/cart --since 20s --timestamps", want: []string{"Z 20"}},
		{command: "logs -f POD --tail 1", until: "200 in"},
		{command: "logs POD -p", want: []string{"previous terminated container"}, code: 1},
		{command: "logs POD -c x", want: []string{"container x is not valid"}, code: 1},
		{command: "top nodes", want: []string{"m0", "%"}},
		{command: "top pods --containers", want: []string{"cart", "Mi"}},
		{command: "explain deploy.spec.strategy", want: []string{"FIELDS:", "rollingUpdate"}},
		{command: "api-resources", want: []string{"deployments", "deploy", "apps/v1"}},
		{command: "api-versions", want: []string{"metrics.k8s.io/v1beta1"}},
		{command: "get nosuch", want: []string{`the server doesn't have a resource type "nosuch"`}, code: 1},
		{command: "get pod nosuch", want: []string{`pods "nosuch" not found`}, code: 1},
		{command: "wait --for condition=Available deploy/cart --timeout 5s", want: []string{"condition met"}},
	})
}

func TestKubectlChanges(t *testing.T) {
	s := newSite(t)
	s.session(t, []step{
		{command: "scale deploy cart --replicas 5", want: []string{"scaled"}},
		{command: "rollout status deploy/cart", want: []string{"successfully rolled out"}},
		{command: "set image deploy/cart app=cart:1.1.0", want: []string{"image updated"}},
		{command: "rollout status deploy/cart", want: []string{"Waiting for deployment", "successfully rolled out"}},
		{command: "rollout history deploy/cart --revision 2", want: []string{"cart:1.1.0"}},
		{command: "rollout undo deploy/cart", want: []string{"rolled back"}},
		{command: "rollout status deploy/cart", want: []string{"successfully rolled out"}},
		{command: "rollout history deploy/cart", want: []string{"\n2 ", "\n3 "}},
		{command: "rollout pause deploy/cart", want: []string{"paused"}},
		{command: "rollout restart deploy/cart", want: []string{"can't restart paused deployment"}, code: 1},
		{command: "rollout resume deploy/cart", want: []string{"resumed"}},
		{command: "rollout restart deploy/cart", want: []string{"restarted"}},
		{command: "rollout status deploy/cart", want: []string{"successfully rolled out"}},
		{command: `patch deploy cart -p '{"spec":{"replicas":2}}'`, want: []string{"patched"}},
		{command: `patch deploy cart --type merge -p '{"metadata":{"annotations":{"a":"b"}}}'`, want: []string{"patched"}},
		{command: `patch deploy cart --type json -p '[{"op":"replace","path":"/spec/replicas","value":3}]'`, want: []string{"patched"}},
		{command: `patch deploy cart --type json -p '[{"op":"test","path":"/spec/replicas","value":9}]'`, want: []string{"The request is invalid"}, code: 1},
		{command: "create secret generic card --from-literal=pin=1", want: []string{"secret/card created"}},
		{command: "get secret card", want: []string{"Opaque"}},
		{command: "create configmap Bad_Name", want: []string{`ConfigMap "Bad_Name" is invalid: metadata.name`, "lowercase RFC 1123 subdomain"}, code: 1},
		{command: "create ns a.b", want: []string{`The Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots`}, code: 1},
		{command: "create service clusterip Bad_Name --tcp 80", want: []string{`Service "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 label must`}, code: 1},
		{command: `patch cm words --type merge -p '{"metadata":{"labels":{"a b":"c d"}}}'`, want: []string{"metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters", `"c d": a valid label must be`}, code: 1},
		{command: `patch deploy cart -p '{"spec":{"replicas":-1}}'`, want: []string{"must be greater than or equal to 0"}, code: 1},
		{command: `patch pod POD -p '{"spec":{"nodeName":"m9"}}'`, want: []string{"pod updates may not change fields"}, code: 1},
		{command: "label deploy cart team=pay", want: []string{"cart labele"}},
		{command: "label deploy cart team=buy", want: []string{"already has a value"}, code: 1},
		{command: "get deploy cart -o jsonpath='<{.metadata.generation}>'", want: []string{"<10>"}},
		{command: "annotate deploy cart note=x", want: []string{"annotated"}},
		{command: "get deploy cart -o jsonpath='<{.metadata.generation}>'", want: []string{"<11>"}},
		{command: "get deploy -l team=pay -o name", want: []string{"deployment.apps/cart"}},
		{command: "scale deploy cart --replicas 1 --dry-run=server", want: []string{"server dry run"}},
		{command: "get deploy cart -o jsonpath='{.spec.replicas}'", want: []string{"3"}},
		{command: "run one --image nginx:1", want: []string{"pod/one created"}},
		{command: "wait --for condition=Ready pod/one --timeout 10s", want: []string{"condition met"}},
		{command: "delete pod one --force --grace-period=0", want: []string{"force deleted"}},
		{command: "create cm more --from-literal a=b", want: []string{"created"}},
		{command: "delete rs -l app=cart --cascade=background --wait=false", want: []string{"deleted"}},
		{command: "rollout status deploy/cart", want: []string{"successfully rolled out"}},
		{command: "delete deploy cart --cascade=orphan", want: []string{"deleted"}},
		{command: "get rs -l app=cart -o name", want: []string{"replicaset.apps/cart-"}},
		{command: "delete sts db --cascade=foreground", want: []string{"deleted"}},
		{command: "get pods -l app=db", want: []string{"No resources found"}},
		{command: "get pvc -o name", want: []string{"data-db-0", "data-db-1"}},
		{command: "create ns other", want: []string{"created"}},
		{command: "delete ns other", want: []string{"deleted"}},
	})
}

// TestKubectlVersions: sets that are no deployments have their history in revisions.
func TestKubectlVersions(t *testing.T) {
	s := newSite(t)
	for _, set := range []string{"sts/db", "ds/agent"} {
		name := strings.SplitN(set, "/", 2)[1]
		s.session(t, []step{
			{command: "rollout status " + set, want: []string{"roll"}},
			{command: "set image " + set + " " + name + "=" + name + ":2", want: []string{"image updated"}},
			{command: "rollout status " + set, want: []string{"roll"}},
			{command: "rollout history " + set, want: []string{"\n1 ", "\n2 "}},
			{command: "rollout history " + set + " --revision 1", want: []string{name + ":1"}},
			{command: "rollout undo " + set, want: []string{"rolled back"}},
			{command: "rollout status " + set, want: []string{"roll"}},
			{command: "rollout history " + set, want: []string{"\n2 ", "\n3 "}},
			{command: "get pods -l app=" + name + " -o jsonpath='{.items[*].spec.containers[0].image}'", want: []string{name + ":1"}},
			{command: "rollout undo " + set + " --to-revision 2", want: []string{"rolled back"}},
			{command: "rollout status " + set, want: []string{"roll"}},
			{command: "rollout restart " + set, want: []string{"restarted"}},
			{command: "rollout status " + set, want: []string{"roll"}},
			{command: "get controllerrevisions", want: []string{"CONTROLLER", "REVISION", "/" + name}},
		})
	}
}

func TestKubectlNodes(t *testing.T) {
	s := newSite(t)
	s.session(t, []step{
		{command: "cordon m0", want: []string{"cordoned"}},
		{command: "get node m0", want: []string{"Ready,SchedulingDisabled"}},
		{command: "uncordon m0", want: []string{"uncordoned"}},
		{command: "taint node m0 a=b:NoSchedule", want: []string{"tainted"}},
		{command: "taint node m0 a-", want: []string{"untainted"}},
		{command: "drain m0", want: []string{"cannot delete DaemonSet-managed Pods"}, code: 1},
		{command: "drain m0 --ignore-daemonsets --delete-emptydir-data --timeout 20s", races: true, want: []string{"evicting pod shop/cart-", "node/m0 drained"}},
		{command: "rollout status deploy/cart", want: []string{"successfully rolled out"}},
		{command: "get pods --field-selector spec.nodeName=m0 -o name", want: []string{"pod/agent-"}},
		{command: "uncordon m0", want: []string{"uncordoned"}},
	})
}

func TestKubectlApplies(t *testing.T) {
	s := newSite(t)
	manifest := `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"mine","namespace":"shop"},"data":{"a":"1"}}`
	file := s.file("mine.json", manifest)
	other := s.file("other.json", strings.Replace(manifest, `"a":"1"`, `"a":"2"`, 1))
	wrong := s.file("wrong.json", strings.Replace(manifest, `"data"`, `"dota"`, 1))
	editor := filepath.Join(filepath.Dir(file), "editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\nsed -i 's/a: .*/a: edited/' \"$1\"\n"), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	t.Setenv("KUBE_EDITOR", editor)
	s.session(t, []step{
		{command: "apply -f " + file, want: []string{"configmap/mine created"}},
		{command: "apply -f " + file, want: []string{"unchanged"}},
		{command: "diff -f " + other, want: []string{"a: \"2\""}, code: 1},
		{command: "apply -f " + other, want: []string{"configured"}},
		{command: "delete cm mine", want: []string{"deleted"}},
		{command: "apply --server-side --field-manager one -f " + file, want: []string{"serverside-applied"}},
		{command: "apply --server-side --field-manager two -f " + other, want: []string{"Apply failed with 1 conflict", `conflict with "one"`, ".data.a"}, code: 1},
		{command: "apply --server-side --field-manager two --force-conflicts -f " + other, want: []string{"serverside-applied"}},
		{command: "get cm mine -o yaml --show-managed-fields", want: []string{"manager: two", `a: "2"`}},
		{command: "apply -f " + wrong, want: []string{"unknown field \"dota\""}, code: 1},
		{command: "edit cm mine", want: []string{"edited"}},
		{command: "get cm mine -o jsonpath='{.data.a}'", want: []string{"edited"}},
		{command: "replace -f " + file, want: []string{"replaced"}},
		{command: "create -f " + file, want: []string{"already exists"}, code: 1},
		{command: "delete -f " + file, want: []string{"deleted"}},
	})
}

func TestKubectlEnters(t *testing.T) {
	s := newSite(t)
	to := filepath.Join(filepath.Dir(s.kubeconfig), "hosts")
	s.session(t, []step{
		{command: "exec POD -- hostname", want: []string{"cart-"}},
		{command: "exec POD -- sh -c 'df -h; free -m; ps aux | grep java'", want: []string{"39.1G", "8192", "java"}},
		{command: "exec POD -- sh -c 'echo $HOSTNAME; nosuch || exit $?'", want: []string{"cart-", "nosuch: not found", "exit code 127"}, code: 127},
		{command: "exec POD -- sh -c 'exit 3'", want: []string{"exit code 3"}, code: 3},
		{command: "exec POD -- nosuch", want: []string{`exec: "nosuch": executable file not found in $PATH`}, code: 1},
		{command: "exec -i POD -- sh", in: "cd /etc\ncat hostname\nexit 4\n", want: []string{"cart-", "exit code 4"}, code: 4},
		{command: "exec POD -- curl -sS http://cart/hello", want: []string{"GET /hello of cart-"}},
		{command: "exec POD -- curl -sS http://localhost:8080/hello", want: []string{"GET /hello of cart-"}},
		{command: "exec POD -- curl -sS http://127.0.0.1:22", want: []string{"(7) Failed to connect to 127.0.0.1 port 22"}, code: 7},
		{command: "exec POD -- curl -sS http://nosuch", want: []string{"(6) Could not resolve host"}, code: 6},
		{command: "exec POD -- cat /etc/passwd", want: []string{"No such file or directory"}, code: 1},
		{command: "exec POD -c x -- hostname", want: []string{"container x is not valid"}, code: 1},
		{command: "exec nosuch -- hostname", want: []string{`pods "nosuch" not found`}, code: 1},
		{command: "cp POD:/etc/hosts " + to, races: true, want: nil},
		{command: "get --raw /api/v1/namespaces/shop/pods/POD:8080/proxy/x", want: []string{"GET /x of cart-"}},
		{command: "get --raw /api/v1/namespaces/shop/services/cart:80/proxy/x", want: []string{"GET /x of cart-"}},
		{command: "get --raw /api/v1/namespaces/shop/services/cart:81/proxy/x", want: []string{"no service port 81 found"}, code: 1},
		{command: "get --raw /api/v1/namespaces/shop/pods/POD:9999/proxy/x", want: []string{"connection refused"}, code: 1},
	})
	if b, err := os.ReadFile(to); !raceDetector && (err != nil || !strings.Contains(string(b), "cart-")) {
		t.Errorf("copied was %q, %v", b, err)
	}
}

// TestKubectlCopies: what is written into a container is there until it is started again.
func TestKubectlCopies(t *testing.T) {
	s := newSite(t)
	p, mine := s.pod("cart").Name, s.file("mine", "of mine")
	s.session(t, []step{
		{command: "cp " + mine + " " + p + ":/tmp/mine", races: true},
		{command: "exec " + p + " -- cat /tmp/mine", races: true, want: []string{"of mine"}},
		{command: "cp " + mine + " " + p + ":/etc/mine", races: true, want: []string{"Read-only file system"}, code: 1},
		{command: "exec " + p + " -- kill 1"},
		{command: "wait --for jsonpath='{.status.containerStatuses[0].restartCount}'=1 pod/" + p + " --timeout 20s", want: []string{"condition met"}},
		{command: "wait --for condition=Ready pod/" + p + " --timeout 20s", want: []string{"condition met"}},
		{command: "exec " + p + " -- cat /tmp/mine", want: []string{"No such file"}, code: 1},
	})
}

// TestKubectlUsers: who may not is refused, as the real server refuses it.
func TestKubectlUsers(t *testing.T) {
	s := newSite(t)
	s.session(t, []step{
		{who: "reader", command: "get pods", want: []string{"cart-"}},
		{who: "reader", command: "get secrets", want: []string{`Error from server (Forbidden): secrets is forbidden: User "reader" cannot list resource "secrets" in API group "" in the namespace "shop"`}, code: 1},
		{who: "reader", command: "scale deploy cart --replicas 1", want: []string{"Forbidden", "deployments/scale"}, code: 1},
		{who: "reader", command: "exec POD -- hostname", want: []string{"forbidden"}, code: 1},
		{who: "reader", command: "delete pod POD", want: []string{"Forbidden"}, code: 1},
		{who: "reader", command: "drain m0 --ignore-daemonsets", want: []string{"cannot patch resource \"nodes\""}, code: 1},
		{who: "reader", command: "auth can-i get pods", want: []string{"yes"}},
		{who: "reader", command: "auth can-i --list", want: []string{"[get list watch]"}},
		{who: "reader", command: "auth whoami", want: []string{"reader", "system:authenticated"}},
		{who: "developer", command: "exec POD -- hostname", want: []string{"cart-"}},
		{who: "developer", command: "get secrets", want: []string{"key"}},
		{who: "developer", command: "get secrets -A", want: []string{"Forbidden", "at the cluster scope"}, code: 1},
		{who: "developer", command: "rollout restart deploy/cart", want: []string{"restarted"}},
		{who: "developer", command: "cordon m0", want: []string{"forbidden"}},
		{who: "developer", command: "auth can-i delete pods", want: []string{"yes"}},
	})
}
