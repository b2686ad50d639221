package main

import (
	_ "go.etcd.io/etcd/client/v3"
	_ "k8s.io/client-go/kubernetes"
)

func main() {}
