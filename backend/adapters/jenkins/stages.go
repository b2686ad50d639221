package jenkins

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

// How stages are asked for: some builds at a time, those that run first, and of
// those that have ended no more than some at each look.
const (
	stagesAtOnce   = 6
	stagesRunning  = 60
	stagesEnded    = 30
	stagesPatience = 3 * time.Second
	stagesMissing  = time.Minute // without the plugin, until it is asked for again
)

// known is what a build's stages say.
type known struct {
	all    []delivery.Stage
	waits  bool
	detail string
	ended  bool // it will not change any more
}

// A buildKey is a build of a job; its start tells it from one of the same number
// after the job was made anew.
type buildKey struct {
	job    string
	number int
	began  int64
}

// stages remembers them. Safe for concurrent use.
type stages struct {
	mu      sync.Mutex
	known   map[buildKey]known
	missing time.Time // when the plugin was found not to be there
}

func (s *stages) of(job string, b build) known {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[buildKey{job, b.Number, b.Timestamp}]
}

// follow asks for the stages of what runs or was not asked for yet. What can't be
// had is not shown, and is no trouble of the builds.
func (s *stages) follow(ctx context.Context, api *webapi.Client, shot *snapshot) {
	all := s.choose(shot)
	ctx, cancel := context.WithTimeout(ctx, stagesPatience)
	defer cancel()
	absent := 0 // of a build alone that is deleted; of all, it is the plugin
	var g errgroup.Group
	g.SetLimit(stagesAtOnce)
	for _, w := range all {
		g.Go(func() (err error) {
			defer backend.Caught(&err)
			k, err := ask(ctx, api, w.buildKey)
			s.mu.Lock()
			defer s.mu.Unlock()
			switch {
			case err == nil:
				k.ended = w.ended
				s.known[w.buildKey] = k
			case backend.CodeOf(err) == backend.NotFound:
				absent++
			}
			return nil
		})
	}
	_ = g.Wait() // what failed is asked for again
	s.mu.Lock()
	defer s.mu.Unlock()
	if absent > 0 && absent == len(all) {
		s.missing = time.Now()
	}
}

// wanted is a build whose stages are asked for.
type wanted struct {
	buildKey
	ended bool
}

// choose forgets the builds that are gone, and gives those to ask for.
func (s *stages) choose(shot *snapshot) (all []wanted) {
	now := map[buildKey]known{}
	running, ended := 0, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	missing := time.Since(s.missing) < stagesMissing
	for _, in := range shot.jobs {
		for _, b := range in.Builds {
			key := buildKey{in.FullName, b.Number, b.Timestamp}
			was, seen := s.known[key]
			if seen {
				now[key] = was
			}
			switch {
			case missing || was.ended || !strings.HasSuffix(b.Class, "WorkflowRun"):
			case b.Building && running < stagesRunning:
				running++
				all = append(all, wanted{key, false})
			case !b.Building && ended < stagesEnded:
				ended++
				all = append(all, wanted{key, true})
			}
		}
	}
	s.known = now
	return all
}

// described is what wfapi/describe says.
type described struct {
	Status string
	Stages []struct {
		Name, Status   string
		DurationMillis int64
	}
}

func ask(ctx context.Context, api *webapi.Client, of buildKey) (k known, err error) {
	at := fmt.Sprintf("%s/%d/wfapi/", jobPath(of.job), of.number)
	var d described
	if err := api.JSON(ctx, webapi.Request{Op: "read stages", What: "the stages of " + of.job, Path: at + "describe"}, &d); err != nil {
		return k, err
	}
	k.waits = d.Status == "PAUSED_PENDING_INPUT"
	for _, one := range d.Stages {
		st := delivery.Stage{Name: one.Name, State: stageState(one.Status), Seconds: int32(min(one.DurationMillis/1000, 1<<30))}
		if st.State == delivery.Failed && d.Status == "FAILED" && k.detail == "" {
			k.detail = "in " + one.Name
		}
		k.all = append(k.all, st)
	}
	if k.waits {
		var next pending
		if err := api.JSON(ctx, webapi.Request{Op: "read inputs", What: "the inputs of " + of.job, Path: at + "nextPendingInputAction"}, &next); err == nil {
			k.detail = next.Message
		}
	}
	return k, nil
}

func stageState(status string) string {
	switch status {
	case "SUCCESS":
		return delivery.Passed
	case "UNSTABLE":
		return delivery.Unstable
	case "FAILED":
		return delivery.Failed
	case "ABORTED":
		return delivery.Stopped
	case "NOT_EXECUTED":
		return delivery.Skipped
	case "IN_PROGRESS":
		return delivery.Running
	case "PAUSED_PENDING_INPUT":
		return delivery.Waiting
	}
	return status
}
