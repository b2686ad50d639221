package shell_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube/shell"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is a container of a program that leaves much on its machine's disk.
func place(t *testing.T) shell.Place {
	t.Helper()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	w := sandbox.New(func() time.Time { return now }, 0)
	if err := w.Install(sandbox.Program{
		Name: "cart", Enters: 50, Takes: time.Millisecond, CPU: 0.2, Memory: 300, Threads: 100, Starts: time.Second,
		Versions: map[string]sandbox.Version{"1.0.0": {Chatty: 100}},
	}); err != nil {
		t.Fatal(err)
	}
	w.Boot(sandbox.Machine{MachineID: sandbox.MachineID{Cluster: "one", Name: "m0"}, Room: sandbox.Usage{CPU: 4, Memory: 8192}, Disk: 30000})
	id := sandbox.ProcessID{Cluster: "one", Namespace: "shop", Pod: "cart-1", Container: "app"}
	w.Run(sandbox.Command{ProcessID: id, Image: "cart:1.0.0", Machine: "m0", May: sandbox.Usage{CPU: 2, Memory: 512}})
	for range 120 {
		now = now.Add(time.Second)
		w.Move()
	}
	return shell.Place{World: w, ID: id, Host: "cart-1", Address: "10.1.2.3", Env: []string{"COLOUR=red", "CART_SERVICE_HOST=10.96.0.7"}, Transport: away{}, Scratch: shell.NewScratch()}
}

// away is a network with one host in it.
type away struct{}

// RoundTrip implements http.RoundTripper.
func (away) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "cart" {
		return nil, io.EOF
	}
	w := httptest.NewRecorder()
	w.WriteHeader(http.StatusTeapot)
	_, _ = io.WriteString(w, r.Method+" "+r.URL.Path)
	return w.Result(), nil
}

// TestLines: what a line shows, and with which code it ends.
func TestLines(t *testing.T) {
	p := place(t)
	for _, c := range []struct {
		line, want string
		code       int
	}{
		{"echo a  'b  c' \"$COLOUR\" $NONE ${COLOUR}s '$COLOUR'", "a b  c red reds $COLOUR\n", 0},
		{"echo $(hostname)-x", "cart-1-x\n", 0},
		{"true && echo yes || echo no; false && echo yes || echo no", "yes\nno\n", 0},
		{"false; echo $?", "1\n", 0},
		{"X=5; export Y=6; echo $X$Y; env | grep -c '^[XY]='", "56\n2\n", 0},
		{"cat /etc/hosts | grep 10.1 | wc -l", "1\n", 0},
		{"cd /etc && pwd && cat hostname", "/etc\ncart-1\n", 0},
		{"cd /nowhere", "cd: can't cd to /nowhere: No such file or directory\n", 2},
		{"nosuch", "sh: nosuch: not found\n", 127},
		{"nosuch 2>/dev/null; echo $?", "127\n", 0},
		{"echo x > /etc/y; touch /app/y; mkdir /y; rm /etc/hosts", "sh: can't create /etc/y: Read-only file system\ntouch: /app/y: Read-only file system\n" +
			"mkdir: can't create directory '/y': Read-only file system\nrm: can't remove '/etc/hosts': Read-only file system\n", 1},
		{"echo x > /tmp/y; echo z >> /tmp/y; cat /tmp/y; wc -c < /tmp/y; nosuch 2> /tmp/e; cat /tmp/e", "x\nz\n4\nsh: nosuch: not found\n", 0},
		{"mkdir /tmp/a/b; mkdir -p /tmp/a/b && cd /tmp/a && touch b/c && ls b /tmp; test -d b && test -f b/c && echo there", "mkdir: can't create directory '/tmp/a/b': No such file or directory\nc\na\ne\ny\nthere\n", 0},
		{"rm /tmp/a; rm -r /tmp/a; rm /tmp/a; rm -f /tmp/a; ls /tmp", "rm: can't remove '/tmp/a': Is a directory\nrm: can't remove '/tmp/a': No such file or directory\ne\ny\n", 0},
		{"echo x > /tmp/n/y; echo x > /tmp", "sh: can't create /tmp/n/y: nonexistent directory\nsh: can't create /tmp: Read-only file system\n", 1},
		{"curl -s -o /tmp/got cart/x; cat /tmp/got", "GET /x", 0},
		{"tar cf - /tmp/y > /tmp/y.tar; mkdir /tmp/out; tar xf - -C /tmp/out < /tmp/y.tar; cat /tmp/out/tmp/y", "x\nz\n", 0},
		{"echo x >/dev/null", "", 0},
		{"cat < /etc/hostname", "cart-1\n", 0},
		{"cat /root/../etc/passwd", "cat: can't open '/root/../etc/passwd': No such file or directory\n", 1},
		{"cat /etc", "cat: can't open '/etc': Is a directory\n", 1},
		{"ls /; ls /var/lib/cart; ls /nowhere", "app\nbin\ndev\netc\nproc\nroot\nsys\ntmp\nusr\nvar\nwal\nls: /nowhere: No such file or directory\n", 1},
		{"cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max", "536870912\n200000 100000\n", 0},
		{"du -sh /var/lib/cart", "194.0M\t/var/lib/cart\n", 0},
		{"cat /etc/os-release | head -c 4; echo abc | head -2", "NAMEabc\n", 0},
		{"date; date +%s; date -Is", "Sat Nov 28 12:02:00 UTC 2026\n1795867320\n2026-11-28T12:02:00Z\n", 0},
		{"id; whoami; uname; uname -r; nproc", "uid=0(root) gid=0(root) groups=0(root)\nroot\nLinux\n6.6.95-flatcar\n4\n", 0},
		{"which ls nosuch; command -v sh", "/bin/ls\n/bin/sh\n", 0},
		{"curl -s http://cart/x; curl -s -o /dev/null -w '%{http_code}\\n' -X POST cart/y; curl -sf cart", "GET /x418\n", 22},
		{"curl nowhere", "curl: (52) Empty reply from server\n", 52},
		{"curl -d a=b cart/z; wget -qO - cart", "POST /zwget: server returned error: HTTP/1.1 418 I'm a teapot\n", 1},
		{"nslookup cart | tail -n 1", "Address: 10.96.0.7\n", 0},
		{"kill 5", "kill: can't kill pid 5: No such process\n", 1},
		{"echo 'open", "sh: syntax error: unterminated quoted string\n", 2},
		{"exit 300", "", 44},
		{"# nothing", "", 0},
	} {
		var out bytes.Buffer
		code, err := shell.Run(t.Context(), p, []string{"sh", "-c", c.line}, shell.Terminal{Out: &out, Err: &out})
		if err != nil || code != c.code || out.String() != c.want {
			t.Errorf("%s\nends with %d, %v, and shows\n%q instead of\n%q", c.line, code, err, out.String(), c.want)
		}
	}
}

// TestScratch: what is written is bounded, in files and in bytes.
func TestScratch(t *testing.T) {
	p := place(t)
	run := func(line, in string) string {
		var out bytes.Buffer
		if _, err := shell.Run(t.Context(), p, []string{"sh", "-c", line}, shell.Terminal{In: strings.NewReader(in), Out: &out, Err: &out}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	run("cat > /tmp/large", strings.Repeat("x", 3<<20))
	if got := run("wc -c < /tmp/large; rm /tmp/large", ""); got != "0\n" {
		t.Errorf("there are %s bytes in what is too large", got)
	}
	for n := range 200 {
		run(fmt.Sprintf("touch /tmp/f%d", n), "")
	}
	if got := run("touch /tmp/more; ls /tmp | wc -l", ""); got != "touch: /tmp/more: No space left on device\n100\n" {
		t.Errorf("after many: %q", got)
	}
}

// TestFacts: what is so in the world is what a person sees.
func TestFacts(t *testing.T) {
	p := place(t)
	run := func(line string) string {
		var out bytes.Buffer
		if _, err := shell.Run(t.Context(), p, []string{"sh", "-c", line}, shell.Terminal{Out: &out, Err: &out}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for line, wants := range map[string][]string{
		"df":                          {"30720000", "overlay", " 34% /"},
		"free -m":                     {"8192"},
		"ps":                          {"java", "ps"},
		"ps aux":                      {"java -XX", "/app/cart.jar"},
		"top":                         {"Load average", "java"},
		"uptime":                      {"load average"},
		"tail -n 2 /var/log/cart.log": {"[cart]"},
		"cat /proc/meminfo":           {"MemTotal:        8388608 kB"},
		"ls -l /app":                  {"50331648", "cart.jar"},
	} {
		for _, want := range wants {
			if got := run(line); !strings.Contains(got, want) {
				t.Errorf("%s does not show %q:\n%s", line, want, got)
			}
		}
	}
	run("kill 1")
	p.World.Move()
	if proc, err := p.World.Process(p.ID); err != nil || proc.Ready {
		t.Errorf("killed it is %+v, %v", proc, err)
	}
}

// TestNoSuch: a command that is none is not even begun, and one that goes on ends with
// whoever wanted it.
func TestNoSuch(t *testing.T) {
	p := place(t)
	for _, name := range []string{"nosuch", "/etc/hosts", "./sh", ""} {
		if _, err := shell.Run(t.Context(), p, []string{name}, shell.Terminal{}); err == nil || !strings.Contains(err.Error(), "executable file not found in $PATH") {
			t.Errorf("%q: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code, err := shell.Run(ctx, p, []string{"tail", "-f", "/var/log/cart.log"}, shell.Terminal{Out: io.Discard}); err != nil || code != 130 {
		t.Errorf("it ended with %d, %v", code, err)
	}
}
