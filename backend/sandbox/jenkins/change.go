package jenkins

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"wheelhouse/backend/sandbox"
)

// expires is for how long an item that has left the queue is still known.
const expires = 300 // seconds

// build puts an order into the queue. One that waits already with the same
// parameters is not put there twice.
func (s *server) build(c *call, p sandbox.Pipeline, withParams bool) {
	if !c.posted() {
		return
	}
	o, status, why := c.order(p, withParams)
	if why != "" {
		c.page(status, why)
		return
	}
	s.orders.Lock()
	defer s.orders.Unlock()
	for _, b := range s.queued(p.Name) {
		if maps.Equal(b.Params, o.Params) {
			c.redirect(http.StatusSeeOther, fmt.Sprintf("%squeue/item/%d/", c.base, b.ID))
			return
		}
	}
	b, err := s.world.Trigger(p.Name, o)
	if err != nil {
		c.page(http.StatusConflict, err.Error())
		return
	}
	c.redirect(http.StatusCreated, fmt.Sprintf("%squeue/item/%d/", c.base, b.ID))
}

// order reads what is wanted, or says why it can't be had.
func (c *call) order(p sandbox.Pipeline, withParams bool) (o sandbox.Order, status int, why string) {
	switch {
	case p.Off:
		return o, http.StatusConflict, p.Name + " is not buildable"
	case withParams && len(p.Params) == 0:
		return o, http.StatusBadRequest, p.Name + " is not parameterized"
	case !withParams && len(p.Params) > 0 && c.FormValue("json") == "":
		return o, http.StatusBadRequest, "Nothing is submitted"
	}
	given, err := c.params(withParams)
	if err != nil {
		return o, http.StatusBadRequest, err.Error()
	}
	o = sandbox.Order{By: c.user, Params: map[string]string{}}
	for _, param := range p.Params {
		v, ok := given(param.Name)
		if !ok {
			v = defaultOf(param)
		}
		if why := unfit(param, v); why != "" {
			return o, http.StatusBadRequest, why
		}
		o.Params[param.Name] = v
	}
	return o, 0, ""
}

// params are what was given: fields of the query or the form, or the form that a
// browser sends, where all stands in one field as JSON.
func (c *call) params(fields bool) (func(name string) (string, bool), error) {
	if err := c.ParseMultipartForm(1 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return nil, fmt.Errorf("read the form: %w", err)
	}
	if fields {
		return func(name string) (string, bool) { return c.FormValue(name), c.Form.Has(name) }, nil
	}
	values, err := submitted(c.FormValue("json"))
	if err != nil {
		return nil, err
	}
	return func(name string) (string, bool) { v, ok := values[name]; return v, ok }, nil
}

// submitted reads {"parameter":[{"name":…,"value":…}]}, where one alone may stand
// without its list.
func submitted(form string) (map[string]string, error) {
	type one struct {
		Name  string
		Value any
	}
	var all struct{ Parameter json.RawMessage }
	out := map[string]string{}
	if form == "" {
		return out, nil
	}
	if err := json.Unmarshal([]byte(form), &all); err != nil {
		return nil, fmt.Errorf("read the form: %w", err)
	}
	var list []one
	if len(all.Parameter) > 0 && json.Unmarshal(all.Parameter, &list) != nil {
		var single one
		if err := json.Unmarshal(all.Parameter, &single); err != nil {
			return nil, fmt.Errorf("read the form: %w", err)
		}
		list = []one{single}
	}
	for _, p := range list {
		out[p.Name] = fmt.Sprint(p.Value)
	}
	return out, nil
}

func unfit(p sandbox.Param, v string) string {
	if p.Kind != "choice" {
		return ""
	}
	for _, c := range p.Choices {
		if c == v {
			return ""
		}
	}
	return "Illegal choice for parameter " + p.Name + ": " + v
}

// byID finds an order.
func (s *server) byID(id string) (p sandbox.Pipeline, b sandbox.Build, ok bool) {
	n, err := strconv.Atoi(id)
	if err != nil {
		return p, b, false
	}
	for _, p := range s.world.Pipelines("jenkins") {
		for _, b := range s.world.Builds(p.Name) {
			if b.ID == n {
				return p, b, true
			}
		}
	}
	return p, b, false
}

func (s *server) queueItem(c *call, id string) bool {
	p, b, ok := s.byID(strings.Trim(id, "/"))
	if !ok {
		return false
	}
	left := b.Began
	if b.Done() && b.Ended.Before(left) {
		left = b.Ended
	}
	if s.world.Now().Sub(left).Seconds() > expires {
		return false
	}
	c.export(s.item(c, p, b))
	return true
}

// cancel takes an order out of the queue.
func (s *server) cancel(c *call) bool {
	if !c.posted() {
		return true
	}
	id := c.FormValue("id")
	if id == "" {
		c.page(http.StatusUnprocessableEntity, "id is missing")
		return true
	}
	p, b, ok := s.byID(id)
	if !ok || s.began(b) || b.Done() || s.world.Stop(p.Name, b.Number) != nil {
		return false
	}
	c.WriteHeader(http.StatusNoContent)
	return true
}

// stop asks a build to end; one that has ended already is asked in vain.
func (s *server) stop(c *call, p sandbox.Pipeline, b sandbox.Build) {
	if c.posted() {
		_ = s.world.Stop(p.Name, b.Number)
		c.redirect(http.StatusFound, ".")
	}
}
