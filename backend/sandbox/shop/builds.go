package shop

import (
	"fmt"
	"slices"
	"time"

	"wheelhouse/backend/sandbox"
)

// onGitLab are the programs whose teams build on GitLab; the others build on Jenkins.
func onGitLab() []string { return []string{"search", "catalog", "recommend", "storefront", "gateway"} }

// pipelines are how everything is built.
func pipelines() []sandbox.Pipeline {
	var out []sandbox.Pipeline
	for i, p := range programs() {
		folder, on := "shop/", "jenkins"
		if slices.Contains(onGitLab(), p.Name) {
			folder, on = "web/", "gitlab"
		}
		one := sandbox.Pipeline{
			Name: folder + p.Name, On: on, Branch: "main", More: []string{"release"}, Program: p.Name, Built: 90 + 211*i%570,
			Params: []sandbox.Param{
				{Name: "VERSION", Help: "of the image; empty: the next", Kind: "string"},
				{Name: "SKIP_TESTS", Help: "for emergencies", Kind: "boolean", Default: "false"},
			},
			Stages: []sandbox.Plan{
				{Name: "checkout", Takes: 4 * time.Second, Says: []string{"Cloning " + p.Name, "HEAD is now at main"}},
				{Name: "compile", Takes: 41 * time.Second, Give: 0.2, Says: []string{"[INFO] Scanning for projects...", "[INFO] Building " + p.Name, "[INFO] Compiling 214 source files", "[INFO] BUILD SUCCESS"}},
				{
					Name: "test", Takes: 72 * time.Second, Give: 0.15, Fails: "BREAK", Says: []string{"[INFO] Tests run: 118, Failures: 0", "[INFO] Tests run: 341, Failures: 0, Skipped: 2"},
					Wrong: []string{"[ERROR] Tests run: 27, Failures: 1  <<< FAILURE! in shop." + p.Name + ".EndpointTest", "[ERROR] EndpointTest.answers:41 expected: <200> but was: <500>", "[INFO] BUILD FAILURE"},
				},
				{Name: "image", Takes: 35 * time.Second, Give: 0.25, Publishes: true, Says: []string{"Building " + Image(p.Name, "…"), "pushed"}},
				{Name: "deploy", Takes: 12 * time.Second, Releases: true, Says: []string{deploys(p.Name)}},
			},
		}
		if p.Name == "payments" || p.Name == "ledger" {
			one.Stages[4].Gate = &sandbox.Gate{Message: "Deploy " + p.Name + " to production?"}
		}
		out = append(out, one)
	}
	return out
}

// deploys is the command by which a build brings its version to the cluster.
func deploys(program string) string {
	if onArgo(program) {
		return fmt.Sprintf("kubectl argo rollouts set image %s app=%s", program, Image(program, "…"))
	}
	return fmt.Sprintf("kubectl set image deployment/%s app=%s", program, Image(program, "…"))
}
