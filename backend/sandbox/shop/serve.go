package shop

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"
	"golang.org/x/sync/errgroup"

	"wheelhouse/backend/sandbox/elastic"
	"wheelhouse/backend/sandbox/gitlab"
	"wheelhouse/backend/sandbox/influx"
	"wheelhouse/backend/sandbox/jenkins"
)

// Files are what clients need of the company.
type Files struct {
	Kubeconfig, Config string
	Drill              string // where the drill is asked; empty: there is none
}

// tick is how often the company is brought to the present.
const tick = 250 * time.Millisecond

// Serve answers in all protocols on loopback until ctx ends. What clients need to find
// it is written into a folder; ready is called when everybody answers.
func (s *Shop) Serve(ctx context.Context, dir string, ready func(Files)) error {
	g, ctx := errgroup.WithContext(ctx)
	addresses := map[string]string{}
	listen := func(name string, serve func(net.Listener) error) error {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen for %s: %w", name, err)
		}
		addresses[name] = l.Addr().String()
		g.Go(func() error { return serve(l) })
		return nil
	}
	for _, c := range s.Clusters {
		if err := listen(c.Name(), func(l net.Listener) error { return c.Serve(ctx, l) }); err != nil {
			return err
		}
	}
	for name, h := range s.handlers() {
		if err := listen(name, func(l net.Listener) error { return serveHTTP(ctx, l, h("http://"+l.Addr().String())) }); err != nil {
			return err
		}
	}
	files, err := s.write(dir, addresses)
	if err != nil {
		return err
	}
	g.Go(func() error {
		t := time.NewTicker(tick)
		defer t.Stop()
		ready(files)
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-t.C:
				s.Step()
			}
		}
	})
	return g.Wait()
}

// handlers make the systems that are spoken to in plain HTTP, by their kind, each for
// the address at which it is found.
func (s *Shop) handlers() map[string]func(at string) http.Handler {
	always := func(h http.Handler) func(string) http.Handler { return func(string) http.Handler { return h } }
	out := map[string]func(at string) http.Handler{
		"jenkins": always(jenkins.New(s.World, jenkins.Options{Users: map[string]jenkins.User{
			Admin: {Token: token(Admin)}, Developer: {Token: token(Developer)}, Reader: {Token: token(Reader), ReadOnly: true},
		}})),
		"gitlab": func(at string) http.Handler {
			return gitlab.New(s.World, gitlab.Options{URL: at, Users: map[string]gitlab.User{
				token(Admin): {Name: Admin, Level: gitlab.Maintainer}, token(Developer): {Name: Developer, Level: gitlab.Developer}, token(Reader): {Name: Reader, Level: gitlab.Reporter, ReadOnly: true},
			}})
		},
		"elastic": always(elastic.New(s.World, searchers)),
		"influx":  always(influx.New(s.World, measurers)),
	}
	if s.Drill != nil {
		out["drill"] = always(s.Drill.Handler())
	}
	return out
}

func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() }) // whoever is still reading is cut off
	defer stop()
	if err := s.Serve(l); ctx.Err() == nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// write says in files where everything is and who may log in.
func (s *Shop) write(dir string, at map[string]string) (Files, error) {
	files := Files{Kubeconfig: filepath.Join(dir, "kubeconfig"), Config: filepath.Join(dir, "wheelhouse.yaml")}
	if s.Drill != nil {
		files.Drill = "http://" + at["drill"]
	}
	type object = map[string]any
	var clusters, people, contexts []object
	for _, who := range users() {
		people = append(people, object{"name": who.Name, "user": object{"token": who.Token}})
	}
	for _, c := range s.Clusters {
		clusters = append(clusters, object{"name": c.Name(), "cluster": object{
			"server": "https://" + at[c.Name()], "certificate-authority-data": base64.StdEncoding.EncodeToString(s.identity.authority),
		}})
		for _, who := range users() {
			name := c.Name()
			if who.Name != Admin {
				name += "-" + who.Name
			}
			contexts = append(contexts, object{"name": name, "context": object{"cluster": c.Name(), "user": who.Name}})
		}
	}
	kubeconfig := object{"apiVersion": "v1", "kind": "Config", "clusters": clusters, "users": people, "contexts": contexts, "current-context": Cloud}
	config := object{
		"links": []object{{"context": Cloud, "colour": "blue", "connect": true}, {"context": House, "colour": "orange", "connect": true}},
		"systems": []object{
			{"kind": "jenkins", "url": "http://" + at["jenkins"], "user": Admin, "secret": "plain:" + token(Admin)},
			{"kind": "gitlab", "url": "http://" + at["gitlab"], "secret": "plain:" + token(Admin)},
			{"kind": "elastic", "url": "http://" + at["elastic"], "user": Admin, "secret": "plain:" + token(Admin)},
			{"kind": "influx", "url": "http://" + at["influx"], "secret": "plain:" + token(Admin), "org": org, "buckets": []string{metrics}},
		},
		"charts":    charts(),
		"actuators": object{"port": "management"},
	}
	for path, content := range map[string]object{files.Kubeconfig: kubeconfig, files.Config: config} {
		b, err := yaml.Marshal(content)
		if err != nil {
			return Files{}, fmt.Errorf("write %s: %w", filepath.Base(path), err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return Files{}, fmt.Errorf("write what clients need: %w", err)
		}
	}
	return files, nil
}
