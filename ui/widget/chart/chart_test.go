package chart

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the pictures anew")

// begin is a full hour where the tests are, whatever zone that is.
var begin = time.Date(2026, 11, 23, 3, 0, 0, 0, time.Local)

// wave is a series of n points, a step apart; values that are NaN are gaps.
func wave(name, unit string, n int, step time.Duration, value func(i int) float64) backend.Series {
	s := backend.Series{Name: name, Unit: unit}
	for i := range n {
		s.Points = append(s.Points, backend.Point{At: begin.Add(time.Duration(i) * step), Value: value(i)})
	}
	return s
}

// calls is two services, one of which says nothing for a while and has a spike.
func calls() Chart {
	return Chart{
		From: begin, To: begin.Add(15 * time.Minute),
		Series: []backend.Series{
			wave("p95 service=cart", "ms", 91, 10*time.Second, func(i int) float64 { return 60 + 25*math.Sin(float64(i)/9) }),
			wave("p95 service=pay", "ms", 91, 10*time.Second, func(i int) float64 {
				switch {
				case i == 20:
					return 410
				case i > 40 && i < 60:
					return math.NaN()
				}
				return 110 + 20*math.Cos(float64(i)/5)
			}),
		},
	}
}

func frame(w, h int, signs *themes.Signs) screen.Frame {
	return screen.Frame{Canvas: screen.New(w, h), Now: begin, Signs: signs}
}

// picture draws a chart into a part of a canvas; what is beside it must stay.
func picture(t *testing.T, c Chart, w, h int, signs *themes.Signs) string {
	t.Helper()
	f := frame(w+2, h+2, signs)
	for y := range h + 2 {
		f.Text(0, y, themes.Plain, strings.Repeat("#", w+2))
	}
	inner := f.Sub(1, 1, w, h)
	inner.Fill(themes.Plain)
	c.Draw(inner)
	for y, line := range strings.Split(f.Plain(), "\n") {
		if border := y == 0 || y == h+1; border && line != strings.Repeat("#", w+2) || line[0] != '#' || line[len(line)-1] != '#' {
			t.Fatalf("it draws beside its frame, in line %d: %q", y, line)
		}
	}
	return inner.Plain() + "\n"
}

func TestPictures(t *testing.T) {
	many := Chart{From: begin, To: begin.Add(6 * time.Hour)}
	for n := range 20 {
		many.Series = append(many.Series, wave(fmt.Sprintf("host=ecs-%02d", n), "B", 200, 108*time.Second, func(i int) float64 {
			return float64(1<<30) * (1 + float64(n)/4 + 0.2*math.Sin(float64(i+n)/7))
		}))
	}
	many.Lit = 7
	cross := calls()
	cross.At, cross.Lit = begin.Add(200*time.Second), 2
	for name, c := range map[string]Chart{"calls": calls(), "many": many, "crosshair": cross} {
		for _, size := range [][2]int{{80, 24}, {120, 40}, {200, 50}} {
			golden(t, fmt.Sprintf("%s-%dx%d", name, size[0], size[1]), picture(t, c, size[0], size[1], themes.Unicode()))
		}
	}
	golden(t, "crosshair-ascii-80x24", picture(t, cross, 80, 24, themes.ASCII()))
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	zone, _ := begin.Zone()
	got = strings.ReplaceAll(got, zone, "ZONE") // it is where the test runs
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (go test -update writes it anew):\n%s", name, diff)
	}
}

// TestOdd: whatever the numbers and the room, it draws, within its frame.
func TestOdd(t *testing.T) {
	of := func(values ...float64) Chart {
		c := Chart{From: begin, To: begin.Add(time.Minute)}
		c.Series = []backend.Series{wave("s", "", len(values), time.Second, func(i int) float64 { return values[i] })}
		return c
	}
	charts := map[string]Chart{
		"zero":       {},
		"no series":  {From: begin, To: begin.Add(time.Hour)},
		"no point":   of(),
		"one":        of(5),
		"equal":      of(7, 7, 7, 7),
		"zeros":      of(0, 0, 0),
		"huge":       of(1e300, -1e300, math.MaxFloat64, -math.MaxFloat64),
		"tiny":       of(1e-300, 2e-300, math.SmallestNonzeroFloat64),
		"nan":        of(math.NaN(), math.Inf(1), math.Inf(-1)),
		"nearly":     of(1e9, 1e9+1e-6),
		"mixed":      of(1, math.NaN(), 3, math.Inf(1), 5),
		"negative":   of(-5, -7, -3),
		"backwards":  {From: begin.Add(time.Hour), To: begin, Series: of(1, 2).Series},
		"no time":    {From: begin, To: begin, Series: of(1, 2).Series},
		"years":      {From: begin, To: begin.AddDate(80, 0, 0), Series: of(1, 2).Series},
		"nanosecond": {From: begin, To: begin.Add(1), Series: of(1, 2).Series},
		"lit none":   {From: begin, To: begin.Add(time.Hour), Series: of(1, 2).Series, Lit: 9, At: begin.AddDate(9, 0, 0)},
		"hostile":    {From: begin, To: begin.Add(time.Hour), Series: []backend.Series{{Name: "\x1b[2J\u202ename\n", Unit: "\x1b]0;x\a", Points: of(1, 2).Series[0].Points}}},
	}
	for name, c := range charts {
		t.Run(name, func(t *testing.T) {
			for _, size := range [][2]int{{1, 1}, {1, 20}, {40, 1}, {3, 3}, {10, 8}, {23, 9}, {80, 24}, {300, 5}} {
				for _, signs := range []*themes.Signs{themes.Unicode(), themes.ASCII()} {
					if got := picture(t, c, size[0], size[1], signs); strings.ContainsAny(got, "\x1b\u202e") {
						t.Errorf("at %v it draws %q", size, got)
					}
				}
			}
			c.Step(time.Time{}, 1)
			c.Step(begin, -1)
		})
	}
}

// dots counts the cells of a row band that have dots.
func dots(picture string) (n int) {
	for _, r := range picture {
		if r > 0x2800 && r <= 0x28ff {
			n++
		}
	}
	return n
}

func TestGapsStay(t *testing.T) {
	c := Chart{From: begin, To: begin.Add(100 * time.Second)}
	flat := func(gap func(i int) bool) string {
		c.Series = []backend.Series{wave("s", "", 101, time.Second, func(i int) float64 {
			if gap(i) {
				return math.NaN()
			}
			return float64(5 + i%2)
		})}
		f := frame(100, 5, themes.Unicode())
		c.Draw(f)
		return f.Plain()
	}
	whole, broken := flat(func(int) bool { return false }), flat(func(i int) bool { return i > 40 && i < 60 })
	if d := dots(whole) - dots(broken); d < 15 {
		t.Errorf("a gap of a fifth takes away %d cells:\n%s\n%s", d, whole, broken)
	}
	// a window that is not there is as much of a gap as one without a number
	c.Series[0].Points = append(c.Series[0].Points[:41:41], c.Series[0].Points[60:]...)
	f := frame(100, 5, themes.Unicode())
	c.Draw(f)
	if got := f.Plain(); got != broken {
		t.Errorf("points that are missing:\n%s\nare drawn otherwise than those without a number:\n%s", got, broken)
	}
}

// TestFewNumbers: where most windows are empty, because things are measured more
// seldom, the line is one all the same.
func TestFewNumbers(t *testing.T) {
	c := Chart{From: begin, To: begin.Add(100 * time.Second)}
	c.Series = []backend.Series{wave("s", "", 101, time.Second, func(i int) float64 {
		if i%10 != 0 {
			return math.NaN()
		}
		return 5
	})}
	f := frame(100, 5, themes.Unicode())
	c.Draw(f)
	if got := dots(f.Plain()); got < 90 {
		t.Errorf("%d cells have dots:\n%s", got, f.Plain())
	}
}

// TestSpikeStays: one point of a hundred thousand is seen.
func TestSpikeStays(t *testing.T) {
	c := Chart{From: begin, To: begin.Add(100_000 * time.Millisecond)}
	c.Series = []backend.Series{wave("s", "", 100_000, time.Millisecond, func(i int) float64 {
		if i == 50_123 {
			return 1000
		}
		return 1
	})}
	f := frame(80, 24, themes.Unicode())
	c.Draw(f)
	top := strings.Join(strings.Split(f.Plain(), "\n")[1:6], "\n")
	if dots(top) == 0 {
		t.Errorf("the spike is lost:\n%s", f.Plain())
	}
	if !strings.Contains(f.Plain(), "1k") {
		t.Errorf("its height is not told:\n%s", f.Plain())
	}
}

func TestCrosshair(t *testing.T) {
	c := calls()
	c.At = c.Step(time.Time{}, -1)
	if want := begin.Add(15 * time.Minute); !c.At.Equal(want) {
		t.Fatalf("it begins at %v, want the newest point, %v", c.At, want)
	}
	c.At = c.Step(c.At, -1)
	if want := begin.Add(15*time.Minute - 10*time.Second); !c.At.Equal(want) {
		t.Fatalf("one to the left is %v, want %v", c.At, want)
	}
	if c.At = c.Step(c.At, -5000); !c.At.Equal(begin) {
		t.Fatalf("far to the left is %v, want the oldest point", c.At)
	}
	if got := c.Step(begin.Add(time.Second), 1); !got.Equal(begin.Add(10 * time.Second)) {
		t.Errorf("from between two points to the right is %v", got)
	}
	if got := c.Step(begin.Add(11*time.Second), -1); !got.Equal(begin.Add(10 * time.Second)) {
		t.Errorf("from between two points to the left is %v", got)
	}
	c.At = begin.Add(200 * time.Second)
	if got := picture(t, c, 120, 24, themes.Unicode()); !strings.Contains(got, "03:03:20") || !strings.Contains(got, "410ms") || !strings.Contains(got, "HERE") {
		t.Errorf("the crosshair does not read off the spike:\n%s", got)
	}
	c.At = begin.Add(500 * time.Second)
	if got := c.here(1); !math.IsNaN(got) {
		t.Errorf("in a gap it reads %v", got)
	}
}

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		v    float64
		unit string
		want string
	}{
		{0, "ms", "0ms"},
		{82, "ms", "82ms"},
		{6.9, "%", "6.9%"},
		{1204, "", "1.2k"},
		{1.5 * 1024 * 1024 * 1024, "B", "1.5GiB"},
		{-3500000, "", "-3.5M"},
		{1e30, "", "1e+30"},
		{123456789, "B", "118MiB"},
		{0.00000012, "s", "1.2e-07s"},
		{math.NaN(), "ms", "-"},
		{math.Inf(1), "", "-"},
	} {
		if got := Number(test.v, test.unit); got != test.want {
			t.Errorf("%v %s is %q, want %q", test.v, test.unit, got, test.want)
		}
	}
}

// BenchmarkDraw is a whole screen of four series.
func BenchmarkDraw(b *testing.B) {
	for _, n := range []int{4, 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := Chart{From: begin, To: begin.Add(320 * time.Second)}
			for s := range n {
				c.Series = append(c.Series, wave("s", "", 320, time.Second, func(i int) float64 { return 50 + 40*math.Sin(float64(i)/20+float64(s)) + float64((i*7919+s*31)%17) }))
			}
			f := frame(160, 45, themes.Unicode())
			for b.Loop() {
				c.Draw(f)
			}
		})
	}
}
