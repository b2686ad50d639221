package service

import (
	"testing"

	"wheelhouse/backend"
)

func TestBreaker(t *testing.T) {
	for states, want := range map[string]struct {
		state       string
		level       backend.Level
		trip, close string
	}{
		"":                         {"", backend.Idle, "shop bank can't be read: none of its instances answers", "shop bank can't be read: none of its instances answers"},
		"CLOSED CLOSED":            {Closed, backend.Good, "", "shop bank is closed already"},
		"CLOSED OPEN HALF_OPEN":    {Open, backend.Critical, "", ""},
		"HALF_OPEN CLOSED":         {HalfOpen, backend.Moving, "", ""},
		"FORCED_OPEN FORCED_OPEN":  {ForcedOpen, backend.Warning, "shop bank is tripped already", ""},
		"FORCED_OPEN CLOSED":       {ForcedOpen, backend.Warning, "", ""},
		"DISABLED":                 {Disabled, backend.Warning, "", ""},
		"SOMETHING_NEW":            {"SOMETHING_NEW", backend.Idle, "", ""},
		"CLOSED METRICS_ONLY OPEN": {Open, backend.Critical, "", ""},
	} {
		b := Breaker{Service: "shop", Name: "bank", States: states}
		if b.State() != want.state || b.Level() != want.level || b.Why(BreakerTrip) != want.trip || b.Why(BreakerClose) != want.close {
			t.Errorf("%q: %s, %v, %q, %q", states, b.State(), b.Level(), b.Why(BreakerTrip), b.Why(BreakerClose))
		}
	}
	if level := (Breaker{States: Closed, Silent: 1}).Level(); level != backend.Warning {
		t.Errorf("with a silent instance it is %v", level)
	}
}
