package demostream

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/lead"
)

func TestGenerate_SameSeedSameBytes(t *testing.T) {
	a := Generate(7, Options{})
	assert.True(t, bytes.Equal(a, Generate(7, Options{})))
	assert.False(t, bytes.Equal(a, Generate(8, Options{})))
}

// The engine's own decoder accepts every line, in order of time, each id once.
func TestGenerate_DecodesInOrder(t *testing.T) {
	lines := intake.NewLines(bytes.NewReader(Generate(1, Options{DailyTicks: true})), 0)
	d := intake.NewDecoder(intake.Options{AllowTicks: true})
	names, ids, last := map[string]int{}, map[string]bool{}, int64(0)
	leads := map[string]bool{}
	for {
		line, err := lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		ev, rej := d.Decode(line.Raw, 0)
		require.Nil(t, rej, "%+v", rej)
		require.GreaterOrEqual(t, ev.At, last)
		last = ev.At
		if ev.Kind == lead.Tick {
			names["tick"]++
			continue
		}
		require.False(t, ids[ev.ID], ev.ID)
		ids[ev.ID], leads[ev.Lead] = true, true
		if names[ev.Name]++; ev.Kind == lead.Page {
			require.NotEmpty(t, ev.Path)
		}
	}
	assert.Equal(t, 70, names["tick"])
	assert.Equal(t, 400, len(leads))
	for _, name := range []string{"Demo Requested", "Trial Started", "Account Created", "Guide Downloaded", "Overview Video Watched",
		"Product Webinar Attended", "Email Opened", "Email Link Clicked", "Email Delivered", "Email Bounced", "Unsubscribed",
		"Newsletter Subscribed", "Webinar Signed Up", "Resource Downloaded", "Lead Accepted", "Lead Contacted", "Lead Rejected",
		"Lead Recycled", "Lead Won", "Lead Lost"} {
		assert.Positive(t, names[name], name)
	}
	t.Logf("%d events: %v", len(ids), names)
}

func TestNew_LongerStreamsHoldTheShorter(t *testing.T) {
	short, long := New(3, Options{Leads: 30}), New(3, Options{Leads: 60})
	assert.Equal(t, short.Profiles, long.Profiles[:30])
}

func TestNew_Personas(t *testing.T) {
	s := New(1, Options{})
	who := map[string]Profile{}
	count := map[Persona]int{}
	for _, p := range s.Profiles {
		who[p.ID] = p
		count[p.Persona]++
	}
	for _, p := range personas {
		assert.InDelta(t, p.share*4, count[p.persona], 30, p.persona)
	}
	delivered, missing := map[string]time.Time{}, 0
	for _, e := range s.Events {
		p := who[e.UserID+e.AnonymousID]
		switch {
		case e.Event == "Email Delivered":
			delivered[e.UserID] = e.at
			assert.False(t, p.Bounces)
		case e.Event == "Email Opened" && p.Persona == Bot:
			assert.Less(t, e.at.Sub(delivered[e.UserID]), 4*time.Second, "a scanner opens at once")
		case e.Event == "Email Opened":
			assert.Greater(t, e.at.Sub(delivered[e.UserID]), time.Minute, "a person does not")
		case e.Event == "Email Bounced":
			assert.True(t, p.Bounces)
		case e.Type == "identify":
			if e.Traits["title"] == nil {
				missing++
			}
			if p.Persona == Competitor {
				assert.Contains(t, rivals, e.Traits["domain"])
			}
		}
	}
	assert.Greater(t, missing, 20, "real data has gaps")
}

// Whoever wants quotes gets the same stream with quotes in it.
func TestNew_QuotesChangeNothingElse(t *testing.T) {
	without, with := New(1, Options{}), New(1, Options{Quotes: true})
	var rest []Event
	open, cents := 0, 0
	for _, e := range with.Events {
		if e.Event != "Quote Requested" {
			rest = append(rest, e)
			continue
		}
		amount, known := e.Properties["amount"].(float64)
		switch {
		case !known:
			open++
		case amount != math.Trunc(amount):
			cents++
		}
	}
	assert.Equal(t, without.Events, rest)
	quotes := len(with.Events) - len(rest)
	assert.Greater(t, quotes, 50)
	assert.Positive(t, open)
	assert.Positive(t, cents)
	t.Logf("%d quotes, %d without an amount, %d with cents", quotes, open, cents)
}
