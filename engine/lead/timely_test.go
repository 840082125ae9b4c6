package lead

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUntimely(t *testing.T) {
	const day = 86_400_000
	l := Limits{Skew: 1000, Horizon: 30 * day}
	for name, c := range map[string]struct {
		limits Limits
		e      Event
		code   string
	}{
		"now":                {l, Event{At: 100 * day, Received: 100 * day}, ""},
		"within the skew":    {l, Event{At: 100*day + 1000, Received: 100 * day}, ""},
		"beyond the skew":    {l, Event{At: 100*day + 1001, Received: 100 * day}, CodeFuture},
		"at the horizon":     {l, Event{At: 70 * day, Received: 100 * day}, ""},
		"behind the horizon": {l, Event{At: 70*day - 1, Received: 100 * day}, CodeTooOld},
		"history":            {l, Event{At: 1, Received: 100 * day, Backfill: true}, ""},
		"driven again":       {l, Event{At: 1, Received: 100 * day, Redrive: &Redrive{}}, ""},
		"history to come":    {l, Event{At: 200 * day, Received: 100 * day, Backfill: true}, CodeFuture},
		"no receipt":         {l, Event{At: 1}, ""},
		"no limits":          {Limits{}, Event{At: 1, Received: 100 * day}, ""},
	} {
		code, reason := c.limits.Untimely(&c.e)
		assert.Equal(t, c.code, code, name)
		assert.Equal(t, code != "", reason != "", name)
	}
	_, reason := l.Untimely(&Event{At: 1, Received: 100 * day})
	assert.Equal(t, "event time 1970-01-01T00:00:00Z is more than 30 days before its receipt at 1970-04-11T00:00:00Z; import history with `ripen import --backfill`", reason)
}
