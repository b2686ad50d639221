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
// It is asked of every line that comes, and allocates nothing.
func LevelOf(line string) backend.Level {
	if len(line) > within {
		line = line[:within]
	}
	for i := 0; i < len(line); i++ {
		begin := i
		for i < len(line) && isLetter(line[i]) {
			i++
		}
		if level, is := levelWord(line[begin:i]); is {
			return level
		}
	}
	return backend.None
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// levelWord says whether a word of letters is one for a level, and for which.
func levelWord(word string) (level backend.Level, is bool) {
	if len(word) < len("ERR") || len(word) > len("CRITICAL") {
		return backend.None, false
	}
	var known []string
	switch word[0] | 0x20 {
	case 'i', 'd', 't', 'n':
		known = []string{"INFO", "DEBUG", "TRACE", "NOTICE"}
	case 'w':
		level, known = backend.Warning, []string{"WARN", "WARNING"}
	case 'e', 'f', 's', 'c', 'p', 'a':
		level, known = backend.Critical, []string{"ERROR", "ERR", "FATAL", "SEVERE", "CRITICAL", "PANIC", "EMERG", "ALERT"}
	}
	for _, k := range known {
		if len(k) == len(word) && strings.EqualFold(k, word) {
			return level, true
		}
	}
	return backend.None, false
}
