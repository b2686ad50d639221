package link

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"wheelhouse/backend"
)

// readKubeconfig reads what client-go would: the file that was named, else
// KUBECONFIG's list, else the default place; inside a pod without any, its
// service account. The error says where it looked and what to do.
func readKubeconfig(file string) (*clientcmd.ClientConfigLoadingRules, *clientcmdapi.Config, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = file
	rules.MigrationRules = nil // reading writes nothing
	rules.WarnIfAllMissing = false
	raw, err := rules.Load()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, noKubeconfig(rules, "there is no such file")
	case err != nil:
		return nil, nil, &backend.Error{
			Code: backend.Invalid, Op: "read kubeconfig", Err: err,
			Human: fmt.Sprintf("The kubeconfig can't be read: %s. Mend the file, or name another with --kubeconfig.", hideUsers(backend.T(err.Error()).Safe())),
		}
	case len(raw.Contexts) > 0:
		return rules, raw, nil
	}
	if inPod := serviceAccount(); file == "" && inPod != nil {
		return rules, inPod, nil
	}
	why := "it has no contexts"
	if !slices.ContainsFunc(rules.GetLoadingPrecedence(), exists) {
		why = "there is no such file"
	}
	return nil, nil, noKubeconfig(rules, why)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func noKubeconfig(rules *clientcmd.ClientConfigLoadingRules, why string) error {
	where := "--kubeconfig"
	if rules.ExplicitPath == "" {
		where = "KUBECONFIG"
		if os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
			where = "the default place, as KUBECONFIG is not set"
		}
	}
	return &backend.Error{
		Code: backend.NotFound, Op: "read kubeconfig",
		Human: fmt.Sprintf("No cluster is known: looked for a kubeconfig at %s (%s), but %s. "+
			"Name one with --kubeconfig FILE or in KUBECONFIG. Whoever runs the cluster can give you one; "+
			"`aws eks update-kubeconfig`, `gcloud container clusters get-credentials` and `az aks get-credentials` write it, "+
			"and kubeadm, k3s, kind and minikube make it with the cluster.",
			backend.T(strings.Join(rules.GetLoadingPrecedence(), ", ")).Safe(), where, why),
	}
}

// serviceAccount is the kubeconfig that a pod's own service account amounts to;
// nil outside of a pod.
func serviceAccount() *clientcmdapi.Config {
	in, err := rest.InClusterConfig()
	if err != nil {
		return nil
	}
	const name = "in-cluster"
	raw := clientcmdapi.NewConfig()
	raw.CurrentContext = name
	raw.Clusters[name] = &clientcmdapi.Cluster{Server: in.Host, CertificateAuthority: in.CAFile}
	raw.AuthInfos[name] = &clientcmdapi.AuthInfo{TokenFile: in.BearerTokenFile}
	raw.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	if ns, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace"); err == nil {
		raw.Contexts[name].Namespace = string(ns)
	}
	return raw
}

func (s *Set) newLink(p Protocol, settings Settings) *Link {
	return &Link{set: s, protocol: p, settings: settings, kick: make(chan struct{}, 1), found: make(chan struct{})}
}

// makeLinks groups the contexts into links, adds the systems, and chooses those
// to start with.
func (s *Set) makeLinks() error {
	byIdentity := map[string]*Link{}
	var order []*Link
	for _, name := range s.contextOrder() {
		settings := s.settingsOf(name)
		key := s.identity(name, settings)
		l := byIdentity[key]
		if l == nil {
			l = s.newLink(Kubernetes(), settings)
			l.way = contexts{l}
			byIdentity[key] = l
			order = append(order, l)
		}
		l.contexts = append(l.contexts, name)
		l.settings.merge(settings)
		if ns := s.raw.Contexts[name].Namespace; ns != "" && len(settings.Namespaces) == 0 && !slices.Contains(l.settings.Namespaces, ns) {
			l.settings.Namespaces = append(l.settings.Namespaces, ns)
		}
	}
	for _, sys := range s.opts.Systems {
		l := s.newLink(sys.Protocol, Settings{
			Alias: cmp.Or(sys.Alias, sys.Protocol.Name), Colour: sys.Colour, Protected: sys.Protected, ReadOnly: sys.ReadOnly || s.opts.ReadOnly, Connect: true,
		})
		l.way = &sys
		order = append(order, l)
	}
	taken := map[string]bool{}
	for _, l := range slices.SortedStableFunc(slices.Values(order), s.namedFirst) {
		l.settle(taken)
	}
	s.links = order
	slices.SortFunc(s.links, func(a, b *Link) int { return strings.Compare(a.alias, b.alias) })
	return s.chooseStart()
}

// namedFirst orders links by who has the first claim on an alias: whom the
// configuration names, whose context is called so, then the others by name: which
// of two is meant must not depend on which context is the current one.
func (s *Set) namedFirst(a, b *Link) int {
	claim := func(l *Link) int {
		switch {
		case l.settings.Alias != "":
			return 0
		case slug(l.contexts[0]) == l.contexts[0]:
			return 1
		}
		return 2
	}
	called := func(l *Link) string { return append(l.contexts, l.settings.Alias)[0] }
	return cmp.Or(claim(a)-claim(b), strings.Compare(called(a), called(b)))
}

// settle fills in what follows from the grouping: alias, namespaces, limits.
func (l *Link) settle(taken map[string]bool) {
	base := l.settings.Alias
	if base == "" {
		base = slug(l.contexts[0])
	}
	l.alias = base
	for n := 2; taken[l.alias]; n++ {
		l.alias = fmt.Sprintf("%s-%d", base, n)
	}
	taken[l.alias] = true
	if len(l.settings.Namespaces) == 0 {
		l.settings.Namespaces = []string{"default"}
	}
	l.readOnly.Store(l.settings.ReadOnly)
	l.lost = true
	l.describe()
}

// describe takes in what is written of the link. l.mu is held, or nobody else has
// l yet.
func (l *Link) describe() {
	var wrong string
	var unverified bool
	l.server, unverified, wrong = l.way.outline()
	l.unsafe = unsafeWay(l.server, unverified)
	if wrong != "" {
		l.health = backend.Health{State: backend.Down, Reason: backend.T(wrong)}
	}
}

// contextOrder is every context's name: those that were asked for, the current
// one, then the others by name. The first of a link is its primary one.
func (s *Set) contextOrder() []string {
	var names []string
	for name := range s.raw.Contexts {
		names = append(names, name)
	}
	slices.Sort(names)
	first := append(slices.Clone(s.opts.Contexts), s.raw.CurrentContext)
	rank := func(name string) int {
		if i := slices.Index(first, name); i >= 0 {
			return i
		}
		return len(first)
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	return names
}

// settingsOf gives what the configuration and the command line say of a
// context; the stricter and the more explicit win.
func (s *Set) settingsOf(name string) Settings {
	var out Settings
	first := true
	for _, c := range s.opts.Settings {
		if !c.matches(name, s.raw) {
			continue
		}
		if first {
			out, first = c, false
		}
		out.ReadOnly, out.Protected = out.ReadOnly || c.ReadOnly, out.Protected || c.Protected
		out.Connect = out.Connect || c.Connect
	}
	out.ReadOnly = out.ReadOnly || s.opts.ReadOnly
	if s.opts.As != "" {
		out.As, out.AsGroups = s.opts.As, s.opts.AsGroups
	}
	if len(s.opts.Namespaces) > 0 {
		out.Namespaces = s.opts.Namespaces
	}
	out.Namespaces = slices.Clone(out.Namespaces)
	return out
}

// Unmatched gives the contexts or servers of Settings that no context of the
// kubeconfig matches.
func (s *Set) Unmatched() []string {
	raw := s.kubeconfig()
	var out []string
	for _, c := range s.opts.Settings {
		matched := false
		for name := range raw.Contexts {
			matched = matched || c.matches(name, raw)
		}
		if !matched {
			out = append(out, cmp.Or(c.Context, c.Server))
		}
	}
	return out
}

func (c Settings) matches(name string, raw *clientcmdapi.Config) bool {
	like := func(pattern, s string) bool {
		whole := strings.NewReplacer("/", "\x00") // names are no paths: * goes past a /
		ok, err := path.Match(whole.Replace(pattern), whole.Replace(s))
		return pattern == s || ok && err == nil
	}
	if c.Context == "" && c.Server == "" || c.Context != "" && !like(c.Context, name) {
		return false
	}
	if c.Server == "" {
		return true
	}
	cluster := raw.Clusters[raw.Contexts[name].Cluster]
	return cluster != nil && like(strings.TrimSuffix(c.Server, "/"), strings.TrimSuffix(cluster.Server, "/"))
}

// merge adds what a further context of the same link brings; limits add up.
func (c *Settings) merge(more Settings) {
	if c.Alias == "" {
		c.Alias = more.Alias
	}
	if c.Colour == "" {
		c.Colour = more.Colour
	}
	c.Protected = c.Protected || more.Protected
	c.ReadOnly = c.ReadOnly || more.ReadOnly
	c.Connect = c.Connect || more.Connect
}

// identity is equal for contexts that reach the same server, trusted for the same
// reason, as the same user.
// It holds secrets and is not kept. A context that can't be used is alone.
func (s *Set) identity(name string, settings Settings) string {
	if dangling(s.raw, name) != "" {
		return "context " + name
	}
	c := s.raw.Contexts[name]
	cluster := s.raw.Clusters[c.Cluster]
	user := clientcmdapi.AuthInfo{}
	if u := s.raw.AuthInfos[c.AuthInfo]; u != nil {
		user = *u
	}
	user.LocationOfOrigin, user.Extensions = "", nil
	key, err := json.Marshal([]any{
		strings.TrimSuffix(strings.ToLower(cluster.Server), "/"), cluster.TLSServerName, cluster.ProxyURL,
		cluster.InsecureSkipTLSVerify, cluster.CertificateAuthority, cluster.CertificateAuthorityData,
		user, settings.As, settings.AsGroups,
	})
	if err != nil {
		return "context " + name
	}
	return string(key)
}

// chooseStart picks the links that connect at start.
func (s *Set) chooseStart() error {
	add := func(l *Link) {
		if !slices.Contains(s.start, l) {
			s.start = append(s.start, l)
		}
	}
	for _, name := range s.opts.Contexts {
		l, ok := s.ofContext(name)
		if !ok {
			return &backend.Error{
				Code: backend.Invalid, Op: "load links",
				Human: fmt.Sprintf("The kubeconfig has no context %q; it has %s.", backend.T(name).Safe(), backend.T(strings.Join(s.contextOrder(), ", ")).Safe()),
			}
		}
		add(l)
	}
	clusters := len(s.links) - len(s.opts.Systems)
	for _, l := range s.links {
		system := len(l.contexts) == 0
		if system || len(s.opts.Contexts) == 0 && (l.settings.Connect || slices.Contains(l.contexts, s.raw.CurrentContext) || clusters == 1) {
			add(l)
		}
	}
	return nil
}

// slug makes a name of [a-z0-9-]+ out of any.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if s := strings.Trim(b.String(), "-"); s != "" {
		return s
	}
	return "link"
}

// publicURL is a URL without user, password, query and fragment.
func publicURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
