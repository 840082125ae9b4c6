package demostream

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Options shape a stream. The zero value means the defaults.
type Options struct {
	Leads int       // default 400
	Days  int       // default 70
	Start time.Time // default 2026-01-05 00:00 UTC, a Monday
	// DailyTicks adds {"type":"tick"} lines at midnight UTC, for files that are
	// played offline.
	DailyTicks bool
	// Quotes adds requests for quotes. All other events stay as they are.
	Quotes bool
}

func (o Options) withDefaults() Options {
	if o.Leads <= 0 {
		o.Leads = 400
	}
	if o.Days <= 0 {
		o.Days = 70
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, time.January, 5, 0, 0, 0, 0, time.UTC)
	}
	o.Start = o.Start.UTC().Truncate(24 * time.Hour)
	return o
}

// Stream is the events in order of time, and the people behind them.
type Stream struct {
	Profiles []Profile
	Events   []Event
}

// Event is one event, with the members in the order of the Segment spec.
type Event struct {
	MessageID   string         `json:"messageId,omitempty"`
	Type        string         `json:"type"`
	UserID      string         `json:"userId,omitempty"`
	AnonymousID string         `json:"anonymousId,omitempty"`
	GroupID     string         `json:"groupId,omitempty"`
	Event       string         `json:"event,omitempty"`
	Timestamp   string         `json:"timestamp"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
	Context     map[string]any `json:"context,omitempty"`

	at time.Time
}

// Generate returns the NDJSON of New(seed, o).
func Generate(seed uint64, o Options) []byte { return New(seed, o).NDJSON() }

// New invents a stream.
func New(seed uint64, o Options) *Stream {
	o = o.withDefaults()
	s := &Stream{}
	for i := range o.Leads {
		l := &life{
			rng:     rand.New(rand.NewPCG(seed, uint64(i)+1)),
			start:   o.Start,
			end:     o.Start.AddDate(0, 0, o.Days),
			Profile: Profile{Number: i + 1},
		}
		l.meet(seed)
		l.live()
		if o.Quotes {
			l.quotes(rand.New(rand.NewPCG(seed, 1<<41+uint64(i))))
		}
		s.Profiles = append(s.Profiles, l.Profile)
		s.Events = append(s.Events, l.events...)
	}
	if o.DailyTicks {
		for d := 1; d <= o.Days; d++ {
			s.Events = append(s.Events, stamped(Event{Type: "tick"}, o.Start.AddDate(0, 0, d)))
		}
	}
	slices.SortStableFunc(s.Events, func(a, b Event) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return strings.Compare(a.MessageID, b.MessageID)
	})
	return s
}

func stamped(e Event, at time.Time) Event {
	e.at = at.UTC().Truncate(time.Millisecond)
	e.Timestamp = e.at.Format("2006-01-02T15:04:05.000Z")
	return e
}

// NDJSON prints one event per line.
func (s *Stream) NDJSON() []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for i := range s.Events {
		if err := enc.Encode(&s.Events[i]); err != nil {
			panic("demostream: " + err.Error()) // maps of texts and numbers always encode
		}
	}
	return out.Bytes()
}
