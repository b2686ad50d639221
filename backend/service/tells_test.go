package service

import "testing"

func TestBreakerTells(t *testing.T) {
	base := Breaker{Link: "eu", Scope: "shop", Service: "pay", Name: "bank", Failure: -1, FailureLimit: 50}
	for says, c := range map[string]func(*Breaker){
		"open on 2 of 3, failure 71 % (limit 50 %), 4 calls refused": func(b *Breaker) { b.States, b.Failure, b.Refused = "OPEN CLOSED OPEN", 71, 4 },
		"half open on 1 of 1":                  func(b *Breaker) { b.States = HalfOpen },
		"forced open on 1 of 2":                func(b *Breaker) { b.States = "FORCED_OPEN CLOSED" },
		"can't be read on 1: pay-1: no answer": func(b *Breaker) { b.States, b.Silent, b.Detail = Closed, 1, "pay-1: no answer" },
		"":                                     func(b *Breaker) { b.States = "CLOSED CLOSED" },
	} {
		b := base
		c(&b)
		f, ok := b.Finding()
		if ok != (says != "") || ok && f.Sentence.Safe() != says {
			t.Errorf("got %q, %v, want %q", f.Sentence.Safe(), ok, says)
		}
		b.Instance = "pay-1"
		if _, ok := b.Finding(); ok {
			t.Errorf("an instance tells %q", says)
		}
	}
	base.Changed, base.Last = 1000, "OPEN_TO_CLOSED"
	if c, ok := base.Change(); !ok || c.Sentence.Safe() != "open to closed" || c.At.Unix() != 1000 {
		t.Errorf("%+v, %v", c, ok)
	}
}
