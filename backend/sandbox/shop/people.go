package shop

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/backend/sandbox/kube"
)

// The people who log in, in every system under the same name.
const (
	Admin     = "admin"
	Developer = "developer"
	Reader    = "reader"
)

// token is what somebody logs in with. It opens nothing but a world that is made up,
// and is the same each time so that files that were written once can be used again.
func token(name string) string { return "sandbox-" + name }

// users are who may log in to the clusters.
func users() []kube.User {
	return []kube.User{
		{Name: Admin, Token: token(Admin), Groups: []string{"platform"}},
		{Name: Developer, Token: token(Developer), Groups: []string{"developers"}},
		{Name: Reader, Token: token(Reader), Groups: []string{"readers"}},
	}
}

// authorize says what they may do there: the platform's people everything, developers
// everything in the namespace of the company's programs, and all look at what is no
// secret.
func authorize(c *kube.Cluster) {
	all := []string{"*"}
	seen := []string{
		"pods", "pods/log", "pods/status", "services", "configmaps", "events", "nodes", "namespaces", "persistentvolumes", "persistentvolumeclaims", "serviceaccounts",
		"deployments", "deployments/scale", "replicasets", "statefulsets", "daemonsets", "controllerrevisions", "jobs", "cronjobs", "horizontalpodautoscalers", "poddisruptionbudgets", "resourcequotas", "limitranges",
		"endpointslices", "ingresses", "leases", "storageclasses", "rollouts", "analysisruns", "analysistemplates",
		"clusters", "machinedeployments", "machinesets", "machines", "kubeadmcontrolplanes", "machinepools",
		"roles", "clusterroles", "rolebindings", "clusterrolebindings",
	}
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }
	in := metav1.ObjectMeta{Namespace: namespace, Name: "developer"}
	group := func(names ...string) (out []rbacv1.Subject) {
		for _, name := range names {
			out = append(out, rbacv1.Subject{Kind: rbacv1.GroupKind, Name: name})
		}
		return out
	}
	for _, obj := range []runtime.Object{
		&rbacv1.ClusterRole{ObjectMeta: named("look"), Rules: []rbacv1.PolicyRule{{Verbs: []string{"get", "list", "watch"}, APIGroups: all, Resources: seen}}},
		&rbacv1.ClusterRoleBinding{ObjectMeta: named("look"), RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "look"}, Subjects: group("developers", "readers")},
		&rbacv1.ClusterRoleBinding{ObjectMeta: named("platform"), RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "cluster-admin"}, Subjects: group("platform")},
		&rbacv1.Role{ObjectMeta: in, Rules: []rbacv1.PolicyRule{{Verbs: all, APIGroups: all, Resources: all}}},
		&rbacv1.RoleBinding{ObjectMeta: in, RoleRef: rbacv1.RoleRef{Kind: "Role", Name: "developer"}, Subjects: group("developers")},
	} {
		c.Create(obj)
	}
}

// identity is what the servers of the company show, and who vouches for it: made anew
// each time, and believed by nobody but who was given it.
type identity struct{ authority, certificate, key []byte }

func newIdentity() (*identity, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make an authority: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	out := &identity{}
	for _, c := range []struct {
		of   *x509.Certificate
		key  *ecdsa.PrivateKey
		into *[]byte
	}{{ca, caKey, &out.authority}, {server, key, &out.certificate}} {
		der, err := x509.CreateCertificate(rand.Reader, c.of, ca, &c.key.PublicKey, caKey)
		if err != nil {
			return nil, fmt.Errorf("sign a certificate: %w", err)
		}
		*c.into = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	out.key = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return out, nil
}
