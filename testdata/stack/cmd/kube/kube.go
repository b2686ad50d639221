// Command kube is a whole Kubernetes control plane and its client in one
// binary: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl
// and metrics-server share nearly all of their code. Which one runs is the first argument,
// or the name that the binary was called by.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	server "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	metrics "sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

func main() {
	args := slices.Clone(os.Args)
	if filepath.Base(args[0]) == "kube" {
		args = args[1:]
	}
	if len(args) == 0 {
		args = []string{""}
	}
	os.Args = args
	os.Exit(run(filepath.Base(args[0]), args))
}

// run gives the program's exit code; args[0] is its name.
func run(name string, args []string) int {
	commands := map[string]func() *cobra.Command{
		"kube-apiserver":          apiserver.NewAPIServerCommand,
		"kube-controller-manager": controllers.NewControllerManagerCommand,
		"kube-scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
		"kubectl":                 kubectl.NewDefaultKubectlCommand,
		"metrics-server":          func() *cobra.Command { return metrics.NewMetricsServerCommand(server.SetupSignalHandler()) },
	}
	if name == "etcd" {
		etcdmain.Main(args)
		return 0
	}
	command, ok := commands[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "kube: the first argument is one of etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl, metrics-server")
		return 2
	}
	return cli.Run(command())
}
