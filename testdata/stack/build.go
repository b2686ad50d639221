package stack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pins is what decides the binaries: a change in any of these builds them anew.
var pins = []string{"go.mod", "go.sum", "build.go", "cmd/kube/kube.go", "kwok/go.mod", "kwok/go.sum", "argo.go", "argo/go.mod", "argo/go.sum"}

// stages is which of kwok's own behaviours the nodes and pods have, and what its
// kubelet measures. Each costs kwok time for every event of every pod, so only these.
var stages = []string{
	"stage/node/fast/node-initialize.yaml",
	"stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
	"stage/pod/fast/pod-ready.yaml",
	"stage/pod/fast/pod-complete.yaml",
	"stage/pod/fast/pod-delete.yaml",
	"metrics/resource/metrics-resource.yaml",
}

// definitions is which of kwok's own kinds the API server knows: a pod's log file
// is named while kwok runs.
var definitions = []string{"crd/bases/kwok.x-k8s.io_logs.yaml"}

// Build makes the servers' binaries from the module in src, this one's root,
// unless they are in the user's cache already, and puts them at the state
// directory's bin. A stack that runs on other binaries is ended first.
// Cold it takes some fifteen minutes of two cores.
func (s *Stack) Build(ctx context.Context, src string) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find the cache directory: %w", err)
	}
	key, err := digest(src)
	if err != nil {
		return fmt.Errorf("%w (run this in testdata/stack)", err)
	}
	target := filepath.Join(cache, "wheelhouse-stack", "bin", key)
	if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintln(s.out, "building the servers: minutes when nothing of them is in the build cache")
		if err := buildInto(ctx, src, target); err != nil {
			return err
		}
	}
	return s.use(ctx, src, target)
}

// use makes target the binaries of this stack, and puts the stack command
// itself beside the kubeconfig, for tests.
func (s *Stack) use(ctx context.Context, src, target string) error {
	link := filepath.Join(s.dir, "bin")
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if now, err := os.Readlink(link); err != nil || now != target {
		if err := s.Down(false); err != nil {
			return fmt.Errorf("end what runs on other binaries: %w", err)
		}
		if err := os.RemoveAll(link); err != nil {
			return err
		}
		if err := os.Symlink(target, link); err != nil {
			return err
		}
	}
	return goBuild(ctx, src, filepath.Join(s.dir, "stack"), "./cmd/stack", "")
}

// buildInto builds beside target and renames, so that target is whole or absent.
func buildInto(ctx context.Context, src, target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(target), "building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	kubernetes, err := modulePart(ctx, src, "{{.Version}}", "k8s.io/kubernetes")
	if err != nil {
		return err
	}
	// without a version, servers and clients call themselves v0.0.0-master
	release := strings.Split(strings.TrimPrefix(kubernetes, "v"), ".")
	flags := fmt.Sprintf("-X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean",
		"k8s.io/component-base/version", kubernetes, release[0], release[1])
	if err := goBuild(ctx, src, filepath.Join(dir, "kube"), "./cmd/kube", flags); err != nil {
		return err
	}
	if err := os.Symlink("kube", filepath.Join(dir, "kubectl")); err != nil {
		return err
	}
	if err := buildKwok(ctx, filepath.Join(src, "kwok"), dir); err != nil {
		return err
	}
	if err := buildArgo(ctx, filepath.Join(src, "argo"), dir); err != nil {
		return err
	}
	if err := os.Rename(dir, target); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// buildKwok builds kwok in its own module, which has the older k8s.io libraries
// that it was written for, and copies stages and definitions out of kwok's source.
func buildKwok(ctx context.Context, src, dir string) error {
	const kwok = "sigs.k8s.io/kwok"
	version, err := modulePart(ctx, src, "{{.Version}}", kwok)
	if err != nil {
		return err
	}
	if err := goBuild(ctx, src, filepath.Join(dir, "kwok"), kwok+"/cmd/kwok", "-X "+kwok+"/pkg/consts.Version="+version); err != nil {
		return err
	}
	source, err := modulePart(ctx, src, "{{.Dir}}", kwok)
	if err != nil {
		return err
	}
	if err := copyInto(filepath.Join(dir, "stages"), filepath.Join(source, "kustomize"), stages); err != nil {
		return err
	}
	return copyInto(filepath.Join(dir, "definitions"), filepath.Join(source, "kustomize"), definitions)
}

// copyInto makes the folder and copies those files of source into it.
func copyInto(folder, source string, files []string) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(source, file))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(file)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// goBuild is niced where that can be had: the machine stays usable meanwhile.
func goBuild(ctx context.Context, src, output, pkg, flags string) error {
	args := []string{"go", "build", "-trimpath", "-buildvcs=false", "-ldflags", strings.TrimSpace("-s -w " + flags), "-o", output, pkg}
	if nice, err := exec.LookPath("nice"); err == nil {
		args = append([]string{nice}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", pkg, err, out)
	}
	return nil
}

// modulePart asks the go command about a module that src requires, and fetches it:
// what is not in the module cache has no folder.
func modulePart(ctx context.Context, src, format, module string) (string, error) {
	var part []byte
	for _, args := range [][]string{{"mod", "download", module}, {"list", "-m", "-f", format, module}} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = src
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
		var err error
		if part, err = cmd.Output(); err != nil {
			return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
		}
	}
	return strings.TrimSpace(string(part)), nil
}

func digest(src string) (string, error) {
	h := sha256.New()
	for _, name := range pins {
		data, err := os.ReadFile(filepath.Join(src, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}
