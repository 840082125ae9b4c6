package faults_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
)

// once lets one operation meet a fate, and everything else go well.
func once(kind broker.Kind, subject string, fate broker.Fate, delay time.Duration, then func()) broker.Plan {
	done := false
	return func(op broker.Op) (broker.Fate, time.Duration) {
		if done || op.Kind != kind || !strings.HasPrefix(op.Subject, subject) {
			return broker.Fine, 0
		}
		done = true
		if then != nil {
			time.AfterFunc(0, then)
		}
		return fate, delay
	}
}

// tiny is a world with one partition and an engine on it; time passes rarely.
func tiny(t *testing.T, o engine.Options) *world {
	o.Partitions = 1
	if o.Tick == 0 {
		o.Tick = time.Hour
	}
	return newWorld(t, 1, load(t, countingWorkflow), o)
}

// put stores events of n new leads as one message.
func (w *world) put(name string, n int) {
	var lines []string
	for i := range n {
		lines = append(lines, event(fmt.Sprint(name, i), fmt.Sprint(name, "-", i), "Seen", time.Now()))
	}
	_, err := w.b.Append(journal.EventSubject(0), []byte(strings.Join(lines, "\n")))
	require.NoError(w.t, err)
}

// ids are the ids of what new leads decide, in order.
func (w *world) ids() (list []string) {
	for _, m := range w.b.Messages(journal.JournalStream, "ripen.out.*.nurture") {
		_, rest, _ := strings.Cut(string(m.Data), `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		list = append(list, id)
	}
	return list
}

// The engine dies with a batch computed and not sent: nothing of it is visible,
// and after the restart the same inputs make the same decisions under the same
// ids.
func TestFault_CrashBeforeCommit(t *testing.T) {
	var undisturbed []string
	for _, crash := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			w := tiny(t, engine.Options{})
			defer w.close()
			p := w.start()
			time.Sleep(time.Second)
			if crash {
				w.b.SetPlan(once(broker.Part, "ripen.out.", broker.CutBefore, 0, func() { p.link.Kill() }))
			}
			w.put("lead", 12)
			time.Sleep(time.Second)
			if crash {
				require.Empty(t, w.ids(), "nothing is visible")
				w.kill(p)
				w.start()
				time.Sleep(10 * time.Second)
				require.Equal(t, undisturbed, w.ids(), "same inputs, same ids")
			}
			undisturbed = w.ids()
			require.Len(t, undisturbed, 12)
			w.check(w.settle())
		})
	}
}

// The engine dies between the publish and its answer: the batch is whole or
// absent, and the next claim goes on behind it.
func TestFault_CrashBetweenPublishAndAck(t *testing.T) {
	for _, fate := range []broker.Fate{broker.CutAfter, broker.CutBefore, broker.CrashAfter, broker.Crash} {
		t.Run(fate.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := tiny(t, engine.Options{})
				defer w.close()
				p := w.start()
				time.Sleep(time.Second)
				w.b.SetPlan(once(broker.Commit, "ripen.j.0", fate, 0, func() { p.link.Kill() }))
				w.put("lead", 12)
				time.Sleep(time.Second)
				stored := map[broker.Fate]int{broker.CutAfter: 12, broker.CrashAfter: 12}[fate]
				require.Len(t, w.ids(), stored, "whole or absent")
				w.kill(p)
				w.start()
				time.Sleep(10 * time.Second)
				require.Len(t, w.ids(), 12)
				w.check(w.settle())
			})
		})
	}
}

// A micro-batch of more decisions than a record may have is cut by leads. The
// engine dies between the first record and the second: the inputs are read
// again, those of the finished leads are known, the others are scored.
func TestFault_CrashBetweenRecordsOfOneBatch(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := tiny(t, engine.Options{})
		defer w.close()
		p := w.start()
		time.Sleep(time.Second)
		commits := 0
		w.b.SetPlan(func(op broker.Op) (broker.Fate, time.Duration) {
			if op.Kind != broker.Commit {
				return broker.Fine, 0
			}
			if commits++; commits == 2 {
				time.AfterFunc(0, func() { p.link.Kill() })
				return broker.CutBefore, 0
			}
			return broker.Fine, 0
		})
		w.put("lead", 1000)
		time.Sleep(time.Second)
		stored := len(w.ids())
		require.Positive(t, stored, "the first record")
		require.Less(t, stored, 1000, "and not the second")
		// The first message is the order by which the release begins.
		require.Equal(t, journal.Position{Seq: 2}, w.last()[0].Pos, "it keeps the position before the batch")
		w.kill(p)
		w.start()
		time.Sleep(10 * time.Second)
		require.Len(t, w.ids(), 1000)
		w.check(w.settle())
	})
}

// The server answers late, so that every commit times out although it was
// stored: a server that lies about a time-out is not believed, and nothing is
// counted twice. And one that stores late, behind the retry, is fenced.
func TestFault_SlowServer(t *testing.T) {
	plans := map[string]broker.Plan{
		"answers a second late": func(broker.Op) (broker.Fate, time.Duration) { return broker.LateAnswer, time.Second },
		"answers commits behind their time-out": func(op broker.Op) (broker.Fate, time.Duration) {
			if strings.HasPrefix(op.Subject, "ripen.j.") {
				return broker.LateAnswer, 7 * time.Second
			}
			return broker.Fine, 0
		},
		"stores the first try behind the second": once(broker.Commit, "ripen.j.0", broker.Late, 5500*time.Millisecond, nil),
		"stores everything late": func(op broker.Op) (broker.Fate, time.Duration) {
			if op.Kind == broker.Commit || op.Kind == broker.Publish {
				return broker.Late, 2 * time.Second
			}
			return broker.Fine, 0
		},
	}
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := tiny(t, engine.Options{Tick: 20 * time.Second})
				defer w.close()
				p := w.start()
				time.Sleep(time.Second)
				w.b.SetPlan(plan)
				for i := range 6 {
					w.put(fmt.Sprint("lead", i), 5)
					time.Sleep(9 * time.Second)
				}
				time.Sleep(2 * time.Minute)
				select {
				case <-p.e.Done():
					w.failed("the engine ended: %v", p.e.Err())
				default:
				}
				require.NotEmpty(t, w.b.Visited(), "something was slow")
				require.Len(t, w.ids(), 30, "the engine goes on under it")
				w.check(w.settle())
			})
		})
	}
}

// Power is lost while writes are not synced, and the events stream comes back
// shorter than what was read of it: the position goes back to what is there,
// and what producers send again is known by its ids.
func TestFault_PowerLossWithoutSync(t *testing.T) {
	for lost := 1; lost <= 5; lost += 2 {
		bubble(t, func(t *testing.T) {
			w := tiny(t, engine.Options{Tick: 10 * time.Hour})
			defer w.close()
			p := w.start()
			time.Sleep(time.Second)
			for i := range 6 {
				w.put(fmt.Sprint("lead", i), 3)
				time.Sleep(time.Second)
			}
			before := w.ids()
			require.Len(t, before, 18)
			all := w.b.Messages(journal.EventsStream, "ripen.ev.*")
			w.kill(p)
			w.b.Truncate(journal.EventsStream, lost)
			w.put("other", 2) // takes the place of what was read
			w.start()
			time.Sleep(5 * time.Second)
			require.Len(t, w.ids(), 20, "what came instead is scored")
			for _, m := range all[len(all)-lost:] {
				_, err := w.b.Append(m.Subject, m.Data)
				require.NoError(t, err)
			}
			time.Sleep(5 * time.Second)
			require.Equal(t, before, w.ids()[:18])
			require.Len(t, w.ids(), 20, "what was scored before counts no second time")
			w.kill(w.procs[0])
			w.last() // the chain is whole
		})
	}
}

// A duplicate delivery of the publish itself: the same bytes arrive twice.
func TestFault_PublishArrivesTwice(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := tiny(t, engine.Options{Tick: 5 * time.Second})
		defer w.close()
		w.start()
		nc, _ := w.connect("producer")
		defer nc.Close()
		time.Sleep(time.Second)
		w.b.SetPlan(func(op broker.Op) (broker.Fate, time.Duration) {
			if op.Kind == broker.Publish || op.Kind == broker.Commit || op.Kind == broker.Part {
				return broker.Twice, 0
			}
			return broker.Fine, 0
		})
		for i := range 5 {
			w.produce(nc, []string{event(fmt.Sprint("p", i), fmt.Sprint("lead-", i), "Seen", time.Now())})
			time.Sleep(4 * time.Second)
		}
		require.Positive(t, w.check(w.settle()))
		require.Len(t, w.acked, 5)
	})
}

// The clock of the machine jumps: back, and time stands still in the stream
// until it has caught up; forward, and it is not believed at once. The ticks
// never run backwards, and the events that come meanwhile are scored.
func TestFault_ClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{-26 * time.Hour, -3 * time.Second, 90 * time.Second, 26 * time.Hour, 200 * day} {
		t.Run(jump.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var shift atomic.Int64
				w := tiny(t, engine.Options{Tick: time.Second, Now: func() int64 { return time.Now().Add(time.Duration(shift.Load())).UnixMilli() }})
				defer w.close()
				w.start()
				for i := range 30 {
					if i == 10 {
						shift.Store(int64(jump))
					}
					if i == 20 {
						shift.Store(0)
					}
					w.put(fmt.Sprint("lead", i), 2)
					time.Sleep(2 * time.Second)
				}
				last := w.settle()
				w.check(last)
				var newest int64
				for _, m := range w.b.Messages(journal.EventsStream, journal.ControlSubject) {
					c, err := journal.DecodeControl(m.Data)
					require.NoError(t, err)
					require.GreaterOrEqual(t, c.At, newest, "time never runs backwards")
					newest = c.At
				}
				ahead := time.UnixMilli(newest).Sub(time.Now())
				assert.Less(t, ahead, 5*time.Minute+time.Second, "time did not run away with the clock")
				assert.Greater(t, ahead, -20*time.Second, "time goes on when the clock is right again")
			})
		})
	}
}
