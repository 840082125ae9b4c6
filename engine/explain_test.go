package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/explain"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

func (s *stage) options() engine.Options {
	return engine.Options{Releases: s.opts.Releases, Data: s.data, Clock: engine.ClockStream}
}

// published are all decisions of the journal.
func (s *stage) published() (list []lead.Decision) {
	snap, err := engine.Inspect(s.t.Context(), s.options())
	require.NoError(s.t, err)
	defer snap.Close()
	return snap.Decisions
}

// explained says that each decision is made again, in one pass and alone.
func (s *stage) explained() {
	s.t.Helper()
	all, err := engine.CheckAll(s.t.Context(), s.options())
	require.NoError(s.t, err)
	assert.False(s.t, all.Bad(), "%v %v", all.Problems, all.Notes)
	assert.Equal(s.t, all.Decisions, all.Same, "%+v", all)
	assert.Zero(s.t, all.Missing+all.Unmade+all.Repeated)
	assert.Positive(s.t, all.Leads)

	x, err := engine.OpenExplainer(s.t.Context(), s.options(), "")
	require.NoError(s.t, err)
	defer x.Close()
	seen, recorded := map[string]bool{}, 0
	for _, d := range s.published() {
		kind := d.Release + d.Action + d.Cause.Kind
		if seen[kind] { // one of each kind: all were made again above
			continue
		}
		seen[kind] = true
		found, err := x.Find(s.t.Context(), d.ID)
		require.NoError(s.t, err)
		require.NotNil(s.t, found)
		r, err := x.Reproduce(s.t.Context(), found)
		require.NoError(s.t, err)
		assert.True(s.t, r.Same, "%s of %s: %s", d.Action, d.Lead, r.Why)
		assert.Positive(s.t, r.Events)
		if found.Record == 0 { // a snapshot has taken its place; the releases of this engine are in no list
			assert.Empty(s.t, found.Model)
			continue
		}
		recorded++
		assert.Equal(s.t, d.Release[:12], found.Model[:12], "the record names the release that decided")
	}
	assert.Positive(s.t, recorded)
}

func TestExplain_DecisionsAreReproducedAcrossSwitchesInPlace(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2}, 25, 15, 45)
	s.downloads(0, 12, "2026-01-01T00:00:00Z")
	s.downloads(0, 5, "2026-01-01T01:00:00Z")
	s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(2), OnRelease: lineage.Fire})
	s.downloads(12, 16, "2026-01-01T02:00:00Z")
	s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(3), OnRelease: lineage.Mark})
	s.downloads(16, 20, "2026-01-01T03:00:00Z")
	s.downloads(16, 20, "2026-01-01T04:00:00Z")
	s.downloads(16, 20, "2026-01-01T05:00:00Z")
	s.explained()
}

func TestExplain_DecisionsAreReproducedAcrossReleasesBesideEachOther(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2}, 25, 15, 10)
	s.downloads(0, 10, "2026-01-01T00:00:00Z")
	send(t, s.nc, tick("2026-01-01T12:00:00Z"))
	id := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory})
	s.downloads(10, 14, "2026-01-02T00:00:00Z")
	old := lineage.ID(s.e.Lineages()[0].ID)
	s.order(lineage.Order{Op: lineage.Switch, Lineage: id, Keep: 3 * 86_400_000})
	s.downloads(14, 18, "2026-01-02T01:00:00Z")
	s.order(lineage.Order{Op: lineage.Switch, Lineage: old, Keep: 86_400_000, Recall: true, Since: 1})
	s.downloads(14, 22, "2026-01-02T02:00:00Z")
	fork := s.order(lineage.Order{Op: lineage.Start, Release: s.release(3), Origin: lineage.FromFork})
	s.order(lineage.Order{Op: lineage.Switch, Lineage: fork, OnRelease: lineage.Drip, PerDay: 3, Total: 9})
	send(t, s.nc, tick("2026-01-10T00:00:00Z"))
	s.settled()
	s.explained()
	require.NoError(t, stopEngine(s.e))
	s.e = nil

	// A lead as it was, under the release that was live then, and under another.
	_, err := engine.OpenExplainer(t.Context(), s.options(), "other")
	require.ErrorContains(t, err, `"other" is not live here; live are small`)
	x, err := engine.OpenExplainer(t.Context(), s.options(), "")
	require.NoError(t, err)
	defer x.Close()
	before := at(t, "2026-01-01T06:00:00Z")
	then, err := x.Past(t.Context(), "lead-001", before)
	require.NoError(t, err)
	defer then.Close()
	assert.EqualValues(t, 1, then.Release.Number)
	l := explained(t, then, "lead-001", before)
	assert.Equal(t, "15", l.Scores[0].Milli.String())
	assert.Equal(t, "recent >= 25: recent = 15 -> false", explain.Condition(&l.Routes[1])[0])
	now, err := x.Now(t.Context(), "lead-001")
	require.NoError(t, err)
	defer now.Close()
	assert.EqualValues(t, 3, now.Release.Number)
	under, err := x.Under(t.Context(), "lead-000", s.release(1), 0)
	require.NoError(t, err)
	defer under.Close()
	for _, told := range explained(t, under, "lead-000", at(t, "2026-01-01T01:00:00Z")).Routes {
		if told.Name == "warm" {
			assert.Equal(t, "recent >= 25", told.When)
			assert.Equal(t, "false", told.Is)
		}
	}
}

// Without a release nothing can be proved, and that is said.
func TestExplain_AReleaseThatIsNotAtHand(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 1}, 25, 15)
	s.downloads(0, 3, "2026-01-01T00:00:00Z")
	s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(2), OnRelease: lineage.Fire})
	s.downloads(3, 6, "2026-01-01T02:00:00Z")
	o := s.options()
	o.Workflow, o.Releases = s.works[0], engine.Given(s.works[0])
	all, err := engine.CheckAll(t.Context(), o)
	require.NoError(t, err)
	assert.False(t, all.Bad())
	assert.Less(t, all.Same, all.Decisions)
	assert.Contains(t, strings.Join(all.Notes, "\n"), "release 2 of workflow \"small\"")
}

func at(t *testing.T, text string) int64 {
	t.Helper()
	x, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return x.UnixMilli()
}

func explained(t *testing.T, s *engine.Story, key string, ms int64) *explain.Lead {
	t.Helper()
	l, err := explain.Of(s, explain.About{Policy: s.Work.Model.Policy, Release: fmt.Sprint(s.Release.Number)}, key, ms, s.Decisions)
	require.NoError(t, err)
	require.NotNil(t, l)
	require.Empty(t, explain.Unbalanced(l.Scores))
	return l
}

// What is gone by age cannot be proved; from where on it can be is said.
func TestExplain_HistoryThatIsGone(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 1}, 25)
	s.downloads(0, 3, "2026-01-01T00:00:00Z")
	s.downloads(0, 3, "2026-01-01T01:00:00Z")
	js, err := s.e.Conn().JetStream()
	require.NoError(t, err)
	info, err := js.StreamInfo(journal.EventsStream)
	require.NoError(t, err)
	require.NoError(t, js.PurgeStream(journal.EventsStream, &nats.StreamPurgeRequest{Sequence: info.State.LastSeq}))
	s.downloads(3, 5, "2026-01-01T02:00:00Z")
	s.downloads(3, 5, "2026-01-01T03:00:00Z")

	all, err := engine.CheckAll(t.Context(), s.options())
	require.NoError(t, err)
	assert.False(t, all.Bad(), "%v", all.Problems)
	assert.Equal(t, 4, all.Same, "nurture and sales of two leads that came later: %+v", all)
	assert.Equal(t, all.Decisions-4, all.Unmade)
	assert.Contains(t, strings.Join(all.Notes, "\n"), fmt.Sprintf("the events begin at sequence %d, received at 20", info.State.LastSeq))

	x, err := engine.OpenExplainer(t.Context(), s.options(), "")
	require.NoError(t, err)
	defer x.Close()
	for _, d := range s.published() {
		found, err := x.Find(t.Context(), d.ID)
		require.NoError(t, err)
		r, err := x.Reproduce(t.Context(), found)
		require.NoError(t, err)
		if late := d.Lead >= "lead-003"; assert.Equal(t, late, r.Same, d.Lead) && !late {
			assert.Contains(t, r.Why, "the history begins at sequence")
		}
	}
}
