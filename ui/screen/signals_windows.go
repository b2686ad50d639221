package screen

import (
	"context"
	"os"
)

// Signals is what the console does about the terminal's signals. Windows has
// none of them.
type Signals struct {
	Resized func()
	Stop    func()
	Resume  func()
	Hangup  func(os.Signal)
}

// Watch waits until ctx ends.
func (s Signals) Watch(ctx context.Context) { <-ctx.Done() }
