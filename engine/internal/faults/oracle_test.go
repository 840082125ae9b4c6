package faults_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// verdict is all that the world can see of a history of events.
type verdict struct {
	decisions map[string][]string // of each lead, in order
	rejected  []string            // sorted
	leads     map[string]string   // what explain says
}

// inputs reads messages of the events stream as the engine does that owns
// partition p of so many.
func inputs(msgs []broker.Message, stream bool, p, of int) (out []core.Input) {
	d := intake.NewDecoder(intake.Options{})
	for _, m := range msgs {
		if m.Subject == journal.ControlSubject {
			if c, err := journal.DecodeControl(m.Data); err == nil && c.Type == journal.ControlTick {
				out = append(out, core.Input{Event: lead.Event{Kind: lead.Tick, At: c.At}})
			}
			continue
		}
		// A pack that cannot be read is a failure of its own; here there is none.
		_ = intake.Messages(m.Data, func(_ int, raw []byte, received int64) {
			if received == 0 {
				received = m.At.UnixMilli()
			}
			if stream {
				received = 0
			}
			ev, refused := d.Decode(raw, received)
			if ev.Raw = slices.Clone(raw); refused != nil {
				out = append(out, core.Input{Refused: refused})
				return
			}
			if lead.Partition(ev.Lead, of) != p {
				out = append(out, core.Input{Refused: &lead.Rejected{Lead: ev.Lead, Event: ev.ID, At: ev.At, Code: "wrong-partition", Raw: slices.Clone(raw)}})
				return
			}
			out = append(out, core.Input{Event: ev})
		})
	}
	return out
}

// limits are the engine's own.
func limits(o engine.Options) core.Options {
	if o.Clock == engine.ClockStream {
		return core.Options{}
	}
	day := 24 * time.Hour
	return core.Options{Skew: (5 * time.Minute).Milliseconds(), Horizon: (30 * day).Milliseconds(), DedupeDays: 30}
}

// audit holds what was seen of an engine against what must be seen.
type audit struct {
	t        testing.TB
	work     *engine.Workflow
	opts     engine.Options
	messages func(stream, filter string) []broker.Message
	inspect  func() *engine.Snapshot // nil: leads are not looked at
	failed   func(format string, args ...any)
	acked    map[string]bool // ids of events that producers were told are durable
	again    bool            // decisions may be there again, with the same bytes
}

// judge scores the events of the stream up to each partition's position, one
// after the other, in a core that never stops: what must be seen.
func (w *audit) judge(last []journal.Record) *verdict {
	v := &verdict{decisions: map[string][]string{}, leads: map[string]string{}}
	for p := range last {
		var mine []broker.Message
		for _, m := range w.messages(journal.EventsStream, ">") {
			if m.Seq < last[p].Pos.Seq && (m.Subject == journal.EventSubject(p) || m.Subject == journal.ControlSubject) {
				mine = append(mine, m)
			}
		}
		crew, err := w.work.NewCrew(context.Background())
		require.NoError(w.t, err)
		c := core.New(crew.Program, limits(w.opts))
		var keys []string
		for _, in := range inputs(mine, w.opts.Clock == engine.ClockStream, p, len(last)) {
			var out core.Output
			require.NoError(w.t, c.Run([]core.Input{in}, &out))
			for i := range out.Decisions {
				v.decisions[out.Decisions[i].Lead] = append(v.decisions[out.Decisions[i].Lead], text(&out.Decisions[i]))
			}
			for i := range out.Rejected {
				v.rejected = append(v.rejected, refusal(out.Rejected[i]))
			}
		}
		c.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
		require.NoError(w.t, c.Look(keys, c.Clock(), v.look))
		crew.Close()
	}
	sort.Strings(v.rejected)
	return v
}

func (v *verdict) look(f *ledger.Frame) { v.leads[f.Acct.Key] = leadText(f) }

// leadText is what explain shows of a lead, and what routes remember of it.
func leadText(f *ledger.Frame) string {
	m := f.Acct.Marks
	m.Wake, m.Probe = 0, 0 // how far a search has come depends on the ticks
	if len(m.True) == 0 {
		m.True = nil // read back, an empty list is none
	}
	return text(f.Explain()) + text(m) + fmt.Sprint(f.Values, f.Acct.Clock, f.Acct.LastActivity)
}

// refusal is what was refused and its code; the words are for people.
func refusal(r lead.Rejected) string {
	r.Reason, r.Release = "", ""
	return text(r)
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// seen is what the engines have published and what their journal holds.
func (w *audit) seen() *verdict {
	v := &verdict{decisions: map[string][]string{}, leads: map[string]string{}}
	ids := map[string]string{}
	for _, m := range w.messages(journal.JournalStream, "ripen.out.>") {
		var d lead.Decision
		require.NoError(w.t, json.Unmarshal(m.Data, &d))
		if first, there := ids[d.ID]; there {
			if !w.again || first != string(m.Data) {
				w.failed("decision %s of %s is published again:\n%s\n%s", d.ID, d.Lead, first, m.Data)
			}
			continue
		}
		ids[d.ID] = string(m.Data)
		v.decisions[d.Lead] = append(v.decisions[d.Lead], string(m.Data))
	}
	for _, m := range w.messages(journal.JournalStream, "ripen.rejected.*") {
		var r lead.Rejected
		require.NoError(w.t, json.Unmarshal(m.Data, &r))
		require.NotEmpty(w.t, r.Reason)
		v.rejected = append(v.rejected, refusal(r))
	}
	sort.Strings(v.rejected)
	if w.inspect == nil {
		return v
	}
	s := w.inspect()
	if s == nil {
		return v
	}
	defer s.Close()
	require.NoError(w.t, s.Look(s.Leads(), s.Clock(), v.look))
	return v
}

// check holds what was seen against what must be seen.
func (w *audit) check(last []journal.Record) (decisions int) {
	w.t.Helper()
	want, got := w.judge(last), w.seen()
	for key := range got.decisions {
		if want.decisions[key] == nil {
			w.failed("%s has decisions that it must not have:\n%s", key, strings.Join(got.decisions[key], "\n"))
		}
	}
	for key, list := range want.decisions {
		decisions += len(list)
		if !slices.Equal(list, got.decisions[key]) {
			w.failed("decisions of %s\nmust be\n%s\nand are\n%s", key, strings.Join(list, "\n"), strings.Join(got.decisions[key], "\n"))
		}
	}
	if !slices.Equal(want.rejected, got.rejected) {
		w.failed("rejected must be\n%s\nand are\n%s", strings.Join(want.rejected, "\n"), strings.Join(got.rejected, "\n"))
	}
	for key, s := range want.leads {
		if w.inspect != nil && got.leads[key] != s {
			w.failed("lead %s must be\n%s\nand is\n%s", key, s, got.leads[key])
		}
	}
	stored := map[string]bool{}
	for _, m := range w.messages(journal.EventsStream, "ripen.ev.*") {
		_ = intake.Messages(m.Data, func(_ int, raw []byte, _ int64) { stored[idOf(string(bytes.Clone(raw)))] = true }) // as above
	}
	for id := range w.acked {
		if !stored[id] {
			w.failed("event %s was acknowledged and is lost", id)
		}
	}
	return decisions
}

// inspect reads the journal as `ripen score` on a data folder does.
func (w *world) inspect() *engine.Snapshot {
	o := w.opts
	link := w.b.Link("inspector")
	o.NATSOptions = inProcess(link)
	s, err := engine.Inspect(context.Background(), o)
	if err != nil {
		w.failed("inspect: %v", err)
		return nil
	}
	return s
}
