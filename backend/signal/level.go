package signal

import (
	"strings"

	"wheelhouse/backend"
)

// within is how far into a line the word for its level is looked for: behind a
// time, a process and a thread.
const within = 120

// LevelOf is how much a line needs a look, by the first word in its beginning that
// is one for that: ERROR, "level":"warn", lvl=err. None where there is no such word.
func LevelOf(line string) backend.Level {
	if len(line) > within {
		line = line[:within]
	}
	for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return r < 'A' || r > 'z' || r > 'Z' && r < 'a' }) {
		switch strings.ToUpper(word) {
		case "ERROR", "ERR", "FATAL", "SEVERE", "CRITICAL", "PANIC", "EMERG", "ALERT":
			return backend.Critical
		case "WARN", "WARNING":
			return backend.Warning
		case "INFO", "DEBUG", "TRACE", "NOTICE":
			return backend.None
		}
	}
	return backend.None
}
