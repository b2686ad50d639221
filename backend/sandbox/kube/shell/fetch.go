package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// asked is what a call of curl or wget asks for.
type asked struct {
	url, method, body, write, discard string
	headers                           http.Header
	shown, only, fails, silent, tells bool
	most                              time.Duration
}

// valued are the flags that have a value, by what they mean.
func valued(flag string) string {
	return map[string]string{
		"-X": "method", "--request": "method", "-d": "body", "--data": "body", "-H": "header", "--header": "header", "-o": "output", "-O": "output", "--output": "output",
		"-w": "write", "--write-out": "write", "-m": "most", "--max-time": "most", "-T": "most", "--connect-timeout": "most", "--post-data": "body",
	}[flag]
}

func ask(args []string) (asked, error) {
	a := asked{headers: http.Header{}, most: time.Minute}
	for i := 0; i < len(args); i++ {
		if kind := valued(args[i]); kind != "" {
			if i++; i == len(args) {
				return a, fmt.Errorf("option %s: requires parameter", args[i-1])
			}
			a.set(kind, args[i])
			continue
		}
		switch flag := args[i]; {
		case strings.HasPrefix(flag, "--"):
			a.fails = a.fails || flag == "--fail"
			a.silent = a.silent || flag == "--silent"
		case strings.HasPrefix(flag, "-"):
			for _, letter := range flag[1:] {
				a.flag(letter)
			}
			if strings.HasSuffix(flag, "O") && len(flag) == 3 && i+1 < len(args) { // wget -qO -
				i++
			}
		default:
			a.url = flag
		}
	}
	if a.url == "" {
		return a, errors.New("no URL specified")
	}
	if !strings.Contains(a.url, "://") {
		a.url = "http://" + a.url
	}
	return a, nil
}

func (a *asked) flag(letter rune) {
	switch letter {
	case 'i':
		a.shown = true
	case 'I':
		a.only, a.method = true, http.MethodHead
	case 'f':
		a.fails = true
	case 's', 'q':
		a.silent = true
	case 'S':
		a.tells = true
	}
}

func (a *asked) set(kind, value string) {
	switch kind {
	case "method":
		a.method = value
	case "body":
		a.body, a.method = value, cmp.Or(a.method, http.MethodPost)
		if a.headers.Get("Content-Type") == "" {
			a.headers.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	case "header":
		name, is, _ := strings.Cut(value, ":")
		a.headers.Set(strings.TrimSpace(name), strings.TrimSpace(is))
	case "output":
		a.discard = value
	case "write":
		a.write = value
	case "most":
		if n, err := strconv.ParseFloat(value, 64); err == nil {
			a.most = time.Duration(n * float64(time.Second))
		}
	}
}

// do sends it.
func (a asked) do(ctx context.Context, s *session) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, a.most)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, cmp.Or(a.method, http.MethodGet), a.url, strings.NewReader(a.body))
	if err != nil {
		return nil, nil, err
	}
	r.Header = a.headers
	r.Header.Set("User-Agent", "curl/8.14.1")
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "*/*")
	}
	res, err := s.Transport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res, body, err
}

// The codes that curl ends with.
const (
	noURL, noHost, noConnection, badStatus, noFile, tooLate, noAnswer = 2, 6, 7, 22, 23, 28, 52
)

func curl(ctx context.Context, s *session, c call) int {
	a, err := ask(c.args[1:])
	if err != nil {
		return c.fails(noURL, "%v", err)
	}
	begun := s.World.Now()
	fail := func(exit int, why string) int {
		if a.silent && !a.tells {
			return exit
		}
		return c.fails(exit, "(%d) %s", exit, why)
	}
	res, body, err := a.do(ctx, s) //nolint:bodyclose // it is closed there
	if err != nil {
		return fail(a.trouble(err))
	}
	if a.fails && res.StatusCode >= http.StatusBadRequest {
		return fail(badStatus, fmt.Sprintf("The requested URL returned error: %d", res.StatusCode))
	}
	if a.shown || a.only {
		fmt.Fprintf(c.out, "HTTP/1.1 %s\r\n", res.Status)
		_ = res.Header.Write(c.out) // whoever has gone does not read it
		fmt.Fprint(c.out, "\r\n")
	}
	switch a.discard {
	case "", "-":
		_, _ = c.out.Write(body)
	default:
		to, err := s.create(a.discard, false)
		if err == nil {
			_, err = to.Write(body)
		}
		if err != nil {
			return fail(noFile, fmt.Sprintf("Failure writing output to %s: %v", a.discard, err))
		}
	}
	fmt.Fprint(c.out, strings.NewReplacer("%{http_code}", strconv.Itoa(res.StatusCode), "%{time_total}", fmt.Sprintf("%.6f", s.World.Now().Sub(begun).Seconds()), `\n`, "\n").Replace(a.write))
	return 0
}

// trouble is what curl says of why there is no answer.
func (a asked) trouble(err error) (exit int, says string) {
	var name *net.DNSError
	switch {
	case errors.As(err, &name):
		return noHost, "Could not resolve host: " + name.Name
	case errors.Is(err, context.DeadlineExceeded):
		return tooLate, fmt.Sprintf("Operation timed out after %d milliseconds with 0 bytes received", a.most.Milliseconds())
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return noAnswer, "Empty reply from server"
	}
	host := strings.SplitN(strings.SplitN(a.url, "://", 2)[1], "/", 2)[0]
	if h, port, err := net.SplitHostPort(host); err == nil {
		return noConnection, fmt.Sprintf("Failed to connect to %s port %s after 0 ms: Could not connect to server", h, port)
	}
	return noConnection, fmt.Sprintf("Failed to connect to %s port 80 after 0 ms: Could not connect to server", host)
}

func wget(ctx context.Context, s *session, c call) int {
	a, err := ask(c.args[1:])
	if err != nil {
		return c.fails(1, "missing URL")
	}
	res, body, err := a.do(ctx, s) //nolint:bodyclose // it is closed there
	switch {
	case err != nil:
		_, why := a.trouble(err)
		return c.fails(1, "%s", why)
	case res.StatusCode >= http.StatusBadRequest:
		return c.fails(1, "server returned error: HTTP/1.1 %s", res.Status)
	}
	_, _ = c.out.Write(body)
	return 0
}

// nslookup is where a name leads.
func nslookup(_ context.Context, s *session, c call) int {
	names := c.names()
	if len(names) == 0 {
		return c.fails(1, "missing host")
	}
	fmt.Fprint(c.out, "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n")
	short, rest, _ := strings.Cut(names[0], ".")
	namespace, _, _ := strings.Cut(rest, ".")
	address := s.env[strings.ToUpper(strings.ReplaceAll(short, "-", "_"))+"_SERVICE_HOST"]
	if address == "" || namespace != "" && namespace != s.ID.Namespace {
		fmt.Fprintf(c.out, "** server can't find %s: NXDOMAIN\n", names[0])
		return 1
	}
	fmt.Fprintf(c.out, "Name:\t%s.%s.svc.cluster.local\nAddress: %s\n", short, s.ID.Namespace, address)
	return 0
}
