//go:build unix

package link

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// CaptureStderr turns the process's standard error, descriptor 2, into a pipe
// and has line called with each line that anything writes there: login plugins,
// libraries, this program. Nothing then draws over the screen by accident. What
// the runtime prints when it dies goes to the pipe too, so restore before a
// panic is let out. restore puts the real one back, waits until what was
// written is told, and may be called more than once.
func CaptureStderr(line func(string)) (restore func(), err error) {
	real, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("keep standard error: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		_ = unix.Close(real)
		return nil, fmt.Errorf("capture standard error: %w", err)
	}
	if err := unix.Dup2(int(w.Fd()), unix.Stderr); err != nil {
		_, _, _ = r.Close(), w.Close(), unix.Close(real)
		return nil, fmt.Errorf("capture standard error: %w", err)
	}
	return nil, nil
}
