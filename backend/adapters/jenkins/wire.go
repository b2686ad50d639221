package jenkins

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/webapi"
)

// depth is how deep folders are looked into.
const depth = 7

// What is asked of builds and jobs. The changes of a build are not: Jenkins reads a
// file for each.
const (
	actionFields = "actions[causes[shortDescription,userId,userName,upstreamProject,upstreamBuild,user[id]],parameters[name,value],lastBuiltRevision[SHA1,branch[name]],userId]"
	buildFields  = "number,building,result,timestamp,duration,estimatedDuration,queueId,description," + actionFields
	jobFields    = "name,fullName,buildable,"
	itemFields   = "id,why,inQueueSince,task[fullName,name,url]," + actionFields
)

// A job is a job, or a folder, which has jobs and can't be built.
type job struct {
	Class     string `json:"_class"`
	Name      string
	FullName  string
	Buildable *bool
	Builds    []build
	AllBuilds []build
	Jobs      []job

	branch string // of a branch of a multibranch project
}

type build struct {
	Class             string `json:"_class"`
	Number            int
	Building          bool
	Result            string
	Timestamp         int64 // Unix milliseconds
	Duration          int64 // milliseconds; 0 while it runs
	EstimatedDuration int64 // milliseconds; -1 when unknown
	QueueID           int64
	Description       string
	Actions           []action
}

// An action is one of the things that hang on a build or a queue item; which, its
// fields tell.
type action struct {
	Class             string `json:"_class"`
	Causes            []cause
	Parameters        values
	LastBuiltRevision *struct {
		SHA1   string
		Branch []struct{ Name string }
	}
	UserID string // who has approved an input
}

type cause struct {
	ShortDescription string
	UserID, UserName string
	UpstreamProject  string
	UpstreamBuild    int
	User             struct{ ID string } // who has rejected an input
}

// values are parameters with their values, which may be of any type; a password's
// has none. Those of an approval are an object and not wanted.
type values []struct {
	Name  string
	Value any
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *values) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '[' {
		return nil
	}
	var all []struct {
		Name  string
		Value any
	}
	err := json.Unmarshal(b, &all)
	*v = all
	return err
}

// An item is an order in the queue, or one that has left it not long ago.
type item struct {
	Class        string `json:"_class"`
	ID           int64
	Why          string
	InQueueSince int64 // Unix milliseconds
	Task         struct{ FullName, Name, URL string }
	Actions      []action
	Cancelled    bool
	Executable   *struct{ Number int }
}

// job is the name of the item's job: of older Jenkinses only its address tells the
// folders.
func (i item) job() string {
	if i.Task.FullName != "" {
		return i.Task.FullName
	}
	_, path, ok := strings.Cut(i.Task.URL, "/job/")
	if !ok {
		return i.Task.Name
	}
	var names []string
	for one := range strings.SplitSeq(strings.TrimSuffix(path, "/"), "/job/") {
		name, err := url.PathUnescape(one)
		if err != nil {
			return i.Task.Name
		}
		names = append(names, name)
	}
	return strings.Join(names, "/")
}

// jobPath is where a job is.
func jobPath(name string) string {
	var b strings.Builder
	for one := range strings.SplitSeq(name, "/") {
		b.WriteString("/job/" + url.PathEscape(one))
	}
	return b.String()
}

// treeQuery is a tree expression as a query. Some servers before Jenkins take no
// brackets as they are.
func treeQuery(tree string) string {
	return "/api/json?tree=" + strings.NewReplacer("[", "%5B", "]", "%5D", "{", "%7B", "}", "%7D").Replace(tree)
}

// mostBuilds is how many the field builds has of itself.
const mostBuilds = 100

// allJobs is the tree of jobs in folders in folders, with the newest builds of each.
// Where none are named there is no range, which servers of long ago do not know.
func allJobs(builds int) string {
	one := jobFields + "builds[" + buildFields + "]"
	if builds > mostBuilds {
		one = jobFields + "allBuilds[" + buildFields + "]"
	}
	if builds > 0 {
		one += "{0," + strconv.Itoa(builds) + "}"
	}
	tree := "jobs[" + one + "]"
	for range depth - 1 {
		tree = "jobs[" + one + "," + tree + "]"
	}
	return tree
}

// flat are the jobs in folders, the folders left out. A branch's name is escaped.
func flat(in []job, parent job, out []job) []job {
	for _, one := range in {
		if one.FullName == "" {
			one.FullName = strings.TrimPrefix(parent.FullName+"/"+one.Name, "/")
		}
		if strings.HasSuffix(parent.Class, "MultiBranchProject") {
			one.branch = one.Name
			if name, err := url.PathUnescape(one.Name); err == nil {
				one.branch = name
			}
		}
		if one.Buildable != nil && one.Jobs == nil {
			one.Builds = append(one.Builds, one.AllBuilds...)
			out = append(out, one)
		}
		out = flat(one.Jobs, one, out)
	}
	return out
}

// unseen counts the folders whose jobs were not asked for.
func unseen(in []job) (n int) {
	for _, one := range in {
		if one.Buildable == nil && one.Jobs == nil {
			n++
		}
		n += unseen(one.Jobs)
	}
	return n
}

// A snapshot is all jobs and the queue at a time.
type snapshot struct {
	at    time.Time
	jobs  []job
	queue []item
	going bool
	more  int // jobs that are not among them: there are too many
	deep  int // folders that were not looked into: they lie too deep
}

// snapshots keep the newest, so that both feeds ask once.
type snapshots struct {
	turn chan struct{} // holds a token while somebody asks

	mu     sync.Mutex
	newest *snapshot
	stirs  int
}

func (s *snapshots) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = nil
	s.stirs++
}

// snapshot looks at everything, unless somebody just did.
func (j *Jenkins) snapshot(ctx context.Context) (*snapshot, error) {
	s := &j.shots
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	newest, stirs := s.newest, s.stirs
	s.mu.Unlock()
	if newest != nil {
		good := j.limits.slow - j.limits.fast/2
		if newest.going {
			good = j.limits.fast / 2
		}
		if time.Since(newest.at) < good {
			return newest, nil
		}
	}
	shot, err := j.shoot(ctx)
	if err != nil {
		s.forget()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stirs == stirs {
		s.newest = shot
	}
	return shot, nil
}

func (j *Jenkins) shoot(ctx context.Context) (*snapshot, error) {
	shot := &snapshot{at: time.Now()}
	queue, err := j.queue(ctx) // before the builds: what leaves it meanwhile is among them
	if err != nil {
		return nil, err
	}
	root, err := j.tree(ctx)
	if err != nil {
		return nil, err
	}
	shot.queue, shot.jobs, shot.deep = queue, flat(root.Jobs, job{}, nil), unseen(root.Jobs)
	shot.more = max(0, len(shot.jobs)-j.limits.jobs)
	shot.jobs = shot.jobs[:len(shot.jobs)-shot.more]
	shot.going = len(queue) > 0
	for _, one := range shot.jobs {
		for _, b := range one.Builds {
			shot.going = shot.going || b.Building
		}
	}
	j.stages.follow(ctx, j.api, shot)
	return shot, nil
}

// tree are the jobs with their newest builds. A server of long ago falls over a range,
// and is asked without one from then on: it then sends a hundred of each.
func (j *Jenkins) tree(ctx context.Context) (root job, err error) {
	ask := func(builds int) error {
		return j.api.JSON(ctx, webapi.Request{Op: "read builds", What: "the jobs", Path: treeQuery(allJobs(builds))}, &root)
	}
	if j.old.Load() {
		return root, ask(0)
	}
	err = ask(j.limits.builds)
	var refused *webapi.StatusError
	if errors.As(err, &refused) && refused.Status == http.StatusInternalServerError && ask(0) == nil {
		j.old.Store(true)
		return root, nil
	}
	return root, err
}

func (j *Jenkins) queue(ctx context.Context) ([]item, error) {
	var queue struct{ Items []item }
	err := j.api.JSON(ctx, webapi.Request{Op: "read queue", What: "the queue", Path: "/queue" + treeQuery("items["+itemFields+"]")}, &queue)
	return queue.Items, err
}

// item asks for one order. One that has left the queue is known for five minutes.
func (j *Jenkins) item(ctx context.Context, id int64) (i item, err error) {
	err = j.api.JSON(ctx, webapi.Request{
		Op: "read queue", What: fmt.Sprintf("queue item %d", id), Path: fmt.Sprintf("/queue/item/%d", id) + treeQuery(itemFields+",cancelled,executable[number]"),
	}, &i)
	return i, err
}

// build asks for one build.
func (j *Jenkins) build(ctx context.Context, r backend.Ref) (b build, err error) {
	err = j.api.JSON(ctx, webapi.Request{
		Op: "read build", Ref: r, What: called(r),
		Path: buildPath(r) + treeQuery("_class,"+buildFields),
	}, &b)
	return b, err
}

// buildPath is where a build is.
func buildPath(r backend.Ref) string { return jobPath(r.Scope) + "/" + url.PathEscape(r.Name) }

// called is how sentences call a build, or what is queued.
func called(r backend.Ref) string {
	if id, ok := queuedID(r); ok {
		return fmt.Sprintf("queue item %d of %s", id, r.Scope)
	}
	return "build " + r.Name + " of " + r.Scope
}

// queuedName is what stands for the number of an order in the queue, which has none
// yet.
func queuedName(id int64) string { return fmt.Sprintf("q%d", id) }

// queuedID is the order in the queue that a ref is about.
func queuedID(r backend.Ref) (int64, bool) {
	digits, ok := strings.CutPrefix(r.Name, "q")
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, ok && err == nil
}
