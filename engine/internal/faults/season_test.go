package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// seasonWorkflow has each kind of timer: decay that crosses thresholds, an
// inactivity penalty, mails that nobody answers, leads to investigate after 60
// days, cooldowns, hand-offs that nobody accepts, and (from the events)
// corrections that expire, leads that rest until a day, and held inputs.
const seasonWorkflow = `
workflow "season" { display = "{recent} {grade}" }

step "traplike" "risky" {
  points   = 1
  on_error = "hold"
}

step "fit-grade" "who" {
  grades = [
    { A = like(trait.title, "chief*", "vp*") },
    { D = true },
  ]
}

step "negative-points" "minus" {
  score  = "recent"
  events = { "Unsubscribed" = -10 }
  inactivity {
    after  = "21d"
    most   = 3
    points = -5
  }
  ignored "mails" {
    delivered     = "Email Delivered"
    answers       = ["Email Opened"]
    more_than     = 2
    answer_within = "3d"
    points        = -7
  }
}

step "behavior-points" "recent" {
  class "asked"   { events = { "Demo Requested" = 60 } }
  class "product" { events = { "Guide Downloaded" = 15, "Email Opened" = 3 } }
}

step "decay" "sixty" {
  of     = "recent"
  curve  = "linear"
  window = "60d"
}

route "sales-handoff" "asked" { when = pending("asked") }
route "sales-handoff" "warm" {
  when     = recent >= 25
  reset    = recent < 20
  cooldown = "11d"
}
route "remind" "unaccepted" {
  when  = episode("sales-handoff") && !stage("accepted") && idle("3d")
  reset = stage("accepted") || !idle("3d")
}
route "investigate" "lost" {
  when  = idle("60d") && peak(recent, "120d") >= 15
  reset = !idle("60d")
}
route "nurture-cooled" "cooled" {
  when  = recent >= 15
  on    = "fall"
  reset = recent >= 15
}
route "nurture" "rest" { default = true }
`

const day = 24 * time.Hour

// happening is an event of the season, and when it arrives.
type happening struct {
	at   time.Time
	line string
	who  string
}

// season invents what leads do in 120 days, in the order of arrival. With late,
// some of it arrives up to two days late.
func season(rng *rand.Rand, start time.Time, leads int, late bool) (list []happening) {
	n := 0
	add := func(who string, at time.Time, body string) {
		n++
		h := happening{at: at, who: who}
		if late && rng.IntN(12) == 0 {
			h.at = h.at.Add(time.Duration(rng.Int64N(int64(2 * day))))
		}
		h.line = fmt.Sprintf(`{"messageId":"s%d","userId":%q,"timestamp":%q,%s}`, n, who, at.UTC().Format("2006-01-02T15:04:05.000Z"), body)
		list = append(list, h)
	}
	for i := range leads {
		who := fmt.Sprintf("lead-%02d", i)
		at := start.Add(time.Duration(rng.Int64N(int64(20 * day))))
		for range 2 + rng.IntN(12) {
			add(who, at, deed(rng, at))
			pause := time.Duration(rng.Int64N(int64(4 * day)))
			if rng.IntN(6) == 0 {
				pause = time.Duration(rng.Int64N(int64(50 * day)))
			}
			if at = at.Add(pause); at.After(start.Add(110 * day)) {
				break
			}
		}
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].at.Before(list[j].at) })
	return list
}

// deed is what somebody does at a time.
func deed(rng *rand.Rand, at time.Time) string {
	track := func(name, props string) string {
		return fmt.Sprintf(`"type":"track","event":%q,"properties":{%s}`, name, props)
	}
	later := func(days int) string {
		return at.Add(time.Duration(1+rng.IntN(days))*day + time.Duration(rng.IntN(86_400_000))*time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	switch rng.IntN(16) {
	case 0, 1:
		return track("Demo Requested", "")
	case 2, 3, 4:
		return track("Guide Downloaded", "")
	case 5, 6:
		return track("Email Opened", "")
	case 7, 8, 9:
		return track("Email Delivered", "")
	case 10:
		return track("Lead Accepted", "")
	case 11:
		return track("Lead Recycled", fmt.Sprintf(`"until":%q`, later(12)))
	case 12:
		return track("Lead Rejected", `"reason":"no budget"`)
	case 13:
		return track("Score Adjusted", fmt.Sprintf(`"score":"recent","points":%d,"by":"eve","reason":"talk","expires":%q`, rng.IntN(60)-20, later(25)))
	case 14:
		return `"type":"identify","traits":{"title":"VP Sales"}`
	}
	if rng.IntN(4) == 0 {
		return track("Guide Downloaded", `"crash":"soft"`) // held from now on
	}
	return track("Unsubscribed", "")
}

// hourly is the season without an engine that stops: the events, and a tick
// each hour, through one core for all leads.
func hourly(t *testing.T, work *engine.Workflow, msgs []broker.Message, from, to time.Time, o core.Options, stream bool) map[string][]string {
	crew, err := work.NewCrew(context.Background())
	require.NoError(t, err)
	defer crew.Close()
	c := core.New(crew.Program, o)
	out := map[string][]string{}
	run := func(in core.Input) {
		var got core.Output
		require.NoError(t, c.Run([]core.Input{in}, &got))
		for i := range got.Decisions {
			out[got.Decisions[i].Lead] = append(out[got.Decisions[i].Lead], text(&got.Decisions[i]))
		}
	}
	tick := from.Truncate(time.Hour)
	until := func(at time.Time) {
		for ; !tick.After(at); tick = tick.Add(time.Hour) {
			run(core.Input{Event: lead.Event{Kind: lead.Tick, At: tick.UnixMilli()}})
		}
	}
	for _, m := range msgs {
		if m.Subject == journal.ControlSubject {
			continue
		}
		until(m.At)
		for _, in := range inputs([]broker.Message{m}, stream, 0, 1) {
			run(in)
		}
	}
	until(to)
	run(core.Input{Event: lead.Event{Kind: lead.Tick, At: to.UnixMilli()}})
	return out
}

// agree demands the same decisions of each lead at the same logical times.
func agree(w *world, want, got map[string][]string) {
	for key := range got {
		if want[key] == nil {
			w.failed("%s has decisions that it has not without restarts", key)
		}
	}
	for key := range want {
		if !slices.Equal(want[key], got[key]) {
			w.failed("%s without restarts:\n%s\nwith restarts:\n%s", key, strings.Join(want[key], "\n"), strings.Join(got[key], "\n"))
		}
	}
}

// TestTimers_120DaysOnTheWallClock lets 120 days pass on the clock of the
// bubble. The engine is up for seconds and down for hours or days, drained or
// killed, so nearly every timer is due while nobody is there. The decisions, and
// their times, are those of a core that had a tick each hour and never stopped.
func TestTimers_120DaysOnTheWallClock(t *testing.T) {
	work := load(t, seasonWorkflow, "traplike")
	away := int64(60 * time.Hour)
	if raceDetector {
		away *= 5 // starting an engine takes long
	}
	for seed := range number(t, "RIPEN_FAULTS_SEASONS", 1) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, uint64(seed), work, engine.Options{Partitions: 1, Tick: time.Second})
			defer w.close()
			start := time.Now()
			list := season(w.rng, start, 30, false) // what comes late depends on the ticks before it
			w.drain(w.start())
			restarts := 0
			for time.Since(start) < 120*day {
				list = w.pass(list, time.Duration(w.rng.Int64N(away)))
				p := w.start()
				require.NotNil(t, p)
				restarts++
				list = w.pass(list, time.Duration(w.rng.Int64N(int64(4*time.Second))))
				if w.rng.IntN(2) == 0 {
					w.kill(p)
				} else {
					w.drain(p)
				}
			}
			require.Empty(t, list)
			w.start()
			time.Sleep(5 * time.Second) // ticks come, the last one for all
			last := w.settle()
			decisions := w.check(last)
			to := time.UnixMilli(slices.MinFunc(last, func(a, b journal.Record) int { return int(a.Clock - b.Clock) }).Clock)
			agree(w, hourly(t, work, w.b.Messages(journal.EventsStream, ">"), start, to, limits(w.opts), false), w.audit().seen().decisions)
			require.Greater(t, decisions, 60, "the season decides something")
			w.everyTimer()
			t.Logf("seed %d: %d decisions, %d restarts", seed, decisions, restarts)
		})
	}
}

// pass lets time pass while leads do what they do.
func (w *world) pass(list []happening, d time.Duration) []happening {
	end := time.Now().Add(d)
	for len(list) > 0 && list[0].at.Before(end) {
		time.Sleep(max(0, time.Until(list[0].at)))
		w.append(list[0])
		list = list[1:]
	}
	time.Sleep(max(0, time.Until(end)))
	return list
}

func (w *world) append(h happening) {
	_, err := w.b.Append(journal.EventSubject(lead.Partition(h.who, w.opts.Partitions)), []byte(h.line))
	require.NoError(w.t, err)
}

// everyTimer makes sure that each kind of timer decided something.
func (w *world) everyTimer() {
	count := map[string]int{}
	for _, m := range w.b.Messages(journal.JournalStream, "ripen.out.>") {
		if strings.Contains(string(m.Data), `"kind":"timer"`) {
			count[m.Subject]++
		}
	}
	for _, action := range []string{"remind", "investigate", "nurture-cooled"} {
		assert.NotZero(w.t, count["ripen.out.season."+action], "timers that decide %s: %v", action, count)
	}
}

// TestTimers_120DaysInTheStream writes 120 days of events and hourly ticks into
// the stream, with the engine up all the while but for restarts at random
// instants.
func TestTimers_120DaysInTheStream(t *testing.T) {
	work := load(t, seasonWorkflow, "traplike")
	for seed := range number(t, "RIPEN_FAULTS_SEASONS", 1) {
		bubble(t, func(t *testing.T) {
			w := newWorld(t, 1000+uint64(seed), work, engine.Options{Partitions: 2, Tick: time.Minute, Clock: engine.ClockStream, Quiet: time.Hour})
			defer w.close()
			w.start()
			start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
			list := season(w.rng, start, 30, true)
			restarts := 0
			for tick := start; tick.Before(start.Add(120 * day)); tick = tick.Add(time.Hour) {
				for ; len(list) > 0 && list[0].at.Before(tick); list = list[1:] {
					w.append(list[0])
				}
				_, err := w.b.Append(journal.ControlSubject, fmt.Appendf(nil, `{"type":"tick","at":%d}`, tick.UnixMilli()))
				require.NoError(t, err)
				if w.rng.IntN(3) == 0 {
					time.Sleep(time.Duration(w.rng.IntN(3)) * time.Millisecond)
				}
				if w.rng.IntN(40) == 0 {
					restarts++
					if len(w.procs) > 0 {
						w.kill(w.procs[0])
					}
					w.start()
				}
			}
			decisions := w.check(w.settle())
			require.Greater(t, decisions, 60, "the season decides something")
			w.everyTimer()
			t.Logf("seed %d: %d decisions, %d restarts", seed, decisions, restarts)
		})
	}
}

// TestTimers_LeadsThatNothingCanMoveCostNothing counts what ticks make the
// plugins do. Once everything has decayed and every route has had its say, the
// answer is nothing, however many leads there are.
func TestTimers_LeadsThatNothingCanMoveCostNothing(t *testing.T) {
	work := load(t, strings.Replace(seasonWorkflow, `step "traplike" "risky" {
  points   = 1
  on_error = "hold"
}
`, "", 1))
	crew, err := work.NewCrew(t.Context())
	require.NoError(t, err)
	defer crew.Close()
	c := core.New(crew.Program, core.Options{})
	var out core.Output
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var all []core.Input
	for _, h := range season(rand.New(rand.NewPCG(1, 1)), start, 400, true) {
		all = append(all, inputs([]broker.Message{{Subject: journal.EventSubject(0), Data: []byte(h.line), At: h.at}}, true, 0, 1)...)
	}
	require.NoError(t, c.Run(all, &out))
	tick := func(from, to time.Time, every time.Duration) (calls uint64, touched int) {
		before := calls
		for _, s := range work.Stats() {
			before += uint64(s.Calls)
		}
		for at := from; at.Before(to); at = at.Add(every) {
			out.Reset()
			require.NoError(t, c.Run([]core.Input{{Event: lead.Event{Kind: lead.Tick, At: at.UnixMilli()}}}, &out))
			touched += len(out.Changes)
		}
		for _, s := range work.Stats() {
			calls += uint64(s.Calls)
		}
		return calls - before, touched
	}
	busy, touched := tick(start, start.Add(300*day), time.Hour)
	require.Positive(t, busy)
	require.Positive(t, touched)
	asleep := 0
	c.Leads(func(a *ledger.Account) {
		if a.Marks.Wake == 0 && a.Marks.Probe == 0 {
			asleep++
		}
	})
	quiet, touched := tick(start.Add(300*day), start.Add(420*day), time.Hour)
	t.Logf("%d leads, %d without a look ahead; calls in the first 300 days %d, in the 120 after %d", c.Len(), asleep, busy, quiet)
	assert.Equal(t, c.Len(), asleep, "leads that sleep")
	assert.Zero(t, quiet, "calls of plugins while all sleep")
	assert.Zero(t, touched, "leads that changed while all sleep")
}
