package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// hudsonConfig is a controller that builds two things at a time and is set up already.
const hudsonConfig = `<?xml version='1.0' encoding='UTF-8'?>
<hudson><version>3.3.2</version><numExecutors>2</numExecutors><mode>NORMAL</mode></hudson>
`

// newHudson is the part that has a Hudson, which Jenkins comes from and still answers
// like in much: jobs and builds by tree, the queue, logs. It has no jobs; whoever
// tests makes some.
func newHudson(dir string) *fleet {
	f := &fleet{name: "hudson", dir: dir, programs: []string{"hudson"}}
	f.build = func(ctx context.Context, src string) (string, error) {
		return builtByMaven(ctx, f.name, filepath.Join(src, "hudson"))
	}
	f.prepare = func(context.Context) error {
		if err := os.MkdirAll(f.path("home"), 0o700); err != nil {
			return err
		}
		return os.WriteFile(f.path("home", "config.xml"), []byte(hudsonConfig), 0o600)
	}
	f.program = func(name string) program {
		p := program{name: name, dir: f.dir, exe: java(), env: []string{"HUDSON_HOME=" + f.path("home")}}
		p.args = []string{"--add-opens", "java.desktop/java.awt.font=ALL-UNNAMED"}
		for _, in := range []string{"lang", "lang.ref", "lang.reflect", "util", "util.concurrent", "util.concurrent.atomic", "util.concurrent.locks", "text", "io", "net"} {
			p.args = append(p.args, "--add-opens", "java.base/java."+in+"=ALL-UNNAMED")
		}
		p.args = append(p.args, "-Xmx384m", "-XX:+UseSerialGC", "-Djava.awt.headless=true", "-Djava.io.tmpdir="+f.dir,
			"-cp", f.path("built", "start.jar")+":"+f.path("built", "hudson.war"), "shop.Hudson",
			"--httpListenAddress=127.0.0.1", fmt.Sprintf("--httpPort=%d", f.ports[name]), "--skipInitSetup")
		return p
	}
	f.ready = func(ctx context.Context, name string) error {
		return answers(ctx, fmt.Sprintf("http://127.0.0.1:%d/api/json", f.ports[name]))
	}
	return f
}
