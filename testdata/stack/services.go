package stack

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
)

// A service's instance: which other it calls, and what else it is started with.
type serviceInstance struct {
	name, calls, at string // at is the instance that is called
	args            []string
}

// serviceInstances are in the order in which they start. search's actuator wants a
// login, and ledger's lets nobody change anything.
func serviceInstances() []serviceInstance {
	return []serviceInstance{
		{name: "bank-0"},
		{name: "payments-0", calls: "bank", at: "bank-0"},
		{name: "payments-1", calls: "bank", at: "bank-0"},
		{name: "search-0", calls: "bank", at: "bank-0", args: []string{
			"--shop.secured=true", "--spring.security.user.name=" + ServiceUser, "--spring.security.user.password=" + ServicePassword,
		}},
		{name: "ledger-0", calls: "bank", at: "bank-0", args: []string{"--management.endpoints.access.max-permitted=read_only"}},
	}
}

// Who may use the actuator of search.
const (
	ServiceUser     = "ops"
	ServicePassword = "not-a-secret"
)

//go:embed manifests/services.yaml
var servicesManifest []byte

// newServices is the part that has the services of a small shop: Spring Boot with
// Resilience4j, each instance a process. Cluster a has a pod for each instance,
// whose port kwok forwards to the process.
func newServices(dir string) *fleet {
	f := &fleet{name: "services", dir: dir}
	instances := map[string]serviceInstance{}
	for _, i := range serviceInstances() {
		f.programs = append(f.programs, i.name)
		instances[i.name] = i
	}
	f.build = func(ctx context.Context, src string) (string, error) {
		return builtByMaven(ctx, f.name, filepath.Join(src, "spring"))
	}
	f.program = func(name string) program {
		i := instances[name]
		// the folder is among the words: that is how the program is known again
		p := program{name: name, dir: f.dir, exe: java(), args: append([]string{
			"-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=" + f.dir, "-jar", f.path("built", "service.jar"),
			fmt.Sprintf("--server.port=%d", f.ports[name]), "--spring.application.name=" + name,
		}, i.args...)}
		if i.calls != "" {
			p.args = append(p.args, "--shop.calls="+i.calls, fmt.Sprintf("--shop.at=http://127.0.0.1:%d", f.ports[i.at]))
		}
		return p
	}
	f.ready = func(ctx context.Context, name string) error {
		return answers(ctx, fmt.Sprintf("http://127.0.0.1:%d/arrived", f.ports[name]))
	}
	return f
}

// java is where Java is, or where it would be looked for.
func java() string {
	if path, err := exec.LookPath("java"); err == nil {
		return path
	}
	return "java"
}

// answers gives no error when a URL is answered with 200.
func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	return nil
}

// forwards is how kwok leads from the services' pods to their processes.
func forwards(services *fleet) []byte {
	var b bytes.Buffer
	for _, name := range services.programs {
		fmt.Fprintf(&b, `---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterPortForward
metadata: {name: %[1]s}
spec:
  selector: {matchNamespaces: [spring], matchNames: [%[1]s]}
  forwards:
  - ports: [8080]
    target: {address: 127.0.0.1, port: %[2]d}
`, name, services.ports[name])
	}
	return b.Bytes()
}
