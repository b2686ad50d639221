//go:build !unix

package link

// CaptureStderr does nothing here: there is no descriptor to put aside.
// Diagnostics of client-go are kept off the screen by Quiet.
func CaptureStderr(func(line string)) (restore func(), err error) { return func() {}, nil }
