package stack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// users are who can log in. manifests/rbac.yaml says what each may do; the API
// server does not know expired's token. admin's context is called as the
// cluster, the others' cluster-user.
var users = []string{"admin", "viewer", "narrow", "scaler", "nobody", "expired"}

// writeFiles writes everything that the cluster's programs read. Keys and tokens
// are made once; the rest follows the ports and the manifests.
func (c *cluster) writeFiles() error {
	if _, err := os.Stat(c.path("tokens.csv")); errors.Is(err, os.ErrNotExist) {
		if err := c.writeKeys(); err != nil {
			return err
		}
		if err := c.writeTokens(); err != nil {
			return err
		}
	}
	if _, err := os.Stat(c.path("proxy", "proxy.crt")); errors.Is(err, os.ErrNotExist) {
		if err := c.writeProxyKeys(); err != nil {
			return err
		}
	}
	if err := c.writeFirstLog(); err != nil {
		return err
	}
	if err := c.writeStages(); err != nil {
		return err
	}
	config, err := c.kubeconfig()
	if err != nil {
		return err
	}
	return clientcmd.WriteToFile(*config, c.path("kubeconfig"))
}

func (c *cluster) writeTokens() error {
	var b strings.Builder
	for _, user := range users {
		groups := ""
		if user == "admin" {
			groups = ",system:masters"
		}
		fmt.Fprintf(&b, "%s,%s,%s%s\n", rand.Text(), user, user, groups)
	}
	return os.WriteFile(c.path("tokens.csv"), []byte(b.String()), 0o600)
}

func (c *cluster) kubeconfig() (*api.Config, error) {
	authority, err := os.ReadFile(c.path("ca.crt"))
	if err != nil {
		return nil, err
	}
	tokens, err := os.ReadFile(c.path("tokens.csv"))
	if err != nil {
		return nil, err
	}
	config := api.NewConfig()
	config.CurrentContext = c.name
	config.Clusters[c.name] = &api.Cluster{Server: "https://127.0.0.1:" + c.port("apiserver"), CertificateAuthorityData: authority}
	for line := range strings.Lines(string(tokens)) {
		fields := strings.Split(line, ",")
		token, user := fields[0], fields[1]
		context := c.name + "-" + user
		switch user {
		case "admin":
			context = c.name
		case "expired":
			token = "a-token-that-no-server-knows"
		}
		config.AuthInfos[c.name+"-"+user] = &api.AuthInfo{Token: token}
		config.Contexts[context] = &api.Context{Cluster: c.name, AuthInfo: c.name + "-" + user, Namespace: "shop"}
	}
	return config, nil
}

// writeMerged writes one kubeconfig with the contexts of all clusters; the first
// cluster's is the current one.
func writeMerged(path string, clusters []*cluster) error {
	rules := clientcmd.ClientConfigLoadingRules{}
	for _, c := range clusters {
		rules.Precedence = append(rules.Precedence, c.path("kubeconfig"))
	}
	merged, err := rules.Load()
	if err != nil {
		return fmt.Errorf("merge kubeconfigs: %w", err)
	}
	fresh := filepath.Join(filepath.Dir(path), ".kubeconfig")
	if err := clientcmd.WriteToFile(*merged, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
