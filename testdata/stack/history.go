package stack

import (
	"context"
	"fmt"
	"time"

	etcd "go.etcd.io/etcd/client/v3"
)

// ForgetHistory makes every resourceVersion that a client of the cluster holds
// too old, so that its next watch from there is answered 410 Gone: the API
// server is stopped, etcd's revision is moved on and all before it compacted,
// and the API server comes back with an empty watch cache.
func (s *Stack) ForgetHistory(ctx context.Context, clusterName string) error {
	c, err := s.find(clusterName, "apiserver")
	if err != nil {
		return err
	}
	if err := c.program("apiserver").stop(); err != nil {
		return err
	}
	if err := compact(ctx, "127.0.0.1:"+c.port("etcd")); err != nil {
		return err
	}
	return c.start(ctx, "apiserver")
}

func compact(ctx context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client, err := etcd.New(etcd.Config{Endpoints: []string{endpoint}, Context: ctx})
	if err != nil {
		return fmt.Errorf("reach etcd: %w", err)
	}
	defer client.Close()
	// a key that the API server does not read: it moves the revision past what
	// any client has seen
	put, err := client.Put(ctx, "/stack/history", "forgotten")
	if err != nil {
		return fmt.Errorf("move etcd's revision on: %w", err)
	}
	if _, err := client.Compact(ctx, put.Header.Revision, etcd.WithCompactPhysical()); err != nil {
		return fmt.Errorf("compact etcd: %w", err)
	}
	return nil
}
