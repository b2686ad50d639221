package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// maxTail bounds what Tail reads from the end of each file, in bytes.
const maxTail = 8 << 20

// Tail gives the last n records of all sessions in dir by the time at which
// they happened, oldest first. Lines that are no whole records are left out:
// Verify tells of them. A dir that is not there holds none.
func Tail(dir string, n int) ([]Record, error) {
	files, err := chains(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read audit record: %w", err)
	}
	var out []Record
	for _, f := range files {
		out = append(out, tailFile(f)...)
		slices.SortStableFunc(out, func(a, b Record) int { return a.Time.Compare(b.Time) })
		out = slices.Clone(out[max(0, len(out)-max(0, n)):])
	}
	return out, nil
}

// tailFile gives the whole records in the last part of a file; none when it
// can't be read.
func tailFile(path string) []Record {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil
	}
	from := max(0, info.Size()-maxTail)
	var out []Record
	for lines := newLines(io.NewSectionReader(f, from, maxTail)); lines.Scan(); {
		// The first line of a part starts in its middle and is left out as broken.
		if r, wrong := decode(bytes.TrimSuffix(lines.Bytes(), []byte("\n"))); wrong == "" {
			out = append(out, r)
		}
	}
	return out
}
