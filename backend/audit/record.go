package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
)

// A Record is one line of a chain.
type Record struct {
	Seq   int       `json:"seq"`   // from 1
	Time  time.Time `json:"time"`  // when it happened, UTC; a late record's lies before the one of its gap
	Chain string    `json:"chain"` // the file's name without its ending
	Entry
	Prev string `json:"prev"` // Hash of the record before; empty in the first
	// Hash is SHA-256 of the line as it would read without this last member,
	// in hexadecimal.
	Hash string `json:"hash,omitempty"`
}

// An Entry says what happened: exactly one of its members is set.
type Entry struct {
	Session *Session `json:"session,omitempty"`
	Intent  *Intent  `json:"intent,omitempty"`
	Step    *Step    `json:"step,omitempty"`
	Outcome *Outcome `json:"outcome,omitempty"`
	Refusal *Refusal `json:"refusal,omitempty"`
	Gap     *Gap     `json:"gap,omitempty"`
	End     *End     `json:"end,omitempty"`
}

// Session is the first record of every chain: whose session it is.
type Session struct {
	Who      string     `json:"who"`  // the person at this machine
	Host     string     `json:"host"` // this machine
	Version  string     `json:"version"`
	ReadOnly bool       `json:"readOnly,omitempty"`
	Links    []Identity `json:"links,omitempty"`
	Began    time.Time  `json:"began"` // zero at Open: now
}

// Identity is who acts on which server.
type Identity struct {
	Link   string `json:"link"`
	Server string `json:"server,omitempty"`
	User   string `json:"user,omitempty"` // as the server knows it; empty while it has not said
}

// Intent is what is about to be done. It is on disk before anything is sent.
type Intent struct {
	Run      string            `json:"run"`
	Action   string            `json:"action"`
	Undoes   string            `json:"undoes,omitempty"` // the run that is taken back
	Sentence string            `json:"sentence"`
	Warnings []string          `json:"warnings,omitempty"`
	Args     map[string]string `json:"args,omitempty"` // never those of secret parameters
	Reason   string            `json:"reason,omitempty"`
	Links    []Identity        `json:"links,omitempty"`
	Steps    []Planned         `json:"steps"`
}

// Planned is one step of an intent.
type Planned struct {
	Target  string         `json:"target"` // a backend.Ref as text
	UID     string         `json:"uid,omitempty"`
	Request string         `json:"request"`
	CLI     string         `json:"cli,omitempty"`
	Guard   []backend.Fact `json:"guard,omitempty"`
	Before  []byte         `json:"-"` // pre-image, goes to a file of its own
	Image   *Image         `json:"before,omitempty"`
}

// Image says where a pre-image lies, in the directory that has the chain
// file's name with the ending .d. The Log fills it in.
type Image struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
}

// Step is how one step of a run ended.
type Step struct {
	Run    string `json:"run"`
	N      int    `json:"n"` // from 1, as in Intent.Steps
	Target string `json:"target"`
	Code   string `json:"code"` // "done", or a backend.Code's word
	Note   string `json:"note,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Outcome is how a run ended.
type Outcome struct {
	Run      string  `json:"run"`
	Code     string  `json:"code"` // "done", or a backend.Code's word
	Sentence string  `json:"sentence"`
	Seconds  float64 `json:"seconds"`
	Done     int     `json:"done"` // steps
	Of       int     `json:"of"`
}

// Refusal is what was asked for and not begun.
type Refusal struct {
	Action  string   `json:"action"`
	Targets []string `json:"targets"`
	Cause   Cause    `json:"cause"`
	Reason  string   `json:"reason,omitempty"`
}

// Cause sorts refusals.
type Cause string

// The causes.
const (
	ReadOnly   Cause = "read-only"
	Denied     Cause = "denied"     // the server, asked beforehand, does not permit it
	Cancelled  Cause = "cancelled"  // by the person who was asked to confirm
	Changed    Cause = "changed"    // what the plan was confirmed on is so no more
	Unrecorded Cause = "unrecorded" // this record could not be written
)

// Gap precedes records that were written later than they happened.
type Gap struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Records int       `json:"records"` // how many follow late
	Reason  string    `json:"reason"`
}

// End closes a chain. A chain without one belongs to a session that still goes
// on, or that ended without a warning.
type End struct{}

// maxLine bounds one record, in bytes: a thousand steps with long names fit.
const maxLine = 32 << 20

// errNoRecord is the error of what can't be made a record, now or later.
var errNoRecord = errors.New("make audit record")

const (
	hashKey  = `,"hash":"`
	hashTail = len(hashKey) + 2*sha256.Size + len(`"}`)
)

// encode gives the line with its end, and its hash.
func (r Record) encode() (line []byte, hash string, err error) {
	r.Hash = ""
	plain, err := json.Marshal(r)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", errNoRecord, err)
	}
	plain = backend.SafeJSON(plain)
	if len(plain)+hashTail >= maxLine {
		return nil, "", fmt.Errorf("%w: it has %d bytes, which is more than a record may have; choose fewer objects", errNoRecord, len(plain))
	}
	sum := sha256.Sum256(plain)
	hash = hex.EncodeToString(sum[:])
	line = append(plain[:len(plain)-1:len(plain)-1], hashKey...)
	line = append(line, hash...)
	return append(line, "\"}\n"...), hash, nil
}

// decode reads a line, without its end, and says what is wrong with it: "" for
// nothing.
func decode(line []byte) (r Record, wrong string) {
	if err := json.Unmarshal(line, &r); err != nil {
		return r, "it is no record any more"
	}
	at := len(line) - hashTail
	if at < 0 || !bytes.HasPrefix(line[at:], []byte(hashKey)) {
		return r, "it has no hash at its end"
	}
	sum := sha256.Sum256(append(line[:at:at], '}'))
	if want := hex.EncodeToString(sum[:]); want != r.Hash || want != string(line[at+len(hashKey):len(line)-2]) {
		return r, "it was edited: its hash does not fit what it says"
	}
	return r, ""
}

// String is the record as one line for people, safe to print.
func (r Record) String() string {
	return backend.T(strings.Join([]string{r.Time.UTC().Format("2006-01-02 15:04:05Z"), r.Chain, r.Entry.String()}, "  ")).Safe()
}

// String says what happened in one line. It is not sanitised.
func (e Entry) String() string {
	switch {
	case e.Session != nil:
		return fmt.Sprintf("session  %s at %s, wheelhouse %s", e.Session.Who, e.Session.Host, e.Session.Version)
	case e.Intent != nil:
		return fmt.Sprintf("intent   run %s %s: %s", e.Intent.Run, e.Intent.Action, e.Intent.Sentence)
	case e.Step != nil:
		return strings.TrimRight(fmt.Sprintf("step     run %s.%d %s %s %s", e.Step.Run, e.Step.N, e.Step.Target, e.Step.Code, e.Step.Error+e.Step.Note), " ")
	case e.Outcome != nil:
		return fmt.Sprintf("outcome  run %s %s: %s", e.Outcome.Run, e.Outcome.Code, e.Outcome.Sentence)
	case e.Refusal != nil:
		return fmt.Sprintf("refusal  %s %s (%s) %s", e.Refusal.Action, strings.Join(e.Refusal.Targets, " "), e.Refusal.Cause, e.Refusal.Reason)
	case e.Gap != nil:
		return fmt.Sprintf("gap      %d recorded late, could not be written from %s to %s: %s", e.Gap.Records,
			e.Gap.From.Format(time.TimeOnly), e.Gap.To.Format(time.TimeOnly), e.Gap.Reason)
	case e.End != nil:
		return "end"
	}
	return "unknown" // of a later version
}
