package stack

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// ports is which program of a folder listens where. They are chosen free and
// recorded, so that what was told of them stays good.
type ports map[string]int

func portsFile(dir string) string { return filepath.Join(dir, "ports.json") }

func loadPorts(dir string) (p ports, err error) {
	data, err := os.ReadFile(portsFile(dir))
	if err != nil {
		return nil, err
	}
	return p, json.Unmarshal(data, &p)
}

// choosePorts keeps the recorded ports, unless nothing runs on them and somebody
// else has taken one.
func choosePorts(dir string, running func(ports) bool, names ...string) (ports, error) {
	if p, err := loadPorts(dir); err == nil && len(p) == len(names) && (running(p) || p.free()) {
		return p, nil
	}
	p, err := freePorts(names)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return p, os.WriteFile(portsFile(dir), data, 0o600)
}

func (p ports) free() bool {
	for _, port := range p {
		l, err := listen(port)
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

// freePorts looks below the range from which systems take the ports of outgoing
// connections: those could take a server's port while it is down.
func freePorts(names []string) (ports, error) {
	p := ports{}
	for try := 0; len(p) < len(names); try++ {
		port := 20000 + rand.IntN(10000)
		l, err := listen(port)
		if err != nil {
			if try > 1000 {
				return nil, fmt.Errorf("find free ports: %w", err)
			}
			continue
		}
		defer l.Close()
		p[names[len(p)]] = port
	}
	return p, nil
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
