// Package audit is the record of what was done, and of what was refused: JSON
// lines in one file for each session, each line holding the hash of the one
// before it.
//
// What lives here: writing, checking and reading that record. What may not:
// deciding anything. That a change is not begun unless its intent is on disk is
// dispatch's rule; here it is only possible to know.
//
// A chain shows every edit, loss and reordering of lines inside a file. It
// can't show that a whole file was removed, that whole lines were cut from the
// end of a session that has no end record, or that someone rewrote everything
// from one line to the last; against these the files must be kept elsewhere too.
package audit

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
)

// retryAfter is how long records that could not be written wait for the next
// try, unless another record comes before.
const retryAfter = 5 * time.Second

// A Log writes the chain of one session. Safe for concurrent use.
type Log struct {
	dir     string
	session Session
	create  func(path string) (file, error)

	mu     sync.Mutex
	chain  string // name of the file without its ending; empty while there is none
	file   file
	size   int64 // of the records that are whole
	torn   bool  // behind size there may be a part of a record
	seq    int   // of the last record; zero for none
	prev   string
	late   []event // what could not be written yet, oldest first
	why    error   // the first reason for it
	retry  *time.Timer
	closed bool
}

// event is an entry with the time at which it happened.
type event struct {
	at time.Time
	Entry
}

// Open prepares the record of a session in dir. Nothing is written, and no file
// made, before the first entry: looking around leaves no trace.
func Open(dir string, s Session) (*Log, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find audit directory: %w", err)
	}
	if info, err := os.Stat(abs); err == nil && !info.IsDir() {
		return nil, &backend.Error{
			Code: backend.Invalid, Op: "open audit record",
			Human: fmt.Sprintf("%s is no directory, so nothing can be recorded there. Move it away or configure another one.", backend.T(abs).Safe()),
		}
	}
	s.Began = cmp.Or(s.Began, time.Now()).UTC()
	return &Log{dir: abs, session: s, create: createFile}, nil
}

// Path is the chain file; empty while nothing was recorded.
func (l *Log) Path() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.chain == "" {
		return ""
	}
	return l.path()
}

func (l *Log) path() string { return filepath.Join(l.dir, l.chain+ending) }

// Write records e and returns once it is on disk (a Step may wait for the next
// entry that does). After an error it is not recorded, and will not be.
func (l *Log) Write(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.flush()
	if err == nil {
		err = l.add(time.Now(), e)
	}
	if err != nil {
		return fmt.Errorf("write audit record: %w", err)
	}
	return nil
}

// Keep records e, if need be later: it stays in memory until writing works
// again, and is then preceded by a Gap that says so. The error is why it is
// not on disk yet; the caller need not do anything about it.
func (l *Log) Keep(e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.late = append(l.late, event{time.Now(), e})
	if err := l.flush(); err != nil {
		return fmt.Errorf("write audit record: %w", err)
	}
	return nil
}

// Close records the end of the session, where there is a record of it at all.
// The error says how many entries could not be written; they are lost.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	err := l.flush()
	if err == nil && l.file != nil {
		err = l.add(time.Now(), Entry{End: &End{}})
	}
	l.closed = true
	if l.retry != nil {
		l.retry.Stop()
	}
	if l.file != nil {
		err = errors.Join(err, l.file.Close())
	}
	if err != nil && len(l.late) > 0 {
		return fmt.Errorf("close audit record, %d entries are lost: %w", len(l.late), err)
	}
	if err != nil {
		return fmt.Errorf("close audit record: %w", err)
	}
	return nil
}

// flush writes what is late, with a gap before it when it was tried in vain.
// After an error it is tried again some time later.
func (l *Log) flush() error {
	if !l.closed && l.file != nil && l.file.Gone() {
		l.leave()
	}
	err := l.flushLate()
	if err == nil {
		l.why = nil
		return nil
	}
	l.why = cmp.Or(l.why, err)
	if !l.closed {
		if l.retry == nil {
			l.retry = time.AfterFunc(retryAfter, l.tryAgain)
		}
		l.retry.Reset(retryAfter)
	}
	return err
}

func (l *Log) tryAgain() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		_ = l.flush() // it stays late, and the next try is set
	}
}

func (l *Log) flushLate() error {
	if len(l.late) == 0 {
		return nil
	}
	if l.why != nil {
		now := time.Now()
		gap := Gap{From: l.late[0].at.UTC(), To: now.UTC(), Records: len(l.late), Reason: l.why.Error()}
		if err := l.add(now, Entry{Gap: &gap}); err != nil {
			return err
		}
	}
	for len(l.late) > 0 {
		err := l.add(l.late[0].at, l.late[0].Entry)
		if errors.Is(err, errNoRecord) { // it would stand in the way of all others for ever
			err = l.add(l.late[0].at, Entry{Gap: &Gap{From: l.late[0].at.UTC(), To: time.Now().UTC(), Reason: err.Error()}})
		}
		if err != nil {
			return err
		}
		l.late = l.late[1:]
	}
	l.late = nil
	return nil
}

// leave gives up the file in use, which was taken away; the next record begins
// another, and the first to go there says so.
func (l *Log) leave() {
	gap := Gap{
		From: l.session.Began, To: time.Now().UTC(),
		Reason: "the record so far, " + l.chain + ending + ", was removed while it was in use",
	}
	l.late = slices.Insert(l.late, 0, event{time.Now(), Entry{Gap: &gap}})
	_ = l.file.Close() // what was in it is gone in any case
	l.chain, l.file, l.size, l.torn, l.seq, l.prev = "", nil, 0, false, 0, ""
}

// add appends one entry to the chain, after making the chain where there is none.
func (l *Log) add(at time.Time, e Entry) error {
	if l.closed {
		return errors.New("the session's record is closed")
	}
	if err := l.begin(); err != nil {
		return err
	}
	if e.Intent != nil {
		in, err := l.storeImages(*e.Intent)
		if err != nil {
			return err
		}
		e.Intent = &in
	}
	return l.put(at, e)
}

// begin makes the file and its first record.
func (l *Log) begin() error {
	if l.file == nil {
		if err := os.MkdirAll(l.dir, 0o700); err != nil {
			return err
		}
		chain := strings.Join([]string{l.session.Began.Format("2006-01-02T15-04-05Z"), fileWord(l.session.Who), strings.ToLower(rand.Text()[:8])}, "-")
		f, err := l.create(filepath.Join(l.dir, chain+ending))
		if err != nil {
			return err
		}
		l.chain, l.file = chain, f
	}
	if l.seq > 0 {
		return nil
	}
	return l.put(l.session.Began, Entry{Session: &l.session})
}

// put appends one line and has it on disk when it returns without an error;
// after an error the file ends where it ended before.
func (l *Log) put(at time.Time, e Entry) error {
	line, hash, err := Record{Seq: l.seq + 1, Time: at.UTC(), Chain: l.chain, Entry: e, Prev: l.prev}.encode()
	if err != nil {
		return err
	}
	if err := l.mend(); err != nil {
		return err
	}
	l.torn = true
	_, err = l.file.Write(line)
	if err == nil && e.Step == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return errors.Join(err, l.mend())
	}
	l.torn = false
	l.size += int64(len(line))
	l.seq++
	l.prev = hash
	return nil
}

// mend cuts off what a failed write may have left.
func (l *Log) mend() error {
	if !l.torn {
		return nil
	}
	if err := l.file.Truncate(l.size); err != nil {
		return fmt.Errorf("cut off a torn record: %w", err)
	}
	l.torn = false
	return nil
}
