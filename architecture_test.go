// Package wheelhouse_test holds what is true of the whole tree and of no single
// package: which way the arrows point, how folders and files are named, how long
// a file may be.
package wheelhouse_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "wheelhouse"

// A layer is a set of folders with what they may import of this module. Paths
// are patterns of path.Match; the first layer that matches a folder counts.
type layer struct {
	folder string
	may    []string
	bare   bool // the standard library and may, nothing else
	why    string
}

var layers = []layer{
	{
		folder: "backend", bare: true,
		why: "the grammar is what everything else is written in: it knows nobody",
	},
	{
		folder: "backend/feed", may: []string{"backend"}, bare: true,
		why: "live tables hold any noun of any system, so they know none",
	},
	{
		folder: "backend/story", may: []string{"backend", "backend/feed"}, bare: true,
		why: "what joins all domains knows what they have in common, and none of them",
	},
	{
		folder: "backend/audit", may: []string{"backend"}, bare: true,
		why: "the record must be readable and writable whatever else is broken",
	},
	{
		folder: "backend/dispatch", may: []string{"backend", "backend/audit"}, bare: true,
		why: "there is one way in which anything is changed, the same for every system",
	},
	{
		folder: "backend/link", may: []string{"backend", "backend/cluster"},
		why: "a connection is shared by all adapters that ride on it, so it knows none of them; it is listed as a cluster itself",
	},
	{
		folder: "backend/kubeapi", may: []string{"backend", "backend/cluster", "backend/link"},
		why: "what all kinds of an API server have in common knows none of them: it is what their adapters stand on",
	},
	{
		folder: "backend/webapi", may: []string{"backend", "backend/link"},
		why: "what all systems in plain HTTP have in common knows none of them: it is what their adapters stand on",
	},
	{
		folder: "backend/kubeapi/contract", may: []string{"backend", "backend/backendtest", "backend/kubeapi", "backend/link"},
		why: "a real control plane as the contract suite wants it knows no kind: which there are the adapter says",
	},
	{
		folder: "backend/kubeapi/kubeapitest", may: nil,
		why: "what an API server sends is written without anything of ours",
	},
	{
		folder: "backend/backendtest", may: []string{"backend", "backend/feed"},
		why: "a contract suite tests any adapter through the grammar alone",
	},
	{
		folder: "backend/adapters/*", may: []string{"backend", "backend/link", "backend/kubeapi", "backend/kubeapi/*", "backend/webapi", "backend/cluster", "backend/delivery", "backend/signal", "backend/service", "backend/machine"},
		why: "an adapter translates one system into the grammar: another adapter, a feed or a screen is not its business",
	},
	{
		folder: "backend/sandbox", may: nil, bare: true,
		why: "the adapters must not be able to tell the embedded world from a real one: it knows nothing of them or of their nouns",
	},
	{
		folder: "backend/sandbox/shop", may: []string{"backend/sandbox", "backend/sandbox/*"},
		why: "the company puts the world together with all that serves it, and knows nobody who looks at it",
	},
	{
		folder: "backend/sandbox/drill", may: []string{"backend", "backend/sandbox"},
		why: "a drill is about the world and for the people of the console: it knows no wire, and what it says is wrong with a file is said as everywhere",
	},
	{
		folder: "backend/sandbox/kube/shell", may: []string{"backend/sandbox"},
		why: "what one can do inside a container is a small shell over what is so in the world, and knows nothing of how one came in",
	},
	{
		folder: "backend/sandbox/kube", may: []string{"backend/sandbox", "backend/sandbox/kube/shell"},
		why: "it maps the embedded world onto the wire of Kubernetes, and knows no other system",
	},
	{
		folder: "backend/sandbox/*", may: []string{"backend/sandbox", "backend/sandbox/kube"},
		why: "it maps the embedded world onto the wire of one system, and knows no other but the cluster that its kinds live on",
	},
	{
		folder: "backend/*", may: []string{"backend"}, bare: true,
		why: "a noun belongs to a domain, not to a vendor, and does no I/O",
	},
	{
		folder: "themes", may: []string{"backend"},
		why: "colours and signs are data: they know the grammar's levels and nothing that is drawn",
	},
	{
		folder: "keymap", may: []string{"backend"},
		why: "which key means which action is data; what the action does stands elsewhere",
	},
	{
		folder: "config", may: []string{"backend", "keymap", "themes"},
		why: "the configuration is read and checked by itself; what it means is wired in cmd",
	},
	{
		folder: "ui/screen", may: []string{"backend", "themes"},
		why: "canvas and renderer draw cells: what they show is not their business",
	},
	{
		folder: "ui/widget/*", may: []string{"backend", "backend/feed", "themes", "ui/screen", "ui/widget/input"},
		why: "a widget is generic and stands alone, on the canvas, live rows and at most the text input: never the shell, a noun or another widget",
	},
	{
		folder: "ui", may: []string{"backend", "backend/feed", "backend/dispatch", "keymap", "themes", "ui/screen", "ui/widget/*"},
		why: "the shell holds any view of any system: it knows no view, no noun and no adapter",
	},
	{
		folder: "ui/*", may: []string{"backend", "backend/feed", "backend/dispatch", "keymap", "themes", "ui", "ui/*", "ui/widget/*"},
		why: "a kind of view serves any noun: it knows none of them, and no adapter",
	},
	{
		folder: "views/drill", may: []string{"backend", "backend/*", "backend/sandbox/drill", "ui", "ui/*", "ui/widget/*", "themes"},
		why: "a drill is played in the embedded world and nowhere else: its screens ask that world, and no system's adapter",
	},
	{
		folder: "views/*", may: []string{"backend", "backend/*", "keymap", "themes", "ui", "ui/*", "ui/widget/*"},
		why: "a view shows nouns from feeds: never an adapter, which would tie it to a vendor, never another view",
	},
	{
		folder: "cmd/*", may: []string{"*", "*/*", "*/*/*"},
		why: "cmd is wiring, the one place that imports everything",
	},
}

// A fence keeps a library on its side: import paths that begin with one of
// these may stand only in folders that begin with one of those.
type fence struct {
	libraries, folders []string
	why                string
}

var fences = []fence{
	{
		[]string{"k8s.io/", "sigs.k8s.io/"},
		[]string{"backend/link", "backend/kubeapi", "backend/adapters/", "backend/sandbox/", "cmd/"},
		"Kubernetes' libraries speak to servers, and serve in the embedded world: whatever is above the adapters knows rows and actions only",
	},
	{
		[]string{"k8s.io/apiserver", "k8s.io/component-base", "k8s.io/cri-streaming"},
		[]string{"backend/sandbox/"},
		"what serves is of the embedded world alone, which runs in a process of its own",
	},
	{
		[]string{"charm.land/", "github.com/charmbracelet/"},
		[]string{"ui", "views/", "cmd/", "themes/"},
		"what is below the screen must run without one",
	},
	{
		[]string{module + "/views/", module + "/cmd/"},
		[]string{"cmd/"},
		"arrows point down: nothing depends on a screen or on the wiring",
	},
}

// noNames are folder names that say nothing about what lives there.
var noNames = []string{"common", "util", "utils", "types", "helpers", "helper", "context", "misc", "shared", "base"}

// maxLines is how long a file that is no test may be. One that grows longer
// holds two ideas.
const maxLines = 450

// A source is one Go file of the tree, with its path from the root.
type source struct {
	path    string
	folder  string
	lines   int
	imports []string
	file    *ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources reads every Go file below root, for any system and any build tag.
func sources(t *testing.T, root string) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, data, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{path: filepath.ToSlash(name), lines: bytes.Count(data, []byte("\n")), file: file}
		s.folder = path.Dir(s.path)
		for _, i := range file.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, p)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatalf("read the tree: %v", err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d Go files below %s: this test looks in the wrong place", len(all), root)
	}
	return all
}

// shipped are the files that end up in the binary.
func shipped(t *testing.T) []source {
	return slices.DeleteFunc(sources(t, "."), func(s source) bool {
		return s.isTest() || strings.HasPrefix(s.path, "testdata/")
	})
}

func TestArrowsPointDown(t *testing.T) {
	for _, s := range shipped(t) {
		l, ok := layerOf(s.folder)
		if !ok {
			t.Errorf("%s: no layer for this folder. Say in architecture_test.go what it may import and why.", s.path)
			continue
		}
		for _, imported := range s.imports {
			if !l.allows(imported) {
				t.Errorf("%s imports %s, but %s may import %s: %s.", s.path, imported, l.folder, l.list(), l.why)
			}
		}
	}
}

func layerOf(folder string) (layer, bool) {
	for _, l := range layers {
		if match(l.folder, folder) {
			return l, true
		}
	}
	return layer{}, false
}

func (l layer) allows(imported string) bool {
	own, ok := strings.CutPrefix(imported, module+"/")
	if !ok {
		return !l.bare || !strings.Contains(strings.Split(imported, "/")[0], ".")
	}
	return slices.ContainsFunc(l.may, func(pattern string) bool { return match(pattern, own) })
}

func (l layer) list() string {
	parts := l.may
	if l.bare {
		parts = append([]string{"the standard library"}, parts...)
	}
	if len(parts) == 0 {
		return "nothing of this module"
	}
	return "only " + strings.Join(parts, ", ")
}

func match(pattern, folder string) bool {
	ok, err := path.Match(pattern, folder)
	return ok && err == nil
}

func TestLibrariesStayOnTheirSide(t *testing.T) {
	begins := func(s string, with []string) bool {
		return slices.ContainsFunc(with, func(w string) bool { return strings.HasPrefix(s, w) })
	}
	for _, s := range shipped(t) {
		for _, imported := range s.imports {
			for _, f := range fences {
				if begins(imported, f.libraries) && !begins(s.path, f.folders) {
					t.Errorf("%s imports %s, which may stand only in %s: %s.", s.path, imported, strings.Join(f.folders, ", "), f.why)
				}
			}
		}
	}
}

// TestMainFiles: a folder's main file has the folder's name and says what lives
// there and what may not, so that a stranger knows where to begin.
func TestMainFiles(t *testing.T) {
	doc := map[string]string{} // by folder: the comment of its main file
	for _, s := range shipped(t) {
		if _, ok := doc[s.folder]; !ok {
			doc[s.folder] = ""
		}
		if path.Base(s.path) == path.Base(s.folder)+".go" && s.file.Doc != nil {
			doc[s.folder] = s.file.Doc.Text()
		}
	}
	for folder, text := range doc {
		name := path.Base(folder)
		if !strings.HasPrefix(text, "Package "+name+" ") && !strings.HasPrefix(text, "Command "+name+" ") {
			t.Errorf("%s: %s.go must open with a comment that begins \"Package %s\" and says what lives here and what may not.", folder, name, name)
		}
	}
}

func TestFoldersSayWhatLivesThere(t *testing.T) {
	for _, s := range sources(t, ".") {
		if slices.Contains(noNames, path.Base(s.folder)) || slices.Contains(noNames, s.file.Name.Name) {
			t.Errorf("%s: %q says nothing about what lives there; name the idea.", s.path, s.file.Name.Name)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t, ".") {
		if !s.isTest() && s.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: split it where its ideas split.", s.path, s.lines, maxLines)
		}
	}
}
