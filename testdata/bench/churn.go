package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// churn changes the state of the first pods, those that a new console shows, so
// many times a second until stop is called, which puts them back as they were.
func churn(perSecond int) (stop func(), err error) {
	cfg, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: *kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: *kubectx}).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("churn: %w", err)
	}
	cfg.QPS = -1
	client, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("churn: %w", err)
	}
	list, err := client.CoreV1().Pods("").List(context.Background(), metav1.ListOptions{Limit: 40})
	if err != nil {
		return nil, fmt.Errorf("churn: %w", err)
	}
	pods := client.CoreV1().Pods
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var patches sync.WaitGroup
		defer patches.Wait()
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for i := 0; ; i++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			p := &list.Items[i%len(list.Items)]
			patch := fmt.Sprintf(`{"status":{"reason":"Churn%d"}}`, i%100)
			patches.Go(func() {
				_, _ = pods(p.Namespace).Patch(ctx, p.Name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
			})
		}
	}()
	return func() {
		cancel()
		<-ended
		for _, p := range list.Items {
			_, _ = pods(p.Namespace).Patch(context.Background(), p.Name, types.MergePatchType, []byte(`{"status":{"reason":null}}`), metav1.PatchOptions{}, "status")
		}
	}, nil
}
