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
	"time"
)

// serviceIP is what the service called kubernetes gets: the first of the range.
var serviceIP = net.IPv4(10, 0, 0, 1)

// writeKeys makes the cluster's own authority, the certificates of what listens,
// and the key that signs service account tokens.
func (c *cluster) writeKeys() error {
	ca, caKey, err := c.authority()
	if err != nil {
		return err
	}
	loopback := net.IPv4(127, 0, 0, 1)
	servers := map[string]x509.Certificate{
		"apiserver": {
			Subject:     pkix.Name{CommonName: "kube-apiserver"},
			IPAddresses: []net.IP{loopback, serviceIP},
			DNSNames:    []string{"localhost", "kubernetes.default.svc"},
		},
		"kubelet": {
			Subject:     pkix.Name{CommonName: "system:node:kwok", Organization: []string{"system:nodes"}},
			IPAddresses: []net.IP{loopback},
		},
	}
	for name, template := range servers {
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		key, err := c.newKey(name)
		if err != nil {
			return err
		}
		if _, err := c.sign(name, &template, ca, key, caKey); err != nil {
			return err
		}
	}
	_, err = c.newKey("accounts")
	return err
}

func (c *cluster) authority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := c.newKey("ca")
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "cluster " + c.name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	ca, err := c.sign("ca", template, template, key, key)
	return ca, key, err
}

// newKey makes a private key and writes it as NAME.key.
func (c *cluster) newKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of %s: %w", name, err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key of %s: %w", name, err)
	}
	return key, os.WriteFile(c.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// sign makes the certificate of key, good for ten years, and writes it as NAME.crt.
func (c *cluster) sign(name string, template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	template.SerialNumber = serial
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(10, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate of %s: %w", name, err)
	}
	if err := os.WriteFile(c.path(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
