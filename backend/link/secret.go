package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
)

// A Secret says where a credential is kept; empty for none:
//
//	env:NAME                a variable of the environment
//	file:PATH               a file's content; ~/ is the home directory
//	keyring:SERVICE/ACCOUNT the keyring of the desktop or the system
//	exec:COMMAND ARG…       what a command prints; no shell, no quoting
//	plain:VALUE             the credential itself, for who insists
//
// Line ends around it do not count.
type Secret string

// read fetches the credential. It may take as long as a person needs to open a
// keyring. The error never holds any of it.
func (s Secret) read() (string, error) {
	how, what, _ := strings.Cut(string(s), ":")
	var got string
	var err error
	switch how {
	case "env":
		got = os.Getenv(what)
		if got == "" {
			err = errors.New("it is not set, or empty")
		}
	case "file":
		got, err = readFile(what)
	case "keyring":
		service, account, _ := strings.Cut(what, "/")
		got, err = keyring.Get(service, account)
	case "exec":
		got, err = output(strings.Fields(what))
	case "plain":
		got = what
	default:
		err = errors.New("no place where it is: a secret begins with env:, file:, keyring:, exec: or plain: and says it")
	}
	got = strings.Trim(got, "\r\n")
	if err == nil && got == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.place(), err)
	}
	return got, nil
}

// place is the secret's name, which is none itself.
func (s Secret) place() string {
	how, what, ok := strings.Cut(string(s), ":")
	switch {
	case !ok || how == "plain":
		return "the system's secret"
	case how == "exec":
		name, _, _ := strings.Cut(strings.TrimSpace(what), " ") // its words may hold another secret
		return "exec:" + name
	}
	return string(s)
}

func readFile(path string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		path = filepath.Join(home, rest)
	}
	b, err := os.ReadFile(path)
	var at *os.PathError
	if errors.As(err, &at) {
		err = at.Err // the path is told already
	}
	return string(b), err
}

// output runs a command and gives what it prints; what it says besides goes into
// the error.
func output(argv []string) (string, error) {
	if len(argv) == 0 {
		return "", errors.New("there is no command")
	}
	ctx, cancel := context.WithTimeout(context.Background(), loginPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second // its children may hold the pipes
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("it did not end within %s", loginPatience)
	case err != nil:
		return "", errors.New(strings.TrimSpace(err.Error() + ": " + said.String()))
	}
	return out.String(), nil
}
