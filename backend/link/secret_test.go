package link

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zalando/go-keyring"
)

func TestSecrets(t *testing.T) {
	keyring.MockInit()
	if err := keyring.Set("wheelhouse", "ci", "from the keyring"); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("TOKEN", "from the environment")
	if err := os.WriteFile(filepath.Join(home, "token"), []byte("from a file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[Secret]string{
		"env:TOKEN":             "from the environment",
		"file:~/token":          "from a file",
		"keyring:wheelhouse/ci": "from the keyring",
		"exec:echo from what":   "from what",
		"plain:here: it is":     "here: it is",
	} {
		if got, err := secret.read(); got != want || err != nil {
			t.Errorf("%s gives %q, %v", secret, got, err)
		}
	}
}

func TestSecretsThatAreNone(t *testing.T) {
	keyring.MockInit()
	t.Setenv("EMPTY", "")
	for secret, says := range map[Secret]string{
		"env:EMPTY":                   "not set",
		"file:" + Secret(t.TempDir()): "directory",
		"keyring:wheelhouse/nobody":   "not found",
		"exec:":                       "no command",
		"exec:true":                   "empty",
		"exec:ls /no/such/hunter2":    "exit status",
		"plain:":                      "empty",
		"hunter2":                     "begins with",
	} {
		_, err := secret.read()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s gives %v, want %q", secret, err, says)
		}
	}
	if _, err := Secret("hunter2").read(); strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret without a place is told: %v", err)
	}
}
