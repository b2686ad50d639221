package link

import (
	"bufio"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

// Quiet has client-go's diagnostics written to w, a record each line, instead
// of the standard error, for the whole process; nil keeps none.
func Quiet(w io.Writer) {
	if w == nil {
		// what is quiet already is left alone, as others may be about to say something
		if logr.ToSlogHandler(klog.Background()) != slog.DiscardHandler {
			klog.SetSlogLogger(slog.New(slog.DiscardHandler))
		}
		return
	}
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(w, nil)))
}

// readLines tells each line that comes through r, cut where it is longer than
// anybody would read, until r ends.
func readLines(r *os.File, line func(string)) {
	in := bufio.NewReaderSize(r, 4<<10)
	for {
		part, more, err := in.ReadLine()
		if err != nil {
			return
		}
		s := strings.TrimRight(string(part), "\r")
		for more && err == nil {
			_, more, err = in.ReadLine()
		}
		line(s)
	}
}
