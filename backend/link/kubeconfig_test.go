package link

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"wheelhouse/backend"
)

func TestContextsOfTheSameServerAndUserAreOneLink(t *testing.T) {
	k := clientcmdapi.NewConfig()
	k.CurrentContext = "prod/pay"
	k.Clusters["prod"] = &clientcmdapi.Cluster{Server: "https://prod.invalid:6443"}
	k.Clusters["prod-again"] = &clientcmdapi.Cluster{Server: "https://PROD.invalid:6443/"}
	k.Clusters["prod-trusting"] = &clientcmdapi.Cluster{Server: "https://prod.invalid:6443", InsecureSkipTLSVerify: true}
	k.Clusters["prod-renewed"] = &clientcmdapi.Cluster{Server: "https://prod.invalid:6443", CertificateAuthorityData: []byte("another")}
	k.Clusters["other"] = &clientcmdapi.Cluster{Server: "https://other.invalid"}
	k.AuthInfos["ada"] = &clientcmdapi.AuthInfo{Token: "t1"}
	k.AuthInfos["ada-copied"] = &clientcmdapi.AuthInfo{Token: "t1"}
	k.AuthInfos["bob"] = &clientcmdapi.AuthInfo{Token: "t2"}
	k.AuthInfos["ada-as-root"] = &clientcmdapi.AuthInfo{Token: "t1", Impersonate: "root"}
	for name, c := range map[string][3]string{
		"prod/shop":  {"prod", "ada", "shop"},
		"prod/pay":   {"prod", "ada", "pay"},
		"copied":     {"prod-again", "ada-copied", "pay"},
		"trusting":   {"prod-trusting", "ada", ""},
		"renewed":    {"prod-renewed", "ada", ""},
		"as bob":     {"prod", "bob", ""},
		"as root":    {"prod", "ada-as-root", ""},
		"Elsewhere!": {"other", "ada", ""},
		"elsewhere":  {"other", "bob", ""},
	} {
		k.Contexts[name] = &clientcmdapi.Context{Cluster: c[0], AuthInfo: c[1], Namespace: c[2]}
	}
	s := load(t, k, Options{Settings: []Settings{
		{Context: "copied", Protected: true},
		{Server: "https://other.invalid", Context: "else*", Alias: "far", ReadOnly: true, Connect: true, Namespaces: []string{"a", "b"}},
	}})
	got := map[string]string{}
	for _, l := range s.All() {
		i := l.Info()
		got[l.Alias()] = fmt.Sprint(strings.Join(i.Contexts, ","), " in ", strings.Join(l.Namespaces(), ","), " protected:", i.Protected, " read-only:", i.ReadOnly)
	}
	want := map[string]string{
		"prod-pay":  "prod/pay,copied,prod/shop in pay,shop protected:true read-only:false",
		"trusting":  "trusting in default protected:false read-only:false",
		"renewed":   "renewed in default protected:false read-only:false",
		"as-bob":    "as bob in default protected:false read-only:false",
		"as-root":   "as root in default protected:false read-only:false",
		"elsewhere": "Elsewhere! in default protected:false read-only:false",
		"far":       "elsewhere in a,b protected:false read-only:true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var start []string
	for _, l := range s.start {
		start = append(start, l.Alias())
	}
	if diff := cmp.Diff([]string{"far", "prod-pay"}, start); diff != "" {
		t.Errorf("connected at start: %s", diff)
	}
	if l, ok := s.Find("prod/shop"); !ok || l.Alias() != "prod-pay" {
		t.Error("a link is not found by one of its contexts")
	}
	if l, ok := s.Current(); !ok || l.Alias() != "prod-pay" {
		t.Error("the link of the current context is another, or none")
	}
}

func TestAliasesAreUniqueNames(t *testing.T) {
	k := oneContext("https://a.invalid", nil)
	for i, name := range []string{"dev!", "DEV", "---", "日本"} {
		user := fmt.Sprint("user", i)
		k.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: user}
		k.Contexts[name] = &clientcmdapi.Context{Cluster: "c", AuthInfo: user}
	}
	got := map[string]string{}
	for _, l := range load(t, k, Options{}).All() {
		got[l.Contexts()[0]] = l.Alias()
	}
	want := map[string]string{"dev": "dev", "DEV": "dev-2", "dev!": "dev-3", "---": "link", "日本": "link-2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCommandLineComesFirst(t *testing.T) {
	k := oneContext("https://a.invalid", nil)
	k.Contexts["two"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u", Namespace: "shop"}
	s := load(t, k, Options{
		Contexts: []string{"two"}, Namespaces: []string{"asked"}, ReadOnly: true, As: "root", AsGroups: []string{"admins"},
		Settings: []Settings{{Context: "*", As: "nobody", AsGroups: []string{"none"}, Namespaces: []string{"configured"}}},
	})
	l := only(t, s)
	if got := l.Contexts()[0]; got != "two" {
		t.Errorf("primary context is %s", got)
	}
	if diff := cmp.Diff([]string{"--context", "two", "--kubeconfig", s.opts.Kubeconfig, "--as", "root", "--as-group", "admins"}, l.Kubectl()); diff != "" {
		t.Errorf("kubectl is called with %s", diff)
	}
	if current, ok := s.Current(); !ok || current != l {
		t.Error("the current link is not the one asked for")
	}
	if got := l.Namespaces(); !cmp.Equal(got, []string{"asked"}) {
		t.Errorf("namespaces are %v", got)
	}
	if !l.ReadOnly() {
		t.Error("not read-only")
	}
	c, err := l.connection()
	if err != nil {
		t.Fatal(err)
	}
	if as := c.config.Impersonate; as.UserName != "root" || !cmp.Equal(as.Groups, []string{"admins"}) {
		t.Errorf("acts as %+v", as)
	}
}

// TestAliasesStay: which cluster an alias means does not depend on the context
// that is the current one.
func TestAliasesStay(t *testing.T) {
	const arn = "arn:aws:eks:eu-west-1:1:cluster/prod"
	for _, current := range []string{arn, "prod", "PROD"} {
		k := oneContext("https://a.invalid", nil)
		delete(k.Contexts, k.CurrentContext)
		for _, name := range []string{arn, "prod", "PROD"} {
			k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: name}
			k.Contexts[name] = &clientcmdapi.Context{Cluster: "c", AuthInfo: name}
		}
		k.CurrentContext = current
		got := map[string]string{}
		for _, l := range load(t, k, Options{Settings: []Settings{{Context: arn, Alias: "prod"}}}).All() {
			got[l.Alias()] = l.Contexts()[0]
		}
		if diff := cmp.Diff(map[string]string{"prod": arn, "prod-2": "prod", "prod-3": "PROD"}, got); diff != "" {
			t.Errorf("with %s: %s", current, diff)
		}
	}
}

// TestStricterSettingsWin: protection that any entry gives holds, and a pattern
// reaches names of every form.
func TestStricterSettingsWin(t *testing.T) {
	k := oneContext("https://a.invalid", nil)
	const arn = "arn:aws:eks:eu-west-1:1:cluster/prod"
	k.Contexts[arn] = k.Contexts[k.CurrentContext]
	delete(k.Contexts, k.CurrentContext)
	k.CurrentContext = arn
	l := only(t, load(t, k, Options{Settings: []Settings{
		{Context: arn, Colour: "red"}, {Server: "https://a.invalid", Protected: true}, {Context: "*", ReadOnly: true, Colour: "blue"},
	}}))
	if i := l.Info(); !i.ReadOnly || !i.Protected || i.Colour != "red" {
		t.Errorf("%+v", i)
	}
}

func TestUnusableKubeconfigsSayWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for name, c := range map[string]struct {
		env  string
		opts Options
		want []string
	}{
		"no file":        {opts: Options{Kubeconfig: filepath.Join(dir, "none")}, want: []string{"No cluster is known", filepath.Join(dir, "none"), "--kubeconfig FILE", "KUBECONFIG", "no such file", "get-credentials"}},
		"nothing in env": {env: filepath.Join(dir, "e1") + string(filepath.ListSeparator) + filepath.Join(dir, "e2"), want: []string{"e1", "e2", "KUBECONFIG"}},
		"empty":          {opts: Options{Kubeconfig: file("empty", "")}, want: []string{"it has no contexts"}},
		"no YAML":        {opts: Options{Kubeconfig: file("yaml", "a: b: c\n")}, want: []string{filepath.Join(dir, "yaml"), "can't be read", "Mend the file"}},
		"wrong types":    {opts: Options{Kubeconfig: file("types", "apiVersion: v1\nkind: Config\ncontexts: 7\n")}, want: []string{"can't be read", "contexts"}},
		"no context":     {opts: Options{Kubeconfig: write(t, oneContext("https://a.invalid", nil)), Contexts: []string{"prod"}}, want: []string{`no context "prod"`, "dev"}},
		"group alone":    {opts: Options{AsGroups: []string{"g"}}, want: []string{"--as"}},
		"bad alias":      {opts: Options{Settings: []Settings{{Context: "dev", Alias: "My Link"}}}, want: []string{"my-link"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", c.env)
			_, err := Load(c.opts)
			var told *backend.Error
			if !errors.As(err, &told) {
				t.Fatalf("error is %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(told.Human, w) {
					t.Errorf("%q does not say %q", told.Human, w)
				}
			}
		})
	}
}

func TestBrokenContextsAreLinksThatAreDown(t *testing.T) {
	a := newAPI(t)
	k := oneContext(a.URL, a.ca())
	k.Clusters["no-server"] = &clientcmdapi.Cluster{}
	k.Clusters["no-file"] = &clientcmdapi.Cluster{Server: a.URL, CertificateAuthority: "/nowhere/ca.pem"}
	k.Clusters["bad-ca"] = &clientcmdapi.Cluster{Server: a.URL, CertificateAuthorityData: []byte("nonsense")}
	k.Clusters["bad-proxy"] = &clientcmdapi.Cluster{Server: a.URL, ProxyURL: "ftp://user:hunter2@proxy.invalid"}
	k.AuthInfos["no-cert"] = &clientcmdapi.AuthInfo{ClientCertificate: "/nowhere/cert.pem", ClientKey: "/nowhere/key.pem"}
	k.AuthInfos["no-token"] = &clientcmdapi.AuthInfo{TokenFile: "/nowhere/token"}
	k.AuthInfos["gcp"] = &clientcmdapi.AuthInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "gcp"}}
	k.AuthInfos["bad-plugin"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{Command: "x", APIVersion: "nonsense/v9", InteractiveMode: clientcmdapi.NeverExecInteractiveMode}}
	words := map[string]string{}
	for _, c := range [][4]string{
		{"dangling-cluster", "gone", "u", `its cluster "gone" is not there`},
		{"dangling-user", "c", "gone", `its user "gone" is not there`},
		{"without-server", "no-server", "u", "has no server"},
		{"without-ca", "no-file", "u", "/nowhere/ca.pem"},
		{"nonsense-ca", "bad-ca", "u", "certificate"},
		{"nonsense-proxy", "bad-proxy", "u", "proxy"},
		{"without-cert", "c", "no-cert", "/nowhere/cert.pem"},
		{"without-token", "c", "no-token", "/nowhere/token"},
		{"retired", "c", "gcp", "gcp"},
		{"nonsense-plugin", "c", "bad-plugin", "nonsense/v9"},
	} {
		k.Contexts[c[0]] = &clientcmdapi.Context{Cluster: c[1], AuthInfo: c[2]}
		if c[2] == "u" { // another user each, or they would share dev's link
			k.Contexts[c[0]].AuthInfo = c[0]
			k.AuthInfos[c[0]] = &clientcmdapi.AuthInfo{Token: c[0]}
		}
		words[c[0]] = c[3]
	}
	s := load(t, k, Options{Settings: []Settings{{Context: "*", Connect: true}}})
	s.Start()
	for name, want := range words {
		l, _ := s.Find(name)
		h := until(t, l, name, lostWith(want))
		if strings.Contains(h.Reason.Safe(), "hunter2") {
			t.Errorf("%s: the reason holds a password: %s", name, h.Reason.Safe())
		}
		if l.REST() == nil || len(l.Namespaces()) == 0 {
			t.Errorf("%s: not usable as a link", name)
		}
	}
	dev, _ := s.Find("dev")
	until(t, dev, "the good one", state(backend.Live))
}

func BenchmarkLoadHundredContexts(b *testing.B) {
	k := clientcmdapi.NewConfig()
	ca := []byte(strings.Repeat("0123456789abcdef", 80))
	for i := range 100 {
		name := fmt.Sprint("ctx-", i)
		k.Clusters[name] = &clientcmdapi.Cluster{Server: "https://" + name + ".invalid", CertificateAuthorityData: ca}
		k.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: name}
		k.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	}
	file := filepath.Join(b.TempDir(), "config")
	if err := clientcmd.WriteToFile(*k, file); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Load(Options{Kubeconfig: file}); err != nil {
			b.Fatal(err)
		}
	}
}
