package table

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"wheelhouse/backend"
)

const crash, old, search, pay = "checkout-7d9f", "checkout-6c44", "search(1)", "payments"

// meanings is queries with the rows that they show of those four.
var meanings = map[string][]string{
	"":                         {old, crash, pay, search},
	"CHECK":                    {old, crash},
	"check run":                {old},
	"!check":                   {pay, search},
	"!check !pay":              {search},
	"^check.*f$":               {crash},
	"^pay|^search":             {pay, search},
	"!^check":                  {pay, search},
	`"search(1)"`:              {search},
	`"loop oom"`:               {crash},
	`!"loop oom" check`:        {old},
	`"unfinished`:              {},
	"state:crash":              {crash},
	"st:run":                   {old, search},
	"!state:run":               {crash, pay},
	"state:=running":           {old, search},
	`state:="running"`:         {old, search},
	`state:="run"`:             {},
	`state:"=running"`:         {},
	"!state:=running":          {crash, pay},
	`state:"loop o"`:           {crash},
	"state:^c.*m$":             {crash},
	"state:":                   {old, crash, pay, search},
	"restarts:>5":              {crash, pay},
	"restarts:>=5":             {crash, pay, search},
	"restarts:<=5":             {old, search},
	"restarts:5":               {search},
	"restarts:>":               {old, crash, pay, search},
	"!restarts:>5":             {old, search},
	"age:<1h":                  {crash, pay},
	"age:>2d":                  {old},
	"age:3d":                   {old},
	"age:2h":                   {search},
	"age:4d":                   {},
	"init:0/1":                 {pay},
	"~ck9":                     {crash},
	"-f ck9":                   {crash},
	"!~ck9":                    {old, pay, search},
	"~s":                       {search, pay},
	"-l app=cart,tier!=x chec": {old, crash},
	"-l":                       {old, crash, pay, search},
	"~":                        {old, crash, pay, search},
	"!":                        {old, crash, pay, search},
}

func TestFilterLanguage(t *testing.T) {
	x := newWorld(t, 80, 40)
	x.load.Delete(refs("abcdefghij")...)
	now := time.Now().Unix()
	for i, p := range []pod{
		{name: "checkout-7d9f", state: "CrashLoop OOM", restarts: 14, created: now - 600, level: backend.Critical},
		{name: "checkout-6c44", state: "Running", created: now - 3*86400},
		{name: "search(1)", state: "Running", restarts: 5, created: now - 7200},
		{name: "payments", state: "Init:0/1", restarts: 15, created: now - 30},
	} {
		p.link, p.uid = "one", fmt.Sprint(i)
		x.load.Put(p)
	}
	x.Refresh()
	for query, want := range meanings {
		if _, err := x.Filter(query); err != nil {
			t.Errorf("%q: %v", query, err)
			continue
		}
		x.settle()
		var got []string
		for v := range x.lens.Shown() {
			got = append(got, v.name)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q shows %q, want %q", query, got, want)
		}
	}
}

func refs(names string) []backend.Ref {
	var all []backend.Ref
	for _, r := range names {
		all = append(all, row(string(r)).Ref())
	}
	return all
}

func TestFilterErrorsAreSentences(t *testing.T) {
	x := newWorld(t, 80, 20)
	x.filter("a")
	for query, want := range map[string]string{
		"che[":           "not a regular expression",
		"restarts:>many": "restarts is a number",
		"age:<soon":      "age is an age",
		"age:<soond":     "age is an age",
		"state:>5":       "can't be compared",
		"restarts:<>5":   "does not compare",
	} {
		_, err := x.Filter(query)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasSuffix(err.Error(), ".") || backend.CodeOf(err) != backend.Invalid {
			t.Errorf("%q: %v", query, err)
		}
	}
	if x.Query() != "a" || x.Counts().Shown != 1 {
		t.Error("the last good filter must stay")
	}
}

func TestLabelsAreGivenBack(t *testing.T) {
	x := newWorld(t, 80, 20)
	for query, want := range map[string]string{
		"-l app=cart a": "app=cart", "a -l app=cart -l tier=web": "app=cart,tier=web", `-l "app in (a, b)"`: "app in (a, b)", `"-l" a`: "", "-l": "",
	} {
		if got, err := x.Filter(query); got != want || err != nil {
			t.Errorf("%q gives labels %q, %v", query, got, err)
		}
	}
}

func TestFilterAndCursor(t *testing.T) {
	x := newWorld(t, 60, 5)
	x.draw()
	x.Move(6)
	x.shows("d e f >g")
	x.filter("^(g|h|i)$")
	x.shows(">g h i")
	x.filter("")
	x.shows(">g h i j")
	x.filter("^(b|c)$")
	x.shows(">b c")
	x.Broken(true, func(v *pod) bool { return v.level.Broken() })
	x.shows("")
	if !x.OnlyBroken() {
		t.Error("only what is broken")
	}
	x.filter("")
	x.Broken(false, nil)
	x.shows(">a b c d")
	x.OnlyLinks([]string{"two"})
	if x.Counts().Shown != 0 || x.Wants("one") || !x.Wants("two") {
		t.Error("rows of another link are shown")
	}
	x.OnlyLinks(nil)
	x.shows(">a b c d")
}

// TestFilterOfManyRows: the rows before stay, and the cursor finds its row when
// the filter has been worked out elsewhere.
func TestFilterOfManyRows(t *testing.T) {
	x := newWorld(t, 60, 5)
	for i := range 20_000 {
		x.load.Put(row(fmt.Sprintf("pod-%05d", i)))
	}
	x.Refresh()
	x.Goto(row("pod-12345").Ref())
	x.filter("~p45")
	x.settle()
	if v, ok := x.Current(); !ok || v.name != "pod-12345" {
		t.Error(v, ok)
	}
	first, _ := x.lens.At(0)
	if !strings.HasPrefix(first.Value.name, "pod-45") && !strings.HasSuffix(first.Value.name, "45") {
		t.Errorf("%s is not the best match", first.Value.name)
	}
	if got := x.Find("POD-1234", 3); len(got) != 3 || got[0].Name != "pod-12340" {
		t.Error(got)
	}
}
