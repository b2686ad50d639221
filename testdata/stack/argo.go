package stack

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// buildArgo builds the Argo Rollouts controller in its own module, which has the
// k8s.io libraries that it was written for, and copies its definitions. Its two
// ports are made to listen on loopback only, for which there is no flag.
func buildArgo(ctx context.Context, src, dir string) error {
	const argo = "github.com/argoproj/argo-rollouts"
	source, err := modulePart(ctx, src, "{{.Dir}}", argo)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "argo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(filepath.Join(work, "source"), os.DirFS(source)); err != nil {
		return fmt.Errorf("copy %s: %w", argo, err)
	}
	if err := onLoopback(filepath.Join(work, "source", "controller", "controller.go")); err != nil {
		return err
	}
	if err := os.CopyFS(filepath.Join(work, "build"), os.DirFS(src)); err != nil {
		return err
	}
	edit := exec.CommandContext(ctx, "go", "mod", "edit", "-replace", argo+"=../source")
	edit.Dir = filepath.Join(work, "build")
	if out, err := edit.CombinedOutput(); err != nil {
		return fmt.Errorf("replace %s: %w: %s", argo, err, out)
	}
	if err := goBuild(ctx, edit.Dir, filepath.Join(dir, "rollouts-controller"), argo+"/cmd/rollouts-controller", ""); err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(dir, "rollouts"), os.DirFS(filepath.Join(source, "manifests", "crds")))
}

func onLoopback(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	const everywhere = `"0.0.0.0:%d"`
	if !bytes.Contains(text, []byte(everywhere)) {
		return fmt.Errorf("%s no longer says %s: see where it listens", file, everywhere)
	}
	if err := os.Chmod(file, 0o644); err != nil { // the module cache's are read-only
		return err
	}
	return os.WriteFile(file, bytes.ReplaceAll(text, []byte(everywhere), []byte(`"127.0.0.1:%d"`)), 0o644)
}

// defineRollouts makes the API server know rollouts, before their controller
// looks for them.
func (c *cluster) defineRollouts(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(c.bin, "rollouts", "*-crd.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no definitions of rollouts beside the binaries (%s): build first", c.bin)
	}
	args := []string{"apply", "--server-side", "--force-conflicts"}
	for _, file := range files {
		args = append(args, "-f", file)
	}
	if err := c.kubectl(ctx, nil, args...); err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := client.Discovery().RESTClient().Get().AbsPath("/apis/argoproj.io/v1alpha1/rollouts").Do(ctx).Error()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("rollouts are not served: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
