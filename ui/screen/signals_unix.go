//go:build unix

package screen

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Signals is what the console does about the terminal's signals.
type Signals struct {
	Resized func()          // SIGWINCH
	Stop    func()          // SIGTSTP: give the terminal back
	Resume  func()          // SIGCONT: take it again
	Hangup  func(os.Signal) // SIGHUP, SIGTERM, SIGQUIT: the terminal or the session is gone, or shall be
}

// Watch acts on the signals until ctx ends. After Stop the process really stops
// itself, as a shell's job control expects.
func (s Signals) Watch(ctx context.Context) {
	ch := make(chan os.Signal, 8)
	signal.Notify(ch, syscall.SIGWINCH, syscall.SIGTSTP, syscall.SIGCONT, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(ch)
	for {
		select {
		case <-ctx.Done():
			return
		case sig := <-ch:
			switch sig {
			case syscall.SIGWINCH:
				s.Resized()
			case syscall.SIGTSTP:
				s.Stop()
				_ = syscall.Kill(syscall.Getpid(), syscall.SIGSTOP) // it can't fail for oneself
			case syscall.SIGCONT:
				s.Resume()
			default:
				s.Hangup(sig)
			}
		}
	}
}
