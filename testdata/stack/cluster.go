package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// startOrder is every program of a cluster in the order in which it starts.
// They end the other way round: an API server waits for open watches, so its
// clients go first.
var startOrder = []string{"etcd", "apiserver", "controllers", "scheduler", "kwok", "metrics", "rollouts"}

// nodes is how many nodes a cluster has before Load adds its own.
const nodes = 5

// cluster is one control plane with its data, keys and ports in one directory.
type cluster struct {
	name, dir, bin string
	ports          ports  // by program, and "etcd-peer", "rollouts-health"
	forwards       []byte // kwok's objects for pods that lead to processes
}

func newCluster(name, dir, bin string) *cluster { return &cluster{name: name, dir: dir, bin: bin} }

func (c *cluster) path(name ...string) string {
	return filepath.Join(append([]string{c.dir}, name...)...)
}

func (c *cluster) up(ctx context.Context) error {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	if err := c.choosePorts(); err != nil {
		return err
	}
	if err := c.writeFiles(); err != nil {
		return err
	}
	for _, name := range startOrder {
		if err := c.start(ctx, name); err != nil {
			return err
		}
	}
	return c.fill(ctx)
}

// fill puts nodes, rights and workloads into a cluster that serves.
func (c *cluster) fill(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	if err := ensureNodes(ctx, client, plainNodes(c.name, nodes)); err != nil {
		return err
	}
	manifests := [][]byte{rbacManifest, appsManifest, rolloutsManifest, bytes.ReplaceAll(metricsManifest, []byte("$PORT"), []byte(c.port("metrics")))}
	if c.forwards != nil {
		manifests = append(manifests, servicesManifest)
	}
	for _, manifest := range manifests {
		if err := c.kubectl(ctx, manifest, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
			return err
		}
	}
	return c.kubectl(ctx, nil, "rollout", "status", "--timeout", "2m", "-n", "shop",
		"deployment/checkout", "deployment/cart", "statefulset/db", "daemonset/agent")
}

func (c *cluster) down() error {
	if err := c.loadPorts(); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for i := len(startOrder) - 1; i >= 0; i-- {
		if err := c.program(startOrder[i]).stop(); err != nil {
			return err
		}
	}
	return nil
}

// start starts one program unless it runs, and waits for an API server until it
// serves.
func (c *cluster) start(ctx context.Context, name string) error {
	p := c.program(name)
	if _, ok := p.running(); !ok {
		define := map[string]func(context.Context) error{"rollouts": c.defineRollouts, "kwok": c.defineLogs}[name]
		if define != nil {
			if err := define(ctx); err != nil {
				return err
			}
		}
		if err := p.start(); err != nil {
			return err
		}
	}
	if name != "apiserver" {
		return nil
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		err := client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		if err == nil {
			return nil
		}
		if _, ok := p.running(); !ok {
			return fmt.Errorf("the API server ended; its log is %s", p.log())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API server is not ready (its log is %s): %w", p.log(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// program gives a program with its command line. Every file is named by its
// absolute path: that is how a running program is known to be this cluster's.
func (c *cluster) program(name string) program {
	url := func(port string) string { return "http://127.0.0.1:" + c.port(port) }
	kubeconfig := "--kubeconfig=" + c.path("kubeconfig")
	exe, args := filepath.Join(c.bin, "kube"), []string(nil)
	switch name {
	case "etcd":
		args = []string{
			"etcd", "--data-dir=" + c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
			"--quota-backend-bytes=8589934592", // the largest that etcd recommends
			"--listen-client-urls=" + url("etcd"), "--advertise-client-urls=" + url("etcd"),
			"--listen-peer-urls=" + url("etcd-peer"), "--initial-advertise-peer-urls=" + url("etcd-peer"),
			"--initial-cluster=default=" + url("etcd-peer"),
		}
	case "apiserver":
		args = c.apiserverArgs(url("etcd"))
	case "controllers":
		args = []string{
			"kube-controller-manager", kubeconfig, "--bind-address=127.0.0.1", "--secure-port=" + c.port(name),
			"--cert-dir=" + c.path("certs"), "--root-ca-file=" + c.path("ca.crt"),
			"--service-account-private-key-file=" + c.path("accounts.key"),
			"--cluster-signing-cert-file=" + c.path("ca.crt"), "--cluster-signing-key-file=" + c.path("ca.key"),
			"--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000",
			// tests stop the API server for a while; nodes need not flap for that
			"--node-monitor-grace-period=3m",
		}
	case "scheduler":
		args = []string{
			"kube-scheduler", kubeconfig, "--bind-address=127.0.0.1", "--secure-port=" + c.port(name),
			"--cert-dir=" + c.path("certs"), "--leader-elect=false", "--kube-api-qps=500", "--kube-api-burst=1000",
		}
	case "kwok":
		// the server is what the API server dials for logs, exec and metrics
		exe, args = filepath.Join(c.bin, "kwok"), []string{
			kubeconfig, "--config=" + c.path("kwok.yaml"), "--manage-all-nodes", "--cidr=10.244.0.1/16",
			"--server-address=127.0.0.1:" + c.port(name), "--node-ip=127.0.0.1", "--node-port=" + c.port(name),
			"--tls-cert-file=" + c.path("kubelet.crt"), "--tls-private-key-file=" + c.path("kubelet.key"),
			"--node-lease-duration-seconds=40", "--enable-crds=Logs",
		}
	case "metrics":
		args = []string{
			"metrics-server", kubeconfig, "--authentication-kubeconfig=" + c.path("kubeconfig"), "--authorization-kubeconfig=" + c.path("kubeconfig"),
			"--bind-address=127.0.0.1", "--secure-port=" + c.port(name), "--cert-dir=" + c.path("metrics"),
			"--kubelet-certificate-authority=" + c.path("ca.crt"), "--kubelet-preferred-address-types=InternalIP", "--kubelet-use-node-status-port",
			"--metric-resolution=10s", "--kubelet-request-timeout=5s", // the second must be the smaller
		}
	case "rollouts":
		exe, args = filepath.Join(c.bin, "rollouts-controller"), []string{
			kubeconfig, "--metricsPort=" + c.port(name), "--healthzPort=" + c.port("rollouts-health"),
			"--leader-elect=false", "--loglevel=warn",
		}
	}
	return program{name: name, dir: c.dir, exe: exe, args: args}
}

func (c *cluster) apiserverArgs(etcd string) []string {
	return []string{
		"kube-apiserver", "--etcd-servers=" + etcd, "--bind-address=127.0.0.1", "--secure-port=" + c.port("apiserver"),
		"--advertise-address=192.0.2.1", // an address for documentation: found by no interface, dialled by nobody
		"--cert-dir=" + c.path("certs"), "--tls-cert-file=" + c.path("apiserver.crt"), "--tls-private-key-file=" + c.path("apiserver.key"),
		"--client-ca-file=" + c.path("ca.crt"), "--token-auth-file=" + c.path("tokens.csv"), "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/16",
		"--service-account-key-file=" + c.path("accounts.key"), "--service-account-signing-key-file=" + c.path("accounts.key"),
		"--kubelet-certificate-authority=" + c.path("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + c.path("proxy", "ca.crt"), "--proxy-client-cert-file=" + c.path("proxy", "proxy.crt"), "--proxy-client-key-file=" + c.path("proxy", "proxy.key"),
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--allow-privileged", "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000",
	}
}

func (c *cluster) port(name string) string { return strconv.Itoa(c.ports[name]) }

// choosePorts gives the cluster its ports; see choosePorts.
func (c *cluster) choosePorts() (err error) {
	running := func(p ports) bool {
		c.ports = p
		for _, name := range startOrder {
			if _, ok := c.program(name).running(); ok {
				return true
			}
		}
		return false
	}
	c.ports, err = choosePorts(c.dir, running, append([]string{"etcd-peer", "rollouts-health"}, startOrder...)...)
	return err
}

func (c *cluster) loadPorts() (err error) {
	c.ports, err = loadPorts(c.dir)
	return err
}

func (c *cluster) restConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.path("kubeconfig"))
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	config.QPS = -1 // no limit of our own
	config.WarningHandler = rest.NoWarnings{}
	return config, nil
}

func (c *cluster) client() (*kubernetes.Clientset, error) {
	config, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// kubectl runs kubectl on the cluster; its error holds what kubectl said.
func (c *cluster) kubectl(ctx context.Context, stdin []byte, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "kubectl"), append([]string{"--kubeconfig", c.path("kubeconfig")}, args...)...)
	cmd.Stdin = strings.NewReader(string(stdin))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", args[0], err, out)
	}
	return nil
}
