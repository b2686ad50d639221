// Package drill is incidents to practise on: what goes wrong in the embedded world and
// when, what the pager says of it, and by what it is seen that somebody has put an end
// to it. A drill is data, a YAML file; those that wheelhouse brings lie beside this one.
//
// Here stands how such a file is read and checked, the Judge that plays it on the
// world's clock, and the small server and client by which the console follows it. What
// a step does to the clusters is done by whoever has put the world up (see Stage).
package drill

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend"
)

// A Drill is one incident.
type Drill struct {
	Name      string        `yaml:"name"`
	Title     string        `yaml:"title"`
	Briefing  string        `yaml:"briefing"` // as the pager gives it
	Seed      uint64        `yaml:"seed"`     // of the world that it happens in
	Cause     []Step        `yaml:"cause"`
	Signs     []string      `yaml:"signs"` // whoever looks at one of these objects has noticed
	Mitigated Goal          `yaml:"mitigated"`
	Lost      time.Duration `yaml:"lost"` // after which nobody has put an end to it in time
	Hints     []string      `yaml:"hints"`
	Way       []Press       `yaml:"way"` // the shortest one
}

// A Step is one thing that happens, a while after the beginning: one of those below.
type Step struct {
	At      time.Duration `yaml:"at"`
	Publish *Version      `yaml:"publish"`
	Release *Release      `yaml:"release"`
	Fault   *Fault        `yaml:"fault"`
	Breaker *Breaker      `yaml:"breaker"`
	Halt    *Place        `yaml:"halt"`
	Run     *Job          `yaml:"run"`
}

// A Version is one that a program can be released in from then on, and how good it is.
type Version struct {
	Program string  `yaml:"program"`
	Version string  `yaml:"version"`
	Failing float64 `yaml:"failing"` // percent of its calls
	Says    string  `yaml:"says"`    // with this error
	Slow    float64 `yaml:"slow"`    // times longer than usual
	Leaks   float64 `yaml:"leaks"`   // MiB of memory a minute
	Writes  float64 `yaml:"writes"`  // MiB a minute on its machine's disk
	Crashes string  `yaml:"crashes"` // it ends as it starts, with this last word
}

// A Release brings a version to where its program runs, in place of the one there, or
// as that many pods beside it.
type Release struct {
	Program string `yaml:"program"`
	Version string `yaml:"version"`
	Beside  int    `yaml:"beside"`
}

// A Fault is a program that goes wrong by itself.
type Fault struct {
	Program string  `yaml:"program"`
	Failing float64 `yaml:"failing"` // percent of its calls
	Slow    float64 `yaml:"slow"`    // times longer than usual
}

// A Breaker is the one of a program for its calls to another, with other settings.
type Breaker struct {
	Program string        `yaml:"program"`
	To      string        `yaml:"to"`
	Failing float64       `yaml:"failing"` // percent that opens it; 0: as it is
	Slow    float64       `yaml:"slow"`    // percent of slow calls that opens it; 0: as it is
	From    time.Duration `yaml:"from"`    // what a slow call is
}

// A Place is a machine, by its name or by a pod that runs on it.
type Place struct {
	Cluster string `yaml:"cluster"`
	Machine string `yaml:"machine"`
	Runs    string `yaml:"runs"` // a pod of namespace shop, or how its name begins
}

// A Job is a pod in namespace batch that somebody has begun by hand.
type Job struct {
	Name   string  `yaml:"name"`
	On     Place   `yaml:"on"`
	CPU    float64 `yaml:"cpu"`    // cores that it takes
	Memory int64   `yaml:"memory"` // MiB that it takes
	Writes float64 `yaml:"writes"` // MiB a minute on its machine's disk
}

// A Goal is what must be so, all of it and for a while, for the incident to be over.
type Goal struct {
	Held time.Duration `yaml:"held"`
	When []Condition   `yaml:"when"`
}

// A Condition is something that can be so of a program, or with "*" of each.
type Condition struct {
	Program string        `yaml:"program"`
	Failing float64       `yaml:"failing"` // less than this percentage of its calls fails
	Takes   time.Duration `yaml:"takes"`   // a call takes less than this
	Missing *int          `yaml:"missing"` // no more than so many processes fewer take calls than at the beginning
	Without string        `yaml:"without"` // no process runs this version
}

// A Press is what a good engineer does next, and why.
type Press struct {
	Keys string `yaml:"keys"`
	Why  string `yaml:"why"`
}

//go:embed drills/*.yaml
var files embed.FS

// Names are those of the drills that are at hand, in alphabetical order.
func Names() []string {
	all, err := fs.Glob(files, "drills/*.yaml")
	if err != nil {
		panic(fmt.Sprintf("a pattern that is none: %v", err))
	}
	for i := range all {
		all[i] = strings.TrimSuffix(path.Base(all[i]), ".yaml")
	}
	return all
}

// Load reads the drill of a name, or of a file where there is a dot or a slash in it.
// The error names file, line and column.
func Load(name string, in Setting) (Drill, error) {
	if strings.ContainsAny(name, `./\`) {
		return Read(name, in)
	}
	text, err := Text(name)
	if err != nil {
		return Drill{}, err
	}
	return parsed(name, text, in)
}

// Text is the file of one that is at hand.
func Text(name string) ([]byte, error) {
	if !slices.Contains(Names(), name) {
		return nil, &backend.Error{
			Code: backend.Invalid, Op: "find drill",
			Human: fmt.Sprintf("There is no drill %s%s%s. One of your own is given by its path, as in ./mine.yaml.", quoted(name), backend.Near(name, Names()), listed(Names())),
		}
	}
	text, err := files.ReadFile("drills/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("read drill: %w", err)
	}
	return text, nil
}

// Read reads the drill of a file.
func Read(file string, in Setting) (Drill, error) {
	text, err := read(file)
	if err != nil {
		return Drill{}, &backend.Error{Code: backend.Invalid, Op: "read drill", Err: err, Human: fmt.Sprintf("The drill %s can't be read: %v. Name a file that can.", file, err)}
	}
	return parsed(file, text, in)
}

// longest is more than any drill has to say, and what a file is read up to.
const longest = 64 << 10

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		var why *fs.PathError
		if errors.As(err, &why) {
			err = why.Err // the name is said already
		}
		return nil, err //nolint:wrapcheck // Read says what was being done
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, longest+1))
	if err == nil && len(text) > longest {
		err = errors.New("it is longer than 64 KiB, which no drill is")
	}
	return text, err //nolint:wrapcheck // Read says what was being done
}

// parsed is Parse with an error that names the file: in one line where there is one
// thing to say, else above what there is to say.
func parsed(from string, text []byte, in Setting) (Drill, error) {
	d, err := Parse(text, in)
	if err != nil {
		says := from + ": " + err.Error()
		if all := strings.Split(err.Error(), "\n"); len(all) > 1 {
			says = from + ":\n  " + strings.Join(all, "\n  ")
		}
		return d, &backend.Error{Code: backend.Invalid, Op: "read drill", Err: err, Human: says}
	}
	return d, nil
}
