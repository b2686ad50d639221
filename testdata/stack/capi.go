package stack

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

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

// newMachines is the part that makes machines: Cluster API's managers on a cluster,
// which must be up, with the kubeadm providers and the test module's infrastructure,
// whose machines exist only in memory. Its cluster edge has them within two minutes.
func newMachines(dir string, on *cluster) *fleet {
	f := &fleet{name: "machines", dir: dir}
	for _, g := range managers() {
		f.programs = append(f.programs, g.name)
		f.more = append(f.more, g.name+"-health", g.name+"-metrics")
	}
	f.build = func(ctx context.Context, src string) (string, error) {
		return buildMachines(ctx, filepath.Join(src, "capi"), filepath.Join(on.bin, "kubectl"))
	}
	f.prepare = func(ctx context.Context) error { return defineMachines(ctx, f, on) }
	f.program = func(name string) program {
		return program{name: name, dir: f.dir, exe: f.path("built", name), args: []string{
			"--kubeconfig=" + on.path("kubeconfig"), "--leader-elect=false",
			fmt.Sprintf("--webhook-port=%d", f.ports[name]), "--webhook-cert-dir=" + f.dir,
			fmt.Sprintf("--health-addr=127.0.0.1:%d", f.ports[name+"-health"]),
			fmt.Sprintf("--diagnostics-address=127.0.0.1:%d", f.ports[name+"-metrics"]), "--insecure-diagnostics", "--v=0",
		}, env: []string{"POD_IP=127.0.0.1", "POD_NAMESPACE=kube-system", "POD_NAME=" + name, "POD_UID=" + name}}
	}
	f.ready = func(ctx context.Context, _ string) error { // when all their webhooks let the cluster in
		return on.kubectl(ctx, machinesManifest, "apply", "--server-side", "--force-conflicts", "-f", "-")
	}
	return f
}

// defineMachines makes the API server know Cluster API's kinds and webhooks.
func defineMachines(ctx context.Context, f *fleet, on *cluster) error {
	for from, to := range map[string]string{"kubelet.crt": "tls.crt", "kubelet.key": "tls.key"} {
		data, err := os.ReadFile(on.path(from))
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.path(to), data, 0o600); err != nil {
			return err
		}
	}
	ca, err := os.ReadFile(on.path("ca.crt"))
	if err != nil {
		return err
	}
	for _, g := range managers() {
		objects, err := managerObjects(f.path("built", g.name+".yaml"), fmt.Sprintf("https://127.0.0.1:%d", f.ports[g.name]), ca)
		if err != nil {
			return err
		}
		if err := on.kubectl(ctx, objects, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
			return err
		}
	}
	return on.kubectl(ctx, nil, "wait", "--for", "condition=Established", "--timeout", "60s", "crd", "--all")
}

// managerObjects are a manager's definitions as they can be used here: its webhooks
// go to its address on loopback, and nothing is converted.
func managerObjects(file, address string, ca []byte) ([]byte, error) {
	all, err := os.ReadFile(file)
	if err != nil {
		return nil, err
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
				config["url"] = fmt.Sprint(address, config["service"].(map[string]any)["path"])
				delete(config, "service")
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

// buildMachines gives the folder of Cluster API's managers and manifests. What
// listens everywhere is made to listen on loopback only, for which there are no flags.
func buildMachines(ctx context.Context, src, kubectl string) (string, error) {
	return built("machines", src, func(dir string) error {
		work, err := os.MkdirTemp("", "capi-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(work)
		sources := map[string]string{capiModule: filepath.Join(work, "core"), capiTest: filepath.Join(work, "test")}
		if err := managerSources(ctx, src, filepath.Join(work, "build"), sources); err != nil {
			return err
		}
		for _, g := range managers() {
			if err := goBuild(ctx, filepath.Join(work, "build"), filepath.Join(dir, g.name), g.module+"/"+g.pkg, ""); err != nil {
				return err
			}
			text, err := exec.CommandContext(ctx, kubectl, "kustomize", filepath.Join(sources[g.module], g.config)).Output()
			if err != nil {
				return fmt.Errorf("render the manifests of %s: %w", g.name, err)
			}
			if err := os.WriteFile(filepath.Join(dir, g.name+".yaml"), text, 0o644); err != nil {
				return err
			}
		}
		return nil
	})
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
