package stack

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
	"os"
	"path/filepath"
	"time"
)

// serviceIP is what the service called kubernetes gets: the first of the range.
var serviceIP = net.IPv4(10, 0, 0, 1)

// writeKeys makes the cluster's own authority, the certificates of what listens,
// and the key that signs service account tokens.
func (c *cluster) writeKeys() error {
	a, err := newAuthority(c.dir, "cluster "+c.name)
	if err != nil {
		return err
	}
	err = a.server("apiserver", x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), serviceIP},
		DNSNames:    []string{"localhost", "kubernetes.default.svc"},
	})
	if err != nil {
		return err
	}
	err = a.server("kubelet", x509.Certificate{
		Subject:     pkix.Name{CommonName: "system:node:kwok", Organization: []string{"system:nodes"}},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	})
	if err != nil {
		return err
	}
	_, err = newKey(c.path("accounts.key"))
	return err
}

// writeProxyKeys makes what the API server shows to the servers behind it, the one
// of metrics among them: they believe it who asks.
func (c *cluster) writeProxyKeys() error {
	if err := os.MkdirAll(c.path("proxy"), 0o700); err != nil {
		return err
	}
	a, err := newAuthority(c.path("proxy"), "callers of cluster "+c.name)
	if err != nil {
		return err
	}
	return a.issue("proxy", x509.Certificate{Subject: pkix.Name{CommonName: "front-proxy"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}

// An authority signs the certificates of one folder, where it is ca.crt and ca.key.
type authority struct {
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(dir, name string) (*authority, error) {
	key, err := newKey(filepath.Join(dir, "ca.key"))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	a := &authority{dir: dir, certificate: template, key: key}
	a.certificate, err = a.sign("ca", template, key)
	return a, err
}

// server makes the key and the certificate of what listens: NAME.key and NAME.crt.
func (a *authority) server(name string, template x509.Certificate) error {
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return a.issue(name, template)
}

// issue makes a key and its certificate: NAME.key and NAME.crt.
func (a *authority) issue(name string, template x509.Certificate) error {
	template.KeyUsage = x509.KeyUsageDigitalSignature
	key, err := newKey(filepath.Join(a.dir, name+".key"))
	if err != nil {
		return err
	}
	_, err = a.sign(name, &template, key)
	return err
}

// newKey makes a private key and writes it to file.
func newKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", file, err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", file, err)
	}
	return key, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// sign makes the certificate of key, good for ten years, and writes it as NAME.crt.
func (a *authority) sign(name string, template *x509.Certificate, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(10, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", name, err)
	}
	file := filepath.Join(a.dir, name+".crt")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
