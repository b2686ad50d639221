package logs

import (
	"slices"
	"strings"
)

// head is how many bytes of a line come before what it has to say, as most programs
// write them: its time, then level, process, thread in brackets and the name of the
// logger, up to a ':' or '-' if there is one. A line that does not begin with its time
// has none.
func head(text string) int {
	at := stamp(text)
	if at == 0 {
		return 0
	}
	for known := false; at < len(text); {
		rest := text[at:]
		word, after, _ := strings.Cut(rest, " ")
		next, _, _ := strings.Cut(strings.TrimLeft(after, " "), " ")
		switch {
		case word == "":
			at++
		case divides(word):
			return len(text) - len(strings.TrimLeft(after, " "))
		case word[0] == '[' && strings.Contains(rest, "]"):
			at += strings.Index(rest, "]") + 1
			known = true
		case level(word):
			at += len(word)
			known = true
		case strings.Trim(word, "-0123456789") == "", known && divides(next): // the process, or the logger
			at += len(word)
		default:
			return at
		}
	}
	return 0 // it says nothing else
}

// divides says whether a word stands between head and message.
func divides(word string) bool { return word == ":" || word == "-" || word == "--" }

// level says whether a word is how bad a line is.
func level(word string) bool {
	return slices.Contains([]string{"TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"}, strings.Trim(word, "[]:"))
}

// stamp is how many bytes of a line are its time, with or without the day; 0 where it
// does not begin with one.
func stamp(text string) int {
	n := 0
	for _, part := range strings.SplitN(text, " ", 3)[:min(2, strings.Count(text, " ")+1)] {
		if strings.Trim(part, "[]0123456789-/:.,TZ+") != "" || part == "" {
			break
		}
		n += len(part) + 1
		if strings.Count(part, ":") >= 2 {
			return n - 1
		}
	}
	return 0
}
