package influx

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/query"
	"golang.org/x/sync/errgroup"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
)

const (
	maxMeasurements = 5000 // of one bucket that are listed
	maxFields       = 12   // of one measurement that its row names
	maxTags         = 50   // of one measurement that its description has, and as many fields
	mostKeys        = 1000 // tags that are asked for, to say how many more there are
	batch           = 4    // measurements whose fields are asked for at a time: to plan more takes InfluxDB 1.8 the square of it, six seconds for 50
	atOnce          = 4    // buckets that are asked at a time
)

// known is what was found out about a measurement, and when.
type known struct {
	fields  string
	at      time.Time
	numbers []string // fields that are numbers; nil: not looked at yet
	looked  time.Time
}

// rows are the charts, and the measurements of all buckets of the scope. What one
// bucket does not tell leaves the others alone.
func (i *Influx) rows(ctx context.Context, s backend.Scope) ([]signal.Metric, error) {
	wanted := func(bucket string) bool { return len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, bucket) }
	out := slices.DeleteFunc(i.charts(), func(m signal.Metric) bool { return !wanted(m.Bucket) })
	buckets, err := i.buckets(ctx)
	if err != nil {
		return out, told(err, len(out))
	}
	buckets = slices.DeleteFunc(buckets, func(b string) bool { return !wanted(b) })
	found, errs := make([][]signal.Metric, len(buckets)), make([]error, len(buckets))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for n, b := range buckets {
		g.Go(func() error {
			defer backend.Caught(&errs[n])
			found[n], errs[n] = i.measured(ctx, b)
			return nil
		})
	}
	_ = g.Wait() // no bucket fails the others
	isChart := map[backend.Ref]bool{}
	for _, m := range out {
		isChart[m.Ref()] = true
	}
	for _, m := range slices.Concat(found...) {
		if !isChart[m.Ref()] { // a chart of that name says more
			out = append(out, m)
		}
	}
	return out, told(errors.Join(errs...), len(out))
}

// told is the first of the errors, as one that takes no rows away where there are
// some: it is about a part of them.
func told(err error, rows int) error {
	var one *backend.Error
	if !errors.As(err, &one) {
		return err
	}
	if one.Code == backend.Invalid || rows > 0 && one.Code == backend.Denied {
		part := *one
		part.Code = backend.Failed
		return &part
	}
	return one
}

// buckets are those of the configuration, or all that the server lists but for its
// own.
func (i *Influx) buckets(ctx context.Context) ([]string, error) {
	if len(i.opts.Buckets) > 0 {
		return i.opts.Buckets, nil
	}
	all, err := i.column(ctx, question{op: "read metrics", what: "the list of buckets", flux: "buckets()"}, "name")
	all = slices.DeleteFunc(all, func(b string) bool { return strings.HasPrefix(b, "_") })
	return slices.Compact(slices.Sorted(slices.Values(all))), err
}

// measured are the measurements of a bucket, with their fields.
func (i *Influx) measured(ctx context.Context, bucket string) ([]signal.Metric, error) {
	q := question{op: "read metrics", what: "bucket " + bucket, flux: measurements(bucket)}
	names, err := i.column(ctx, q, "_value")
	if err != nil {
		return nil, err
	}
	if len(names) > maxMeasurements {
		names = names[:maxMeasurements]
		err = &backend.Error{Code: backend.Failed, Op: q.op, Human: backend.T(fmt.Sprintf(
			"Bucket %s has more than %d measurements: only the first are listed. Ask for others by a chart in the configuration.", bucket, maxMeasurements)).Safe()}
	}
	var out []signal.Metric
	for some := range slices.Chunk(names, batch) {
		fields, failed := i.fieldsOf(ctx, bucket, some)
		if failed != nil && err == nil {
			err = failed
		}
		for n, name := range some {
			out = append(out, signal.Metric{Link: i.alias(), Bucket: bucket, Name: name, Fields: fields[n]})
		}
	}
	return out, err
}

// fieldsOf gives the fields of measurements, each as a row names them. Those that
// were asked for a little while ago are not asked for again.
func (i *Influx) fieldsOf(ctx context.Context, bucket string, names []string) ([]string, error) {
	out := make([]string, len(names))
	var asked []int
	var flux []string
	for n, name := range names {
		if k, ok := i.recall(bucket, name); ok && time.Since(k.at) < i.fields {
			out[n] = k.fields
			continue
		}
		asked = append(asked, n)
		flux = append(flux, tagValues(bucket, name, "_field", maxFields+1))
	}
	if len(asked) == 0 {
		return out, nil
	}
	found := make([][]string, len(asked))
	err := i.ask(ctx, question{op: "read metrics", what: "bucket " + bucket, flux: scripts(flux)}, func(_ *query.FluxTableMetadata, r *query.FluxRecord) bool {
		n, err := strconv.Atoi(r.Result())
		if s, ok := r.ValueByKey("_value").(string); ok && err == nil && n >= 0 && n < len(found) {
			found[n] = append(found[n], s)
		}
		return true
	})
	if err != nil {
		return out, err
	}
	for at, n := range asked {
		words := found[at]
		if len(words) > maxFields {
			words = append(words[:maxFields], "…")
		}
		out[n] = strings.Join(words, " ")
		i.remember(bucket, names[n], func(k *known) { k.fields, k.at = out[n], time.Now() })
	}
	return out, nil
}

func (i *Influx) recall(bucket, name string) (known, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	k, ok := i.known[backend.Ref{Scope: bucket, Name: name}]
	return k, ok
}

// remember changes what is known. What is known of what is no longer there goes
// with the rest, when there is too much of it.
func (i *Influx) remember(bucket, name string, change func(*known)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.known) > 4*maxMeasurements {
		clear(i.known)
	}
	r := backend.Ref{Scope: bucket, Name: name}
	k := i.known[r]
	change(&k)
	i.known[r] = k
}
