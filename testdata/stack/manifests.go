package stack

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// The objects that every cluster begins with, and how its kwok behaves beyond
// the stages that kwok brings.
var (
	//go:embed manifests/apps.yaml
	appsManifest []byte
	//go:embed manifests/rollouts.yaml
	rolloutsManifest []byte
	//go:embed manifests/rbac.yaml
	rbacManifest []byte
	//go:embed manifests/metrics.yaml
	metricsManifest []byte
	//go:embed manifests/stages.yaml
	stagesManifest []byte
)

// writeStages joins kwok's own stages and ours into the one file that kwok reads
// when it starts; one that has read another is ended.
func (c *cluster) writeStages() error {
	files, err := filepath.Glob(filepath.Join(c.bin, "stages", "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no stages beside the binaries (%s): build first", c.bin)
	}
	parts := [][]byte{stagesManifest, c.forwards, c.allLogs()}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parts = append(parts, data)
	}
	text := bytes.Join(parts, []byte("\n---\n"))
	if read, err := os.ReadFile(c.path("kwok.yaml")); err == nil && bytes.Equal(read, text) {
		return nil
	}
	if err := c.program("kwok").stop(); err != nil {
		return err
	}
	return os.WriteFile(c.path("kwok.yaml"), text, 0o600)
}
