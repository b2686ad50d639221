//go:build real

package kube

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestRealKubectl: the built kubectl, which ends as a person ends it and has exit codes
// that nothing of ours has a hand in.
func TestRealKubectl(t *testing.T) {
	s := newSite(t)
	binary := filepath.Join(os.Getenv("WHEELHOUSE_STACK"), "bin", "kubectl")
	run := func(who string, st step, args []string) (string, int) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		c := exec.CommandContext(ctx, binary, append([]string{"--kubeconfig", s.kubeconfig, "--context", who, "--cache-dir", t.TempDir()}, args...)...) //nolint:gosec // it is built by the stack
		var out bytes.Buffer
		c.Stdin, c.Stdout, c.Stderr = strings.NewReader(st.in), &out, &out
		if err := c.Run(); c.ProcessState == nil {
			t.Fatalf("start kubectl: %v", err)
		}
		return out.String(), c.ProcessState.ExitCode()
	}
	s.sessionOf(t, []step{
		{command: "version", want: []string{"Server Version: v" + Version}},
		{command: "get pods -o wide", want: []string{"cart-", "Running"}},
		{command: "describe deploy cart", want: []string{"NewReplicaSet:"}},
		{command: "logs POD --tail 2", want: []string{"200 in"}},
		{command: "exec POD -- hostname", want: []string{"cart-"}},
		{command: "exec -i POD -- sh", in: "df -h /\nexit 5\n", want: []string{"overlay"}, code: 5},
		{command: "exec POD -- sh -c nosuch", want: []string{"not found"}, code: 127},
		{command: "scale deploy cart --replicas 4", want: []string{"scaled"}},
		{command: "set image deploy/cart app=cart:1.1.0", want: []string{"updated"}},
		{command: "rollout status deploy/cart --timeout 20s", want: []string{"successfully rolled out"}},
		{command: "rollout undo deploy/cart", want: []string{"rolled back"}},
		{command: "patch pdb cart --type merge -p {\"spec\":{\"maxUnavailable\":0}}", want: []string{"patched"}},
		{command: "drain m1 --ignore-daemonsets --timeout 1s", want: []string{"Cannot evict pod as it would violate the pod's disruption budget"}, code: 1},
		{command: "uncordon m1", want: []string{"uncordoned"}},
		{command: "top pods", want: []string{"cart-"}},
		{who: "reader", command: "auth can-i delete pods", want: []string{"no"}, code: 1},
		{who: "reader", command: "exec POD -- hostname", want: []string{"forbidden"}, code: 1},
		{who: "developer", command: "auth can-i create pods/exec", want: []string{"yes"}},
	}, run)
}
