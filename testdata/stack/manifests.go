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
	//go:embed manifests/stages.yaml
	stagesManifest []byte
)

// writeStages joins kwok's own stages and ours into the one file that kwok reads.
func (c *cluster) writeStages() error {
	files, err := filepath.Glob(filepath.Join(c.bin, "stages", "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no stages beside the binaries (%s): build first", c.bin)
	}
	parts := [][]byte{stagesManifest}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		parts = append(parts, data)
	}
	return os.WriteFile(c.path("kwok.yaml"), bytes.Join(parts, []byte("\n---\n")), 0o600)
}
