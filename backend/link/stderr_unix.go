//go:build unix

package link

import (
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// CaptureStderr turns the process's standard error, descriptor 2, into a pipe
// and has line called with each line that anything writes there: login plugins,
// libraries, this program. Nothing then draws over the screen by accident. What
// the runtime prints when it dies comes out all the same. restore puts the real one back, waits until what was
// written is told, and may be called more than once.
func CaptureStderr(line func(string)) (restore func(), err error) {
	copied, err := unix.FcntlInt(uintptr(unix.Stderr), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("keep standard error: %w", err)
	}
	kept := os.NewFile(uintptr(copied), "standard error")
	r, w, err := os.Pipe()
	if err != nil {
		_ = kept.Close()
		return nil, fmt.Errorf("capture standard error: %w", err)
	}
	err = unix.Dup2(int(w.Fd()), unix.Stderr)
	_ = w.Close()
	if err != nil {
		_, _ = r.Close(), kept.Close()
		return nil, fmt.Errorf("capture standard error: %w", err)
	}
	_ = debug.SetCrashOutput(kept, debug.CrashOptions{}) // without it the last words go to the pipe alone
	told := make(chan struct{})
	go func() {
		defer close(told)
		readLines(r, line)
	}()
	return sync.OnceFunc(func() {
		_ = unix.Dup2(copied, unix.Stderr)
		_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
		_ = kept.Close()
		// A plugin that still runs holds the pipe open, so its end is not
		// waited for: only what is in it already is read.
		_ = r.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		<-told
		_ = r.Close()
	}), nil
}
