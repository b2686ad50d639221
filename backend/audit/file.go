package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	ending       = ".jsonl"
	imagesEnding = ".d" // the directory of a chain's pre-images
)

// file is what a chain is written to.
type file interface {
	io.WriteCloser
	Sync() error
	Truncate(size int64) error
	Gone() bool // the name it was made under leads to it no more
}

type diskFile struct{ *os.File }

func createFile(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	syncDir(filepath.Dir(path))
	return diskFile{f}, nil
}

func (f diskFile) Gone() bool {
	named, err := os.Lstat(f.Name())
	if err != nil {
		return os.IsNotExist(err)
	}
	open, err := f.Stat()
	return err == nil && !os.SameFile(named, open)
}

// syncDir makes a new name durable where the system can: not all sync directories.
func syncDir(path string) {
	if d, err := os.Open(path); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// storeImages writes the pre-images of an intent beside the chain and gives the
// intent with their names and hashes.
func (l *Log) storeImages(in Intent) (Intent, error) {
	dir := filepath.Join(l.dir, l.chain+imagesEnding)
	steps := make([]Planned, len(in.Steps))
	stored := false
	for i, s := range in.Steps {
		if steps[i] = s; s.Before == nil {
			continue
		}
		if !stored {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return in, fmt.Errorf("store pre-image: %w", err)
			}
			syncDir(l.dir)
		}
		stored = true
		name := fmt.Sprintf("%s-%d.yaml", fileWord(in.Run), i+1)
		if err := storeImage(filepath.Join(dir, name), s.Before); err != nil {
			return in, fmt.Errorf("store pre-image: %w", err)
		}
		sum := sha256.Sum256(s.Before)
		steps[i].Image = &Image{File: name, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(s.Before))}
	}
	if stored {
		syncDir(dir)
	}
	in.Steps = steps
	return in, nil
}

func storeImage(path string, data []byte) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // of a try that failed
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// fileWord is s as a part of a file's name: short, and of letters, digits and
// a few signs that mean nothing to a shell.
func fileWord(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_':
			return r
		}
		return '-'
	}, s)
	if s = strings.Trim(s[:min(len(s), 32)], "-."); s == "" {
		return "unknown"
	}
	return s
}
