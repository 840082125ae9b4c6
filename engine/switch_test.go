package engine_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// stage is an engine with several releases of one workflow: each has another
// threshold of the route "warm".
type stage struct {
	t     *testing.T
	data  string
	works []*engine.Workflow
	opts  engine.Options
	e     *engine.Engine
	peer  *engine.Engine // on the same server; may be nil
	mu    sync.Mutex     // nc, where others send meanwhile
	nc    *nats.Conn
	sent  int
}

const threshold = "recent >= 25"

func newStage(t *testing.T, o engine.Options, thresholds ...int) *stage {
	s := &stage{t: t, data: t.TempDir()}
	for _, n := range thresholds {
		s.works = append(s.works, loadWorkflow(t, strings.Replace(smallWorkflow, threshold, fmt.Sprintf("recent >= %d", n), 1)))
	}
	o.Workflow, o.Releases, o.Data, o.Clock, o.Quiet = s.works[0], engine.Given(s.works...), s.data, engine.ClockStream, time.Hour
	if o.Partitions == 0 {
		o.Partitions = 3
	}
	s.opts = o
	s.start()
	return s
}

func (s *stage) start() {
	s.e = startEngine(s.t, s.opts)
	nc := anonymous(s.t, s.e)
	s.mu.Lock()
	s.nc = nc
	s.mu.Unlock()
	require.Eventually(s.t, func() bool { return s.e.Ready() == nil }, 10*time.Second, time.Millisecond)
}

// crash ends the engine as a kill does: commits on their way may be stored or
// not, nothing is concluded.
func (s *stage) crash() {
	s.e.Conn().Close()
	_ = stopEngine(s.e)
}

func (s *stage) restart() {
	require.NoError(s.t, stopEngine(s.e))
	s.start()
}

// downloads lets each of the leads download a guide (15 points) at a time.
func (s *stage) downloads(from, to int, at string) {
	var lines []string
	for i := from; i < to; i++ {
		s.sent++
		lines = append(lines, track(fmt.Sprint("e", s.sent), fmt.Sprintf("lead-%03d", i), "Guide Downloaded", at))
	}
	send(s.t, s.nc, strings.Join(lines, "\n"))
	s.settled()
}

// settled waits until all partitions have done all that there is.
func (s *stage) settled() {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return engine.Behind(s.e, s.peer) == 0 && !s.building() }, 20*time.Second, time.Millisecond)
	require.Eventually(s.t, func() bool { return s.e.Durable() && (s.peer == nil || s.peer.Durable()) }, 20*time.Second, time.Millisecond)
}

// lineages are those of all partitions, whoever runs them.
func (s *stage) lineages() []release.LineageStatus {
	list := s.e.Lineages()
	if s.peer != nil {
		list = append(list, s.peer.Lineages()...)
	}
	return list
}

func (s *stage) building() bool {
	for _, l := range s.lineages() {
		if l.Role == "building" {
			return true
		}
	}
	return false
}

// ready waits until all lineages may be switched to.
func (s *stage) ready() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		return !slices.ContainsFunc(s.lineages(), func(l release.LineageStatus) bool { return !l.Ready })
	}, 20*time.Second, time.Millisecond)
}

func (s *stage) order(o lineage.Order) lineage.ID {
	s.t.Helper()
	o.Workflow = "small"
	seq, err := s.e.Order(s.t.Context(), o)
	require.NoError(s.t, err)
	s.settled()
	return lineage.ID(seq)
}

func (s *stage) release(n int) lineage.Release { return engine.ReleaseOf(s.works[n-1], uint32(n)) }

// roles says in one line what lineages the partitions have: all the same.
func (s *stage) roles() string {
	s.t.Helper()
	by := map[int]string{}
	for _, l := range s.lineages() {
		by[l.Partition] += fmt.Sprintf("%d %s, ", l.Release, l.Role)
	}
	require.Len(s.t, by, s.opts.Partitions)
	for _, text := range by {
		require.Equal(s.t, by[0], text)
	}
	return strings.TrimSuffix(by[0], ", ")
}

// decisions are all that the journal has, as "lead release cause".
func (s *stage) decisions() (list []string) {
	stream, err := s.e.Conn().JetStream()
	require.NoError(s.t, err)
	info, err := stream.StreamInfo(journal.JournalStream)
	require.NoError(s.t, err)
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(journal.JournalStream, seq)
		if err != nil || !strings.HasPrefix(m.Subject, "ripen.out.") {
			continue
		}
		d := decision(s.t, &nats.Msg{Data: m.Data, Header: m.Header})
		for i, w := range s.works {
			if w.Model.Policy.Release == d.Release {
				list = append(list, fmt.Sprintf("%s %s %d %s", d.Lead, d.Action, i+1, d.Cause.Kind))
			}
		}
	}
	return list
}

// differences is how many the shadows have told.
func (s *stage) differences() int {
	js, err := jetstream.New(s.e.Conn())
	require.NoError(s.t, err)
	stream, err := js.Stream(s.t.Context(), journal.JournalStream)
	require.NoError(s.t, err)
	info, err := stream.Info(s.t.Context(), jetstream.WithSubjectFilter(journal.ShadowSubject("small")))
	require.NoError(s.t, err)
	return int(info.State.Subjects[journal.ShadowSubject("small")])
}

func many(list []string, text string) (n int) {
	for _, s := range list {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

// state is what the live lineage says of all leads.
func (s *stage) state() map[string]string {
	s.t.Helper()
	snap, err := engine.Inspect(s.t.Context(), engine.Options{Workflow: s.works[0], Releases: s.opts.Releases, Data: s.data, Clock: engine.ClockStream})
	require.NoError(s.t, err)
	defer snap.Close()
	out := map[string]string{}
	require.NoError(s.t, snap.Look(snap.Leads(), snap.Clock(), func(f *ledger.Frame) {
		m := &f.Acct.Marks
		text := fmt.Sprint(f.Values, m.Matched, m.Wake, m.Probe, m.Seq)
		for i := range m.Episodes {
			text += fmt.Sprintf(" %+v", m.Episodes[i])
		}
		out[f.Acct.Key] = text
	}))
	return out
}

// verified says that the inputs lead to all that the journal holds.
func (s *stage) verified() {
	s.t.Helper()
	r := s.verify()
	assert.Empty(s.t, texts(r))
	for _, p := range r.Partitions {
		assert.Zero(s.t, p.Adopted, "%v", p.Notes)
		assert.Positive(s.t, p.Computed)
	}
}

func (s *stage) verify() *engine.VerifyReport {
	s.t.Helper()
	r, err := engine.Verify(s.t.Context(), engine.Options{Workflow: s.works[0], Releases: s.opts.Releases, Data: s.data, NATS: s.opts.NATS, Clock: engine.ClockStream}, engine.VerifyOptions{})
	require.NoError(s.t, err)
	return r
}

// position is the one that the newest record of a partition has.
func (s *stage) position(n int) uint64 {
	s.t.Helper()
	rec, err := s.e.Last(s.t.Context(), n)
	require.NoError(s.t, err)
	return rec.Pos.Seq
}

// end is the last sequence of the events stream.
func (s *stage) end() uint64 {
	s.t.Helper()
	stream, err := s.e.Conn().JetStream()
	require.NoError(s.t, err)
	info, err := stream.StreamInfo(journal.EventsStream)
	require.NoError(s.t, err)
	return info.State.LastSeq
}

func TestSwitch_InPlace(t *testing.T) {
	s := newStage(t, engine.Options{}, 25, 15, 45)
	s.downloads(0, 20, "2026-01-01T00:00:00Z")
	s.downloads(0, 5, "2026-01-01T01:00:00Z")
	assert.Equal(t, 5, many(s.decisions(), "sales-handoff 1 event"))

	seq := s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(2), OnRelease: lineage.Fire})
	assert.Equal(t, "2 live", s.roles())
	assert.Equal(t, 15, many(s.decisions(), "sales-handoff 2 release"), "those with 15 points are newly true; who is with sales stays there")
	for _, l := range s.e.Lineages() {
		assert.Equal(t, uint64(seq), l.Switch, "all partitions switch at one position")
	}
	s.downloads(20, 30, "2026-01-01T02:00:00Z")
	assert.Equal(t, 10, many(s.decisions(), "sales-handoff 2 event"))

	s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(3), OnRelease: lineage.Mark})
	s.downloads(30, 35, "2026-01-01T03:00:00Z")
	assert.Equal(t, 30, many(s.decisions(), "sales-handoff"), "15 points are too few again")
	before := s.state()
	s.verified()
	s.restart()
	assert.Equal(t, "3 live", s.roles())
	assert.Equal(t, before, s.state())
	s.downloads(30, 35, "2026-01-01T04:00:00Z")
	s.downloads(30, 35, "2026-01-01T05:00:00Z")
	assert.Equal(t, 5, many(s.decisions(), "sales-handoff 3 event"))
	s.verified()
}

func TestSwitch_BuiltFromHistoryAndBack(t *testing.T) {
	s := newStage(t, engine.Options{}, 25, 15)
	for i := range 3 {
		s.downloads(0, 40*(i+1), fmt.Sprintf("2026-01-0%dT00:00:00Z", i+1))
		send(t, s.nc, tick(fmt.Sprintf("2026-01-0%dT12:00:00Z", i+1)))
	}
	first := s.decisions()
	id := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory})
	assert.Equal(t, "1 live, 2 shadow", s.roles())
	assert.Equal(t, first, s.decisions(), "nobody hears of a shadow")
	s.ready()
	s.downloads(100, 130, "2026-01-04T00:00:00Z")
	assert.Equal(t, 0, many(s.decisions(), " 2 "))
	assert.Equal(t, 30, s.differences(), "10 new ones that the shadow alone hands over, 20 that it had handed over before")
	s.verified()

	s.restart()
	assert.Equal(t, "1 live, 2 shadow", s.roles())
	old := lineage.ID(s.e.Lineages()[0].ID)
	s.order(lineage.Order{Op: lineage.Switch, Lineage: id, Keep: 3 * 86_400_000})
	assert.Equal(t, "1 shadow, 2 live", s.roles())
	assert.Equal(t, 120+10, many(s.decisions(), "sales-handoff"), "one hand-off each")
	s.downloads(130, 140, "2026-01-04T01:00:00Z")
	assert.Equal(t, 10, many(s.decisions(), "2 event"))
	s.verified()

	s.order(lineage.Order{Op: lineage.Switch, Lineage: old, Keep: 86_400_000})
	assert.Equal(t, "1 live, 2 shadow", s.roles())
	s.restart()
	s.downloads(100, 140, "2026-01-04T02:00:00Z")
	assert.Equal(t, 140, many(s.decisions(), "sales-handoff"), "still one each: episodes are the workflow's")
	send(t, s.nc, tick("2026-01-20T00:00:00Z"))
	s.settled()
	assert.Equal(t, "1 live", s.roles(), "a shadow is kept for its time")
	s.verified()
}

func TestSwitch_Fork(t *testing.T) {
	s := newStage(t, engine.Options{Cache: 30}, 25, 15)
	s.downloads(0, 100, "2026-01-01T00:00:00Z")
	s.downloads(0, 30, "2026-01-02T00:00:00Z")
	id := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromFork})
	assert.Equal(t, "1 live, 2 shadow", s.roles())
	s.ready()
	s.downloads(100, 120, "2026-01-03T00:00:00Z")
	s.verified()
	s.restart()
	assert.Equal(t, 30, many(s.decisions(), "sales-handoff"))
	s.order(lineage.Order{Op: lineage.Switch, Lineage: id})
	assert.Equal(t, "2 live", s.roles(), "keep 0: the one that was replaced ends")
	assert.Equal(t, 120, many(s.decisions(), "sales-handoff"))
	before := s.state()
	s.verified()
	s.restart()
	assert.Equal(t, before, s.state())
	_, err := s.e.Order(t.Context(), lineage.Order{Op: lineage.Stop, Workflow: "small", Lineage: 12345})
	require.NoError(t, err)
	s.downloads(0, 100, "2026-01-04T00:00:00Z")
	assert.Equal(t, "2 live", s.roles(), "an order about nobody is passed over")
}

// Each commit names one release per lineage, and each decision the one that is
// live in its commit.
func TestSwitch_DecisionsAndCommitsNameOneRelease(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2}, 25, 15, 35, 20)
	for i := range 12 {
		s.downloads(0, 30, fmt.Sprintf("2026-01-%02dT00:00:00Z", i+1))
		s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(1 + (i+1)%4), OnRelease: lineage.Mark})
	}
	require.NoError(t, stopEngine(s.e))
	openStreams(t, s.data, func(js jetstream.JetStream) { oneRelease(t, js, s.works) })
}

func oneRelease(t *testing.T, js jetstream.JetStream, works []*engine.Workflow) {
	t.Helper()
	j, err := journal.Open(t.Context(), js, journal.Config{ReadOnly: true})
	require.NoError(t, err)
	pending := map[int][]string{}
	switched := map[uint64]int{}
	require.NoError(t, j.Scan(t.Context(), journal.JournalStream, []string{"ripen.j.*", "ripen.out.>"}, 1, func(m journal.Message) error {
		if strings.HasPrefix(m.Subject, "ripen.out.") {
			d := decodeDecision(t, m.Data)
			p := lead.Partition(d.Lead, j.Partitions())
			pending[p] = append(pending[p], d.Release)
			return nil
		}
		rec, err := journal.ReadRecord(m.Data)
		if err != nil || rec.Kind != journal.KindCommit {
			return err
		}
		p := int(m.Subject[len(m.Subject)-1] - '0')
		require.Len(t, rec.Lineages, 1)
		for _, r := range pending[p] {
			assert.True(t, strings.HasPrefix(rec.Lineages[0].Model, r))
		}
		pending[p] = nil
		switched[rec.Lineages[0].Since]++
		return nil
	}))
	assert.Len(t, switched, 13)
}

func decodeDecision(t *testing.T, data []byte) (d lead.Decision) {
	t.Helper()
	require.NoError(t, json.Unmarshal(data, &d))
	return d
}

// What purged releases have written is restored by the one that is left.
func TestSwitch_PurgedReleasesAreNotNeededToRestore(t *testing.T) {
	s := newStage(t, engine.Options{SnapshotEvery: -1}, 25, 15, 20)
	s.downloads(0, 20, "2026-01-01T00:00:00Z")
	id := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory})
	s.downloads(0, 10, "2026-01-02T00:00:00Z")
	s.order(lineage.Order{Op: lineage.Switch, Lineage: id})
	s.downloads(5, 25, "2026-01-03T00:00:00Z")
	s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(3), OnRelease: lineage.Mark})
	s.downloads(5, 15, "2026-01-04T00:00:00Z")
	before := s.state()
	require.NoError(t, stopEngine(s.e))
	require.NoError(t, os.RemoveAll(filepath.Join(s.data, "state")))
	s.opts.Releases = engine.Given(s.works[2])
	s.start()
	assert.Equal(t, before, s.state())
	s.downloads(0, 5, "2026-01-05T00:00:00Z")
	assert.Equal(t, "3 live", s.roles())
}

// The same where a lineage was left by a release that is purged while it stayed:
// the one that it has in the end stands in, and is waited for if it is not there
// yet; and where the purged one's lineage is gone, any of its workflow does.
func TestSwitch_StandInsAreWaitedFor(t *testing.T) {
	s := newStage(t, engine.Options{SnapshotEvery: -1, Partitions: 2}, 25, 15, 20)
	s.downloads(0, 20, "2026-01-01T00:00:00Z")
	id := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromFork})
	s.downloads(0, 10, "2026-01-02T00:00:00Z")
	s.order(lineage.Order{Op: lineage.Stop, Lineage: id})
	s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(3), OnRelease: lineage.Mark})
	s.downloads(5, 15, "2026-01-04T00:00:00Z")
	before := s.state()
	require.NoError(t, stopEngine(s.e))
	require.NoError(t, os.RemoveAll(filepath.Join(s.data, "state")))
	shop := &shop{Releases: s.opts.Releases}
	for n := range uint32(3) {
		shop.refuse(n+1, engine.ErrNotPrepared)
	}
	s.opts.Releases = shop
	s.e = startEngine(t, s.opts)
	shop.asked(t, 3)
	assert.Error(t, s.e.Ready(), "it waits")
	select {
	case <-s.e.Done():
		t.Fatalf("the engine ended: %v", s.e.Err())
	default:
	}
	shop.refuse(3, nil)
	s.nc = anonymous(t, s.e)
	s.settled()
	assert.Equal(t, "3 live", s.roles())
	s.opts.Releases = shop.Releases
	assert.Equal(t, before, s.state())
	s.downloads(0, 5, "2026-01-05T00:00:00Z")
}
