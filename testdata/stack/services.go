package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// services is the part of the stack that is no cluster: the services of a small
// shop, Spring Boot with Resilience4j, each a process. Cluster a has a pod for each
// instance, whose port kwok forwards to the process.
type services struct {
	dir   string
	ports ports
}

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

func newServices(dir string) *services { return &services{dir: dir} }

func (s *services) choosePorts() error {
	var names []string
	for _, i := range serviceInstances() {
		names = append(names, i.name)
	}
	running := func(p ports) bool {
		s.ports = p
		for _, name := range names {
			if _, ok := s.program(name).running(); ok {
				return true
			}
		}
		return false
	}
	var err error
	s.ports, err = choosePorts(s.dir, running, names...)
	return err
}

// program is one instance. Its folder for temporary files is among its words:
// that is how it is known again.
func (s *services) program(name string) program {
	java, _ := exec.LookPath("java") // where it is missing, starting says so
	p := program{name: name, dir: s.dir, exe: java}
	for _, i := range serviceInstances() {
		if i.name != name {
			continue
		}
		p.args = append([]string{
			"-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=" + s.dir, "-jar", filepath.Join(s.dir, "service.jar"),
			fmt.Sprintf("--server.port=%d", s.ports[name]), "--spring.application.name=" + name,
		}, i.args...)
		if i.calls != "" {
			p.args = append(p.args, "--shop.calls="+i.calls, fmt.Sprintf("--shop.at=http://127.0.0.1:%d", s.ports[i.at]))
		}
	}
	return p
}

// forwards is how kwok leads from the pods to the processes.
func (s *services) forwards() []byte {
	var b bytes.Buffer
	for _, i := range serviceInstances() {
		fmt.Fprintf(&b, `---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterPortForward
metadata: {name: %[1]s}
spec:
  selector: {matchNamespaces: [spring], matchNames: [%[1]s]}
  forwards:
  - ports: [8080]
    target: {address: 127.0.0.1, port: %[2]d}
`, i.name, s.ports[i.name])
	}
	return b.Bytes()
}

// UpServices builds and starts the services, and returns when all answer.
func (s *Stack) UpServices(ctx context.Context, src string) error {
	jar, err := buildServices(ctx, filepath.Join(src, "spring"))
	if err != nil {
		return err
	}
	sv := s.services
	if err := sv.choosePorts(); err != nil {
		return err
	}
	if err := relink(jar, filepath.Join(sv.dir, "service.jar")); err != nil {
		return err
	}
	var all sync.WaitGroup
	errs := make([]error, len(serviceInstances()))
	for n, i := range serviceInstances() {
		all.Go(func() { errs[n] = sv.start(ctx, i.name) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// StartService and StopService start and end one instance; its port stays.
func (s *Stack) StartService(ctx context.Context, name string) error {
	if err := s.services.choosePorts(); err != nil {
		return err
	}
	return s.services.start(ctx, name)
}

// StopService ends one instance.
func (s *Stack) StopService(name string) error {
	if err := s.services.choosePorts(); err != nil {
		return err
	}
	return s.services.program(name).stop()
}

// start starts one instance, unless it runs, and waits until it answers.
func (s *services) start(ctx context.Context, name string) error {
	p := s.program(name)
	if p.exe == "" {
		return errors.New("the services want java 17 in the PATH")
	}
	if len(p.args) == 0 {
		return fmt.Errorf("there is no instance %q", name)
	}
	if _, ok := p.running(); !ok {
		if err := p.start(); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/arrived", s.ports[name]), nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(res.Status)
		}
		if _, ok := p.running(); !ok {
			return fmt.Errorf("%s ended; its log is %s", name, p.log())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (its log is %s): %w", name, p.log(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (s *services) down() error {
	p, err := loadPorts(s.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	s.ports = p
	var errs []error
	for _, i := range serviceInstances() {
		errs = append(errs, s.program(i.name).stop())
	}
	return errors.Join(errs...)
}

// buildServices gives the services' jar, built with Maven unless the cache has it.
func buildServices(ctx context.Context, src string) (jar string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	h := sha256.New()
	err = filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n%s", filepath.Base(path), len(data), data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the services' source (run this in testdata/stack): %w", err)
	}
	target := filepath.Join(cache, "wheelhouse-stack", "services", hex.EncodeToString(h.Sum(nil))[:16])
	jar = filepath.Join(target, "service.jar")
	if _, err := os.Stat(jar); err == nil {
		return jar, nil
	}
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", filepath.Join(src, "pom.xml"), "-Dtarget="+target, "package")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the services with Maven: %w: %s", err, out)
	}
	return jar, nil
}
