package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// changes is two engines that share the partitions of a server of their own, and
// an operator with another release for them.
type changes struct {
	op      *engine.Operator
	conduct *release.Conductor
	next    lineage.Release
}

func openChanges(t *testing.T) *changes {
	ctx := t.Context()
	url := openServer(t)
	live := open(t, folderOf(t, small, nil))
	next := open(t, folderOf(t, small+"# another\nlabel \"any\" { default = true }\n", nil))
	var engines []*engine.Engine
	for range 2 {
		e, err := engine.New(ctx, engine.Options{Workflow: live, NATS: url, CacheDir: cacheDir(t), SnapshotEvery: -1})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, e.Stop(context.Background())) })
		engines = append(engines, e)
	}
	ready(t, engines...)
	op, err := engine.Operate(ctx, engine.Options{NATS: url})
	require.NoError(t, err)
	t.Cleanup(op.Close)
	require.NoError(t, op.Store().Put(ctx, next.Bundle, next.Modules()))
	return &changes{op: op, next: lineage.Release{Digest: next.Bundle.Digest(), Model: next.Model.Digest},
		conduct: &release.Conductor{Conn: op.Conn(), Store: op.Store(), Say: t.Logf, Progress: func(uint64, uint64) {},
			Patience: release.Patience{Prepare: time.Minute, Build: 20 * time.Second, Switch: 20 * time.Second}}}
}

// hold begins a change.
func (s *changes) hold(t *testing.T, c release.Change) *release.Held { //nolint:gocritic // as a literal
	c.Owner, c.Workflow = "test", "small"
	c.Entry = release.Entry{Workflow: "small", Number: c.Release.Number, Digest: c.Release.Digest, Model: c.Release.Model}
	h, err := s.op.Store().Hold(t.Context(), s.op.Conn(), c)
	require.NoError(t, err)
	return h
}

func (s *changes) apply(t *testing.T, terms release.Terms) *release.Outcome {
	out, err := s.conduct.Run(t.Context(), s.hold(t, release.Change{Verb: release.VerbApply, Step: release.Begun, Release: s.next, Terms: terms}))
	require.NoError(t, err)
	return out
}

// statuses are those of one role, one of each partition.
func (s *changes) statuses(t *testing.T, role lineage.Role) (out []release.LineageStatus) {
	list, partitions, err := release.Statuses(t.Context(), s.op.Conn())
	require.NoError(t, err)
	require.Equal(t, 4, partitions)
	for _, l := range list {
		if l.Role == role.String() {
			out = append(out, l)
		}
	}
	require.Len(t, out, 4)
	return out
}

// TestApply_AllEnginesSwitchAtOnePosition makes another release live on two
// engines.
func TestApply_AllEnginesSwitchAtOnePosition(t *testing.T) {
	s := openChanges(t)
	for n, terms := range []release.Terms{{MaxNew: 0, Keep: 60_000}, {MaxNew: 0, NoRescore: true, Keep: 60_000}, {MaxNew: 0, NoRescore: true}} {
		out := s.apply(t, terms)
		require.EqualValues(t, n+2, out.Release)
		for _, l := range s.statuses(t, lineage.Live) {
			require.Equal(t, out.Switch, l.Switch, "all partitions switch at one position")
			require.Equal(t, out.Release, l.Release)
		}
	}
	list, err := s.op.Store().List(t.Context(), "small")
	require.NoError(t, err)
	require.Len(t, list, 4)
}

// TestRollback_AfterTheEndOfWhatWasKept goes back to a release whose time ends
// while the operator is being asked.
func TestRollback_AfterTheEndOfWhatWasKept(t *testing.T) {
	s := openChanges(t)
	s.apply(t, release.Terms{MaxNew: 0, Keep: 1500})
	kept := s.statuses(t, lineage.Shadow)[0]
	h := s.hold(t, release.Change{Verb: release.VerbRollback, Step: release.Ready, Kept: true, Lineage: lineage.ID(kept.ID), Terms: release.Terms{MaxNew: -1, Keep: 60_000},
		Release: lineage.Release{Number: kept.Release, Digest: kept.Digest, Model: kept.Model}})
	s.conduct.Confirm = func(release.Count) (bool, error) {
		time.Sleep(time.Until(time.UnixMilli(kept.Until)) + 10*time.Millisecond)
		return true, nil
	}
	_, err := s.conduct.Run(t.Context(), h)
	require.ErrorIs(t, err, release.ErrPassed)
	require.NotErrorIs(t, err, release.ErrStays)
	for _, l := range s.statuses(t, lineage.Live) {
		require.EqualValues(t, 2, l.Release)
	}
	s.conduct.Confirm = nil
	s.apply(t, release.Terms{MaxNew: -1, NoRescore: true}) // the next change may begin
}

// TestApply_FindsAnOrderWhoseAnswerWasLost has a switch written that the one who
// ordered it does not hear of.
func TestApply_FindsAnOrderWhoseAnswerWasLost(t *testing.T) {
	s := openChanges(t)
	h := s.hold(t, release.Change{Verb: release.VerbApply, Step: release.Begun, Release: s.next, Terms: release.Terms{MaxNew: 0, NoRescore: true}})
	var order release.OrderReply
	s.conduct.Confirm = func(release.Count) (bool, error) {
		o := lineage.Order{Op: lineage.Switch, Workflow: "small", Release: h.Release, InPlace: true}
		var err error
		order, err = release.AskOrder(t.Context(), s.op.Conn(), &o, h)
		return false, err
	}
	_, err := s.conduct.Run(t.Context(), h)
	require.ErrorIs(t, err, release.ErrStays, "it cannot be given up any more")
	require.ErrorContains(t, err, "the switch point is written already")
	s.conduct.Confirm = nil
	h, err = s.op.Store().TakeOver(t.Context(), s.op.Conn(), "next")
	require.NoError(t, err)
	out, err := s.conduct.Run(t.Context(), h)
	require.NoError(t, err)
	require.Equal(t, order.Seq, out.Switch)
}

// TestApply_AnOrderThatComesTooLate is what an engine finds that was stopped with
// the request in its hands: the change was given up, or goes on elsewhere.
func TestApply_AnOrderThatComesTooLate(t *testing.T) {
	s := openChanges(t)
	change := release.Change{Verb: release.VerbApply, Step: release.Begun, Release: s.next, Terms: release.Terms{MaxNew: -1, NoRescore: true}}
	h := s.hold(t, change)
	s.conduct.Confirm = func(release.Count) (bool, error) { return false, nil }
	_, err := s.conduct.Run(t.Context(), h)
	require.ErrorIs(t, err, release.ErrDeclined)
	order := lineage.Order{Op: lineage.Switch, Workflow: "small", Release: h.Release, InPlace: true}
	_, err = release.AskOrder(t.Context(), s.op.Conn(), &order, h)
	require.ErrorContains(t, err, "somebody else took this change over, or it has ended")

	change.Release = h.Release
	left := s.hold(t, change)
	left.Leave()
	next, err := s.op.Store().TakeOver(t.Context(), s.op.Conn(), "next")
	require.NoError(t, err)
	_, err = release.AskOrder(t.Context(), s.op.Conn(), &order, left)
	require.ErrorContains(t, err, "somebody else took this change over, or it has ended")
	for _, l := range s.statuses(t, lineage.Live) {
		require.EqualValues(t, 1, l.Release)
	}
	s.conduct.Confirm = nil
	_, err = s.conduct.Run(t.Context(), next)
	require.NoError(t, err)
	for _, l := range s.statuses(t, lineage.Live) {
		require.Equal(t, h.Release.Number, l.Release)
	}
}

// TestApply_AnOrderThatPartitionsHaveInFrontOfThem was written by another engine,
// on the stream's own clock, which writes no tick for it.
func TestApply_AnOrderThatPartitionsHaveInFrontOfThem(t *testing.T) {
	for _, clock := range []engine.Clock{engine.ClockWall, engine.ClockStream} {
		t.Run(string(clock), func(t *testing.T) {
			url := openServer(t)
			next := open(t, folderOf(t, small+"# another\nlabel \"any\" { default = true }\n", nil))
			e, err := engine.New(t.Context(), engine.Options{Workflow: open(t, folderOf(t, small, nil)), NATS: url, CacheDir: cacheDir(t), Clock: clock, SnapshotEvery: -1})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, stopEngine(e)) })
			ready(t, e)
			op, err := engine.Operate(t.Context(), engine.Options{NATS: url})
			require.NoError(t, err)
			t.Cleanup(op.Close)
			require.NoError(t, op.Store().Put(t.Context(), next.Bundle, next.Modules()))
			c := &release.Conductor{Conn: op.Conn(), Store: op.Store(), Say: t.Logf, Progress: func(uint64, uint64) {},
				Patience: release.Patience{Prepare: time.Minute, Build: 20 * time.Second, Switch: 20 * time.Second}}
			r := lineage.Release{Number: 2, Digest: next.Bundle.Digest(), Model: next.Model.Digest}
			h, err := op.Store().Hold(t.Context(), op.Conn(), release.Change{Verb: release.VerbApply, Owner: "test", Workflow: "small", Step: release.Ready, Release: r,
				Entry: release.Entry{Workflow: "small", Number: 2, Digest: r.Digest, Model: r.Model}, Terms: release.Terms{MaxNew: -1, NoRescore: true}})
			require.NoError(t, err)
			free := make(chan struct{})
			e.HoldPartitions(t.Context(), free)
			require.NoError(t, e.ForeignOrder(t.Context(), &lineage.Order{Op: lineage.Switch, Workflow: "small", Release: r, InPlace: true}))
			time.AfterFunc(300*time.Millisecond, func() { close(free) })
			require.ErrorContains(t, c.Abort(t.Context(), h), "the switch point is written already")
			h.Leave()
		})
	}
}
