package engine_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

// newTown is a stage with two workflows, small and big, of which each has two
// releases: 1 and 2 are small's, 3 and 4 big's. The engine begins with small.
func newTown(t *testing.T, o engine.Options) *stage {
	s, shelf := &stage{t: t, data: t.TempDir()}, newShelf(t)
	for _, name := range []string{"small", "big"} {
		for _, least := range []int{60, 40} {
			s.works = append(s.works, shelve(t, shelf, strings.NewReplacer(threshold, fmt.Sprintf("recent >= %d", least+10*(len(name)%2)),
				`workflow "small"`, fmt.Sprintf("workflow %q", name), `"60d"`, fmt.Sprintf(`"%dd"`, least)).Replace(smallWorkflow)))
		}
	}
	o.Workflow, o.Releases, o.Clock, o.Quiet, o.Cache = s.works[0], engine.Given(s.works...), engine.ClockStream, time.Hour, 60
	if o.NATS == "" {
		o.Data = s.data
	}
	s.opts = o
	s.start()
	return s
}

// story lets both workflows change while events flow: big begins from history,
// small is forked, promoted and rolled back, big goes on in place. on is called
// in the middle of each burst.
func (s *stage) story(c *crowd, on func()) {
	order := func(workflow string, o lineage.Order) lineage.ID {
		o.Workflow = workflow
		seq, err := s.e.Order(s.t.Context(), o)
		require.NoError(s.t, err)
		return lineage.ID(seq)
	}
	days := func(n int64) int64 { return n * 86_400_000 }
	first := lineage.ID(s.lineageOf(1))
	var big, second lineage.ID
	c.burst(c.enough(), func() {
		big = order("big", lineage.Order{Op: lineage.Start, Release: s.release(3), Origin: lineage.FromHistory})
		on()
	})
	s.ready()
	c.burst(c.enough(), func() {
		order("big", lineage.Order{Op: lineage.Switch, Lineage: big, OnRelease: lineage.Fire})
		second = order("small", lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromFork})
		on()
	})
	s.ready()
	c.burst(c.enough(), func() {
		order("small", lineage.Order{Op: lineage.Switch, Lineage: second, OnRelease: lineage.Fire, Keep: days(300)})
		order("big", lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(4), OnRelease: lineage.Drip, PerDay: 5, Total: 40})
		on()
	})
	c.burst(c.enough(), func() {
		order("small", lineage.Order{Op: lineage.Switch, Lineage: first, OnRelease: lineage.Mark, Keep: days(2), Recall: true, Since: c.time() - days(3)})
		on()
	})
	send(s.t, s.nc, tick(stamp(c.now+days(5)))) // the shadow has had its time
	s.settled()
	require.Equal(s.t, "4 live, 1 live", s.roles())
}

// enough batches are as many as give each lead a few events.
func (c *crowd) enough() int64 { return int64(2 * c.leads / c.each) }

// same demands that another engine has come to the same: every decision, and
// the state of each lead under each workflow.
func (s *stage) same(other *stage) {
	s.t.Helper()
	require.Equal(s.t, s.testament(), other.testament())
	want, err := s.e.States(s.t.Context())
	require.NoError(s.t, err)
	got, err := other.e.States(s.t.Context())
	require.NoError(s.t, err)
	require.Greater(s.t, len(want), 15)
	require.NoError(s.t, same(want, got))
}

// testament are all decisions, word by word, lead by lead.
func (s *stage) testament() []string {
	list := s.spoken()
	slices.SortFunc(list, func(a, b lead.Decision) int {
		return cmp.Or(cmp.Compare(a.Workflow, b.Workflow), cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.Seq, b.Seq))
	})
	return lines(list)
}

// copied is another engine, with as many partitions, on streams of its own that
// hold the same events, ticks and orders at the same positions. It reads them
// all at once, and nobody disturbs it.
func (s *stage) copied(partitions int) *stage {
	s.t.Helper()
	other := &stage{t: s.t, data: s.t.TempDir(), works: s.works, opts: s.opts}
	other.opts.Partitions, other.opts.Data, other.opts.NATS = partitions, other.data, ""
	all := s.messages()
	openStreams(s.t, other.data, func(js jetstream.JetStream) {
		_, err := journal.EnsureStreams(s.t.Context(), js, journal.Config{Partitions: partitions, History: journal.DefaultHistory})
		require.NoError(s.t, err)
		decoder := intake.NewDecoder(intake.Options{})
		for i := range all {
			subject := all[i].Subject
			if subject != journal.ControlSubject {
				require.NoError(s.t, intake.Messages(all[i].Data, func(n int, raw []byte, _ int64) {
					require.True(s.t, n == 0 || partitions == s.opts.Partitions)
					ev, refused := decoder.Decode(raw, 0)
					require.Nil(s.t, refused)
					subject = journal.EventSubject(lead.Partition(ev.Lead, partitions))
				}))
			}
			_, err := js.PublishAsync(subject, all[i].Data)
			require.NoError(s.t, err)
		}
		<-js.PublishAsyncComplete()
		info, err := js.Stream(s.t.Context(), journal.EventsStream)
		require.NoError(s.t, err)
		require.EqualValues(s.t, len(all), info.CachedInfo().State.LastSeq)
	})
	other.start()
	other.settled()
	return other
}

// messages are all of the events stream.
func (s *stage) messages() (list []journal.Message) {
	s.t.Helper()
	require.NoError(s.t, s.e.Scan(s.t.Context(), journal.EventsStream, []string{journal.EventSubject(0)[:len("ripen.ev.")] + "*", journal.ControlSubject}, func(m journal.Message) error {
		require.EqualValues(s.t, len(list)+1, m.Seq)
		list = append(list, m)
		return nil
	}))
	return list
}

// Two workflows in the same partitions, changed while events flow and while the
// engine is killed again and again: what comes out is what an engine makes of
// the same stream that nobody has ever disturbed.
func TestCoexist_WorkflowsThroughKills(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := newTown(t, engine.Options{Partitions: 2})
	c := newCrowd(s, 5)
	s.story(c, func() {
		s.crash()
		s.start()
	})
	s.verified()
	s.same(s.copied(2))
	once(t, c, s.of("small"))
}

func (s *stage) of(workflow string) []lead.Decision {
	return slices.DeleteFunc(s.spoken(), func(d lead.Decision) bool { return d.Workflow != workflow })
}

// The number of partitions, and the size of batches, change nothing of what two
// workflows decide through all kinds of switches: a live stream that trickles
// in is the same as one that is read in one go.
func TestCoexist_PartitionsAndBatches(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := newTown(t, engine.Options{Partitions: 4})
	c := newCrowd(s, 6)
	c.senders, c.each, c.leads = 1, 1, max(10, usually(24)) // an event in each message, so that the same stream fits other partitions
	s.story(c, func() {})
	parts := []int{8, 1}
	if raceDetector {
		parts = parts[:1] // the bytes are proven without it; here the races count
	}
	for _, n := range parts {
		s.same(s.copied(n))
	}
	assert.Positive(t, many(s.decisions(), " release"), "the switches decide something")
}

// Two engines in one process know nothing of each other, whatever changes in
// each of them.
func TestCoexist_TwoEnginesInOneProcess(t *testing.T) {
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			s := newTown(t, engine.Options{Partitions: 2})
			s.story(newCrowd(s, 7+seed), func() {})
			s.verified()
		})
	}
}

// Two engines share the partitions on one server while releases are applied:
// one joins, one is killed, one drains, and what comes out is the same.
func TestCoexist_TwoEnginesShareWhileReleasesAreApplied(t *testing.T) {
	t.Parallel() // it waits more than it works
	s := newTown(t, engine.Options{Partitions: 4, NATS: openServer(t)})
	join := func() {
		s.peer = startEngine(t, s.opts)
		require.Eventually(t, func() bool { return len(s.peer.Partitions()) == 2 && len(s.e.Partitions()) == 2 }, 20*time.Second, time.Millisecond)
	}
	steps := []func(){
		join,
		func() { s.peer.Conn().Close() }, // killed; the one that is left takes its partitions
		join,
		func() { s.e, s.peer = s.peer, s.e; require.NoError(t, stopEngine(s.peer)) },
	}
	s.story(newCrowd(s, 9), func() {
		steps[0]()
		steps = steps[1:]
	})
	s.same(s.copied(4))
}
