package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// machines is the part of the stack that makes machines: Cluster API's managers on
// cluster a, with the kubeadm providers and the test module's infrastructure, whose
// machines exist only in memory.
type machines struct {
	dir   string
	on    *cluster
	ports ports
}

// A manager is one of Cluster API's programs: where its main package is in its
// module, and its manifests.
type manager struct{ name, module, pkg, config string }

const (
	capiModule = "sigs.k8s.io/cluster-api"
	capiTest   = "sigs.k8s.io/cluster-api/test"
)

func managers() []manager {
	return []manager{
		{"capi-core", capiModule, "core", "core/config/default"},
		{"capi-kubeadm-bootstrap", capiModule, "bootstrap/kubeadm", "bootstrap/kubeadm/config/default"},
		{"capi-kubeadm-controlplane", capiModule, "controlplane/kubeadm", "controlplane/kubeadm/config/default"},
		{"capi-dev", capiTest, "infrastructure/docker", "infrastructure/docker/config/default"},
	}
}

//go:embed manifests/machines.yaml
var machinesManifest []byte

func newMachines(dir string, on *cluster) *machines { return &machines{dir: dir, on: on} }

// UpMachines builds and starts Cluster API on cluster a, which must be up, and
// returns when it has taken the cluster edge. Its machines come within two minutes.
func (s *Stack) UpMachines(ctx context.Context, src string) error {
	m := s.machines
	bin, err := buildMachines(ctx, filepath.Join(src, "capi"), filepath.Join(s.dir, "bin", "kubectl"))
	if err != nil {
		return err
	}
	if err := m.choosePorts(); err != nil {
		return err
	}
	if err := relink(bin, filepath.Join(m.dir, "bin")); err != nil {
		return err
	}
	if err := m.define(ctx, bin); err != nil {
		return err
	}
	for _, g := range managers() {
		p := m.program(g.name)
		if _, ok := p.running(); !ok {
			if err := p.start(); err != nil {
				return err
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		err := m.on.kubectl(ctx, machinesManifest, "apply", "--server-side", "--force-conflicts", "-f", "-")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cluster API does not take its cluster (its logs are in %s): %w", m.dir, err)
		case <-time.After(time.Second): // its webhooks are not there yet
		}
	}
}

// define makes the API server know Cluster API's kinds and webhooks.
func (m *machines) define(ctx context.Context, bin string) error {
	for _, g := range managers() {
		objects, err := m.objects(g, filepath.Join(bin, g.name+".yaml"))
		if err != nil {
			return err
		}
		if err := m.on.kubectl(ctx, objects, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
			return err
		}
	}
	return m.on.kubectl(ctx, nil, "wait", "--for", "condition=Established", "--timeout", "60s", "crd", "--all")
}

// relink makes link lead to target, wherever it led before.
func relink(target, link string) error {
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, link)
}

func (m *machines) choosePorts() (err error) {
	var names []string
	for _, g := range managers() {
		names = append(names, g.name, g.name+"-health", g.name+"-metrics")
	}
	running := func(p ports) bool {
		m.ports = p
		for _, g := range managers() {
			if _, ok := m.program(g.name).running(); ok {
				return true
			}
		}
		return false
	}
	m.ports, err = choosePorts(m.dir, running, names...)
	return err
}

func (m *machines) program(name string) program {
	return program{name: name, dir: m.dir, exe: filepath.Join(m.dir, "bin", name), args: []string{
		"--kubeconfig=" + m.on.path("kubeconfig"), "--leader-elect=false",
		fmt.Sprintf("--webhook-port=%d", m.ports[name]), "--webhook-cert-dir=" + m.dir,
		fmt.Sprintf("--health-addr=127.0.0.1:%d", m.ports[name+"-health"]),
		fmt.Sprintf("--diagnostics-address=127.0.0.1:%d", m.ports[name+"-metrics"]), "--insecure-diagnostics", "--v=0",
	}, env: []string{"POD_IP=127.0.0.1", "POD_NAMESPACE=kube-system", "POD_NAME=" + name, "POD_UID=" + name}}
}

// objects are a manager's definitions as they can be used here: its webhooks go to
// its address on loopback, and nothing is converted.
func (m *machines) objects(g manager, file string) ([]byte, error) {
	all, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(m.on.path("ca.crt"))
	if err != nil {
		return nil, err
	}
	for from, to := range map[string]string{"kubelet.crt": "tls.crt", "kubelet.key": "tls.key"} {
		data, err := os.ReadFile(m.on.path(from))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(m.dir, to), data, 0o600); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	for _, text := range strings.Split(string(all), "\n---\n") {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		switch o["kind"] {
		case "Namespace":
		case "CustomResourceDefinition":
			delete(o["spec"].(map[string]any), "conversion")
		case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
			for _, w := range o["webhooks"].([]any) {
				config := w.(map[string]any)["clientConfig"].(map[string]any)
				path := config["service"].(map[string]any)["path"]
				delete(config, "service")
				config["url"] = fmt.Sprintf("https://127.0.0.1:%d%s", m.ports[g.name], path)
				config["caBundle"] = base64.StdEncoding.EncodeToString(ca)
			}
		default:
			continue // roles, deployments and services: its programs run here
		}
		data, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "---\n%s", data)
	}
	return out.Bytes(), nil
}

func (m *machines) down() error {
	p, err := loadPorts(m.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	m.ports = p
	var errs []error
	for _, g := range managers() {
		errs = append(errs, m.program(g.name).stop())
	}
	return errors.Join(errs...)
}

// buildMachines gives the folder of Cluster API's managers and manifests, built
// unless the cache has them. What listens everywhere is made to listen on loopback
// only, for which there are no flags.
func buildMachines(ctx context.Context, src, kubectl string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	h := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(src, name))
		if err != nil {
			return "", fmt.Errorf("%w (run this in testdata/stack)", err)
		}
		fmt.Fprintf(h, "%s %d\n%s", name, len(data), data)
	}
	target := filepath.Join(cache, "wheelhouse-stack", "machines", hex.EncodeToString(h.Sum(nil))[:16])
	if _, err := os.Stat(target); err == nil {
		return target, nil
	}
	work, err := os.MkdirTemp("", "capi-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	sources := map[string]string{capiModule: filepath.Join(work, "core"), capiTest: filepath.Join(work, "test")}
	if err := managerSources(ctx, src, filepath.Join(work, "build"), sources); err != nil {
		return "", err
	}
	built := filepath.Join(work, "built")
	for _, g := range managers() {
		if err := goBuild(ctx, filepath.Join(work, "build"), filepath.Join(built, g.name), g.module+"/"+g.pkg, ""); err != nil {
			return "", err
		}
		text, err := exec.CommandContext(ctx, kubectl, "kustomize", filepath.Join(sources[g.module], g.config)).Output()
		if err != nil {
			return "", fmt.Errorf("render the manifests of %s: %w", g.name, err)
		}
		if err := os.WriteFile(filepath.Join(built, g.name+".yaml"), text, 0o644); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return "", err
	}
	if err := os.CopyFS(target+"-new", os.DirFS(built)); err != nil {
		return "", err
	}
	return target, os.Rename(target+"-new", target)
}

// managerSources puts changed copies of the modules where sources say, and a module
// that is built with those into dir.
func managerSources(ctx context.Context, src, dir string, sources map[string]string) error {
	if err := os.CopyFS(dir, os.DirFS(src)); err != nil {
		return err
	}
	for module, to := range sources {
		if err := copyModule(ctx, src, module, to); err != nil {
			return err
		}
		edit := exec.CommandContext(ctx, "go", "mod", "edit", "-replace", module+"="+to)
		edit.Dir = dir
		if out, err := edit.CombinedOutput(); err != nil {
			return fmt.Errorf("replace %s: %w: %s", module, err, out)
		}
	}
	return managersOnLoopback(sources)
}

// copyModule makes a writable copy of a module's source.
func copyModule(ctx context.Context, src, module, dir string) error {
	from, err := modulePart(ctx, src, "{{.Dir}}", module)
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if d.IsDir() {
			mode = 0o755
		}
		return os.Chmod(path, mode)
	})
}

// managersOnLoopback changes where webhooks and the clusters in memory listen.
func managersOnLoopback(sources map[string]string) error {
	webhook := regexp.MustCompile(`(?m)^(\t+)Port: +webhookPort,`)
	for _, g := range managers() {
		if err := rewrite(filepath.Join(sources[g.module], g.pkg, "main.go"), webhook, "$0\n${1}Host: \"127.0.0.1\","); err != nil {
			return err
		}
	}
	everywhere := regexp.MustCompile(`fmt\.Sprintf\(":%d"`)
	mux := filepath.Join(sources[capiTest], "infrastructure", "inmemory", "pkg", "server", "mux.go")
	return rewrite(mux, everywhere, `fmt.Sprintf("127.0.0.1:%d"`)
}

// rewrite changes a file in all places that match; that there is one is certain.
func rewrite(file string, old *regexp.Regexp, by string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !old.Match(text) {
		return fmt.Errorf("%s no longer has %s: see where it listens", file, old)
	}
	return os.WriteFile(file, old.ReplaceAll(text, []byte(by)), 0o644)
}
