package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// State is what Verify found a file to be. From Broken on, something is wrong
// that no crash explains.
type State uint8

// The states.
const (
	Whole      State = iota
	Unended          // whole, without an end record: it still goes on, or was ended without a warning
	Cut              // the last line is cut, as a crash or a full disk does it; all before is whole
	Broken           // see Line and Reason
	Unreadable       // see Reason
)

// String is the word for it.
func (s State) String() string {
	return [...]string{"whole", "whole, no end", "last line is cut", "broken", "unreadable"}[s]
}

// A Report says whether one chain file is whole.
type Report struct {
	File    string
	State   State
	Records int    // that follow one another without fault from the first
	Line    int    // where it breaks or is cut, from 1; zero where it is whole
	Reason  string // why; empty where it is whole
}

// String is the report as one line for people, not sanitised.
func (r Report) String() string {
	switch r.State {
	case Broken:
		return fmt.Sprintf("%s: broken at line %d: %s", r.File, r.Line, r.Reason)
	case Unreadable:
		return fmt.Sprintf("%s: unreadable: %s", r.File, r.Reason)
	}
	return fmt.Sprintf("%s: %s, %d records", r.File, r.State, r.Records)
}

// Verify checks the chain file at path, or every chain file in the directory
// at path, in the order of their names. The error says that path itself can't
// be read; what is wrong with a file stands in its report.
func Verify(path string) ([]Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("verify audit record: %w", err)
	}
	if !info.IsDir() {
		return []Report{verifyFile(path)}, nil
	}
	files, err := chains(path)
	if err != nil {
		return nil, fmt.Errorf("verify audit record: %w", err)
	}
	var out []Report
	for _, f := range files {
		out = append(out, verifyFile(f))
	}
	return out, nil
}

// chains gives the paths of the chain files in dir, oldest session first.
func chains(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), ending) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	slices.Sort(out)
	return out, nil
}

func verifyFile(path string) Report {
	f, err := os.Open(path)
	if err != nil {
		return Report{File: path, State: Unreadable, Reason: err.Error()}
	}
	defer f.Close()
	c := check{Report: Report{File: path, State: Unended}, chain: strings.TrimSuffix(filepath.Base(path), ending)}
	lines := newLines(f)
	for lines.Scan() {
		if !c.line(lines.Bytes()) {
			break
		}
	}
	if c.missing > 0 { // what stood there: further down, or nowhere?
		c.Reason = fmt.Sprintf("%d records before it were removed", c.found-c.missing)
		for lines.Scan() {
			if r, wrong := decode(bytes.TrimSuffix(lines.Bytes(), []byte("\n"))); wrong == "" && r.Seq == c.missing {
				c.Reason = fmt.Sprintf("the records were reordered: number %d stands further down", c.missing)
			}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong) && c.State != Broken:
		c.breakOff("it is longer than any record")
	case err != nil && c.State != Broken:
		c.State, c.Reason = Unreadable, err.Error()
	}
	return c.Report
}

// check goes through a chain line by line.
type check struct {
	Report
	chain          string
	prev           string
	missing, found int // the record that did not come, and the one that did instead
}

func (c *check) breakOff(reason string) bool {
	c.State, c.Line, c.Reason = Broken, c.Records+1, reason
	return false
}

// line takes the next line and says whether to go on.
func (c *check) line(line []byte) bool {
	whole := bytes.HasSuffix(line, []byte("\n"))
	r, wrong := decode(bytes.TrimSuffix(line, []byte("\n")))
	switch {
	case wrong != "" && !whole:
		c.State, c.Line, c.Reason = Cut, c.Records+1, "a crash or a full disk cut the last line"
		return false
	case wrong != "":
		return c.breakOff(wrong)
	case r.Chain != c.chain:
		return c.breakOff("it belongs to another session, " + r.Chain)
	case c.State == Whole:
		return c.breakOff("it stands behind the end of the session")
	case r.Seq > c.Records+1:
		c.missing, c.found = c.Records+1, r.Seq
		return c.breakOff("")
	case r.Seq < c.Records+1:
		return c.breakOff(fmt.Sprintf("the records were reordered or doubled: number %d stands where %d belongs", r.Seq, c.Records+1))
	case r.Prev != c.prev:
		return c.breakOff("the record before it was replaced: this one follows another")
	}
	if r.Intent != nil {
		if wrong := checkImages(strings.TrimSuffix(c.File, ending)+imagesEnding, r.Intent.Steps); wrong != "" {
			return c.breakOff(wrong)
		}
	}
	c.Records, c.prev = r.Seq, r.Hash
	if r.End != nil {
		c.State = Whole
	}
	return true
}

// checkImages says what is wrong with the pre-images of an intent, "" for nothing.
func checkImages(dir string, steps []Planned) string {
	for _, s := range steps {
		if s.Image == nil {
			continue
		}
		switch sum, err := hashImage(dir, *s.Image); {
		case errors.Is(err, fs.ErrNotExist):
			return "its pre-image " + s.Image.File + " was removed"
		case err != nil:
			return "its pre-image can't be read: " + err.Error()
		case sum != s.Image.SHA256:
			return "its pre-image " + s.Image.File + " was changed"
		}
	}
	return ""
}

// hashImage reads no further than one byte past what the image should hold,
// and nothing outside dir.
func hashImage(dir string, im Image) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	info, err := root.Lstat(im.File)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", im.File)
	}
	f, err := root.Open(im.File)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, im.Bytes+1)); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// newLines reads lines with their ends; a last one that was cut has none.
func newLines(r io.Reader) *bufio.Scanner {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine+1)
	s.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i+1], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	return s
}
