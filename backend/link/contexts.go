package link

import (
	"errors"
	"fmt"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"wheelhouse/backend"
)

// contexts is the way of a link through the kubeconfig as it was read last.
type contexts struct{ link *Link }

// primary is the first of the link's contexts that is still there; else the
// first.
func (w contexts) primary(raw *clientcmdapi.Config) string {
	for _, name := range w.link.contexts {
		if raw.Contexts[name] != nil {
			return name
		}
	}
	return w.link.contexts[0]
}

// config implements way.
func (w contexts) config() (*rest.Config, error) {
	s := w.link.set
	raw := s.kubeconfig()
	name := w.primary(raw)
	var err error
	var config *rest.Config
	if why := dangling(raw, name); why != "" {
		err = errors.New(why)
	} else {
		config, err = clientcmd.NewNonInteractiveClientConfig(*raw, name, &clientcmd.ConfigOverrides{}, s.rules).ClientConfig()
	}
	if err != nil {
		return nil, &backend.Error{Code: backend.Invalid, Op: "use context " + name, Err: err, Human: w.unusable(err)}
	}
	if as := w.link.settings.As; as != "" {
		config.Impersonate = rest.ImpersonationConfig{UserName: as, Groups: w.link.settings.AsGroups}
	}
	return config, nil
}

// oracles implements way.
func (w contexts) oracles(config *rest.Config) func(int64) (oracle, error) { return plugins(config) }

// outline implements way.
func (w contexts) outline() (server string, unverified bool, wrong string) {
	raw := w.link.set.kubeconfig()
	name := w.link.contexts[0]
	c := raw.Contexts[name]
	if c == nil {
		return "", false, ""
	}
	if cluster := raw.Clusters[c.Cluster]; cluster != nil {
		server = publicURL(cluster.Server)
		unverified = cluster.InsecureSkipTLSVerify
	}
	if why := dangling(raw, name); why != "" {
		wrong = w.unusable(errors.New(why))
	}
	return server, unverified, wrong
}

// unusable implements way.
func (w contexts) unusable(why error) string {
	raw := w.link.set.kubeconfig()
	name, file := w.primary(raw), "the kubeconfig"
	if k := raw.Contexts[name]; k != nil && k.LocationOfOrigin != "" {
		file = k.LocationOfOrigin
	}
	return backend.T(fmt.Sprintf("Context %q can't be used: %s. Mend %s, then try again.", name, hideUsers(why.Error()), file)).Safe()
}

// hints implements way.
func (w contexts) hints() hints {
	return hints{
		authority:  "put the cluster's certificate-authority into the kubeconfig",
		serverName: "set tls-server-name in the kubeconfig",
		proxy:      "check proxy-url in the kubeconfig, or HTTPS_PROXY",
		plain:      "write https into the kubeconfig's server where it can do that",
		unverified: "put certificate-authority into the kubeconfig instead of insecure-skip-tls-verify",
		login:      "log in",
	}
}

// dangling says which name a context refers to in vain; empty when none.
func dangling(raw *clientcmdapi.Config, name string) string {
	c := raw.Contexts[name]
	switch {
	case c == nil:
		return "it is not in the kubeconfig any more"
	case c.Cluster == "":
		return "it names no cluster"
	case raw.Clusters[c.Cluster] == nil:
		return fmt.Sprintf("its cluster %q is not there", c.Cluster)
	case raw.Clusters[c.Cluster].Server == "":
		return fmt.Sprintf("its cluster %q has no server", c.Cluster)
	case c.AuthInfo != "" && raw.AuthInfos[c.AuthInfo] == nil:
		return fmt.Sprintf("its user %q is not there", c.AuthInfo)
	}
	return ""
}
