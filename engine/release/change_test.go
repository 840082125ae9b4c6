package release_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// fleet stands for the engines of a test: two with a partition each, which obey
// orders at once, unless they are told to misbehave.
type fleet struct {
	t  *testing.T
	nc *nats.Conn

	mu     sync.Mutex
	orders []lineage.Order
	list   []release.LineageStatus // of partition 0; 1 has the same
	seq    uint64
	slow   bool // partition 1 never gets in step
	late   bool // the order to switch finds its lineage ended
	held   bool // partition 1 has not read the last order
	refuse string
	newly  int
}

func newFleet(t *testing.T, nc *nats.Conn) *fleet {
	f := &fleet{t: t, nc: nc, seq: 100, list: []release.LineageStatus{{ID: 1, Workflow: "w", Release: 1, Digest: "d1", Role: "live", Ready: true, Switch: 1}}}
	for p := range 2 {
		f.serve(release.VerbPrepare, func([]byte) (any, string) { return release.PrepareReply{}, f.refuse }, p)
		f.serve(release.VerbStatus, func([]byte) (any, string) { return f.status(p), "" }, p)
		f.serve(release.VerbPresent, func([]byte) (any, string) { return struct{}{}, "" }, p)
		f.serve(release.VerbCount, func([]byte) (any, string) {
			return []release.Newly{{Partition: p, Total: f.newly, Handoffs: f.newly, ByRoute: map[string]int{"sales-handoff/warm": f.newly}}}, ""
		}, p)
	}
	f.serve(release.VerbOrder, f.obey, 0)
	return f
}

func (f *fleet) serve(verb string, answer func([]byte) (any, string), p int) {
	sub, err := f.nc.Subscribe(release.OpPrefix+verb, func(m *nats.Msg) {
		f.mu.Lock()
		body, fault := answer(m.Data)
		f.mu.Unlock()
		raw, _ := json.Marshal(body)
		text, _ := json.Marshal(release.Reply{Engine: string(rune('a' + p)), Host: "host/" + string(rune('1'+p)), Partitions: []int{p}, Of: 2, Body: raw, Error: fault})
		_ = m.Respond(text)
	})
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = sub.Unsubscribe() })
}

func (f *fleet) status(p int) []release.LineageStatus {
	out := append([]release.LineageStatus(nil), f.list...)
	for i := range out {
		out[i].Partition, out[i].At = p, f.seq+1
		if f.held && p == 1 {
			out[i].At = f.seq
		}
		if f.slow && p == 1 && out[i].ID > 1 {
			out[i].Role, out[i].Ready, out[i].Lag = "building", false, 7
		}
	}
	return out
}

func (f *fleet) obey(text []byte) (any, string) {
	var request release.OrderRequest
	require.NoError(f.t, json.Unmarshal(text, &request))
	require.NotZero(f.t, request.Change)
	o, err := lineage.DecodeOrder(request.Order)
	if err != nil {
		return nil, err.Error()
	}
	f.orders, f.seq = append(f.orders, *o), f.seq+1
	switch o.Op {
	case lineage.Start:
		f.list = append(f.list, release.LineageStatus{ID: f.seq, Workflow: o.Workflow, Release: o.Release.Number, Digest: o.Release.Digest, Role: "shadow", Ready: true})
	case lineage.Stop:
		for i := range f.list {
			if f.list[i].ID == uint64(o.Lineage) {
				f.list = append(f.list[:i], f.list[i+1:]...)
				break
			}
		}
	case lineage.Switch:
		if f.late {
			f.list = f.list[:1]
			break
		}
		for i := range f.list {
			if f.list[i].Role = "shadow"; f.list[i].ID == uint64(o.Lineage) || o.InPlace {
				f.list[i].Role, f.list[i].Switch, f.list[i].First, f.list[i].Release = "live", f.seq, f.seq+5, o.Release.Number
				if o.InPlace {
					f.list[i].Digest = o.Release.Digest
				}
			}
		}
	}
	return release.OrderReply{Seq: f.seq, At: 1000}, ""
}

func (f *fleet) ops() (out []lineage.Op) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.orders {
		out = append(out, f.orders[i].Op)
	}
	return out
}

func (f *fleet) set(do func()) { f.mu.Lock(); do(); f.mu.Unlock() }

type bench struct {
	*fleet
	js    jetstream.JetStream
	store *release.Store
	cond  *release.Conductor
}

func setUp(t *testing.T) *bench {
	js := connect(t)
	s, err := release.Open(context.Background(), js, 1)
	require.NoError(t, err)
	_, err = s.AddFirst(context.Background(), release.Entry{Workflow: "w", Digest: "d1"})
	require.NoError(t, err)
	return benchOf(t, js, s)
}

func benchOf(t *testing.T, js jetstream.JetStream, s *release.Store) *bench {
	return &bench{newFleet(t, js.Conn()), js, s, &release.Conductor{Conn: js.Conn(), Store: s, Patience: release.Patience{Prepare: time.Second, Build: 300 * time.Millisecond, Switch: 5 * time.Second},
		Say: func(string, ...any) {}, Progress: func(uint64, uint64) {}}}
}

func candidate(terms release.Terms) release.Change {
	return release.Change{Verb: release.VerbApply, Owner: "test", Workflow: "w", Step: release.Begun, Terms: terms,
		Release: lineage.Release{Digest: "d2", Model: "m2"}, Entry: release.Entry{Workflow: "w", Digest: "d2", Model: "m2"}}
}

func (b *bench) hold(t *testing.T, terms release.Terms) *release.Held {
	h, err := b.store.Hold(context.Background(), b.nc, candidate(terms))
	require.NoError(t, err)
	return h
}

var free = release.Terms{MaxNew: -1, Keep: 1000}

func TestConductor_CarriesAChangeToItsEnd(t *testing.T) {
	b := setUp(t)
	out, err := b.cond.Run(context.Background(), b.hold(t, free))
	require.NoError(t, err)
	require.Equal(t, &release.Outcome{Workflow: "w", Release: 2, Lineage: 101, Newly: release.Count{ByRoute: map[string]int{"sales-handoff/warm": 0}}, Switch: 102, SwitchAt: 1000, First: 107}, out)
	require.Equal(t, []lineage.Op{lineage.Start, lineage.Switch}, b.ops())
	require.Equal(t, lineage.FromHistory, b.orders[0].Origin)
	require.EqualValues(t, 1000, b.orders[1].Keep)
	_, err = b.store.TakeOver(context.Background(), b.nc, "x")
	require.ErrorIs(t, err, release.ErrNoChange, "the lease is free")

	t.Run("in place", func(t *testing.T) {
		b := setUp(t)
		_, err := b.cond.Run(context.Background(), b.hold(t, release.Terms{NoRescore: true, MaxNew: -1}))
		require.NoError(t, err)
		require.Equal(t, []lineage.Op{lineage.Switch}, b.ops())
		require.True(t, b.orders[0].InPlace)
	})
	t.Run("a copy of the ledgers", func(t *testing.T) {
		b := setUp(t)
		_, err := b.cond.Run(context.Background(), b.hold(t, release.Terms{NoRescore: true, Keep: 5, MaxNew: -1}))
		require.NoError(t, err)
		require.Equal(t, lineage.FromFork, b.orders[0].Origin)
	})
	t.Run("a shadow", func(t *testing.T) {
		b := setUp(t)
		_, err := b.cond.Run(context.Background(), b.hold(t, release.Terms{NoSwitch: true}))
		require.NoError(t, err)
		require.Equal(t, []lineage.Op{lineage.Start}, b.ops())
	})
}

func TestConductor_AnEngineThatNeverBecomesReady(t *testing.T) {
	b := setUp(t)
	b.set(func() { b.slow = true })
	_, err := b.cond.Run(context.Background(), b.hold(t, free))
	require.ErrorIs(t, err, release.ErrNotReady)
	require.ErrorContains(t, err, "partition 1 (engine host/2) is building, 7 events behind")
	require.Equal(t, []lineage.Op{lineage.Start, lineage.Stop}, b.ops(), "the candidate is stopped")
	require.Len(t, b.list, 1)
	require.Equal(t, "live", b.list[0].Role)
	_, err = b.store.TakeOver(context.Background(), b.nc, "x")
	require.ErrorIs(t, err, release.ErrNoChange)
}

func TestConductor_ASwitchThatComesTooLate(t *testing.T) {
	b, ctx := setUp(t), context.Background()
	free := func(t *testing.T) {
		require.Equal(t, []lineage.Op{lineage.Start, lineage.Switch}, b.ops())
		_, err := b.store.TakeOver(ctx, b.nc, "x")
		require.ErrorIs(t, err, release.ErrNoChange, "the lease is free")
	}
	b.set(func() { b.late = true })
	began := time.Now()
	_, err := b.cond.Run(ctx, b.hold(t, release.Terms{MaxNew: -1, Keep: 1000}))
	require.ErrorIs(t, err, release.ErrPassed)
	require.NotErrorIs(t, err, release.ErrStays)
	require.ErrorContains(t, err, "at the switch point (position 102) release 2 had ended already, by the time of the stream; ripen rollback 2 builds it again")
	require.Less(t, time.Since(began), b.cond.Patience.Switch, "it does not wait for what cannot come")
	free(t)

	// As long as one partition has not read the order, nobody knows.
	b = setUp(t)
	b.cond.Patience.Switch = 300 * time.Millisecond
	b.set(func() { b.late, b.held = true, true })
	_, err = b.cond.Run(ctx, b.hold(t, release.Terms{MaxNew: -1, Keep: 1000}))
	require.NotErrorIs(t, err, release.ErrPassed)
	require.ErrorContains(t, err, "partition 1 is not there")
	h, err := b.store.TakeOver(ctx, b.nc, "next")
	require.NoError(t, err)
	require.ErrorContains(t, b.cond.Abort(ctx, h), "the switch point is written already")
	b.set(func() { b.held = false })
	require.NoError(t, b.cond.Abort(ctx, h), "a change that was left is given up as well")
	free(t)
}

func TestConductor_ARefusalLeavesNothing(t *testing.T) {
	b := setUp(t)
	b.set(func() { b.refuse = "it traps" })
	_, err := b.cond.Run(context.Background(), b.hold(t, free))
	require.ErrorContains(t, err, "it traps")
	require.Empty(t, b.ops())
	list, err := b.store.List(context.Background(), "w")
	require.NoError(t, err)
	require.Len(t, list, 1, "no number is used")
	b.set(func() { b.refuse = "" })
	b.cond.Confirm = func(release.Count) (bool, error) { return false, nil }
	_, err = b.cond.Run(context.Background(), b.hold(t, free))
	require.ErrorIs(t, err, release.ErrDeclined)
	require.Equal(t, []lineage.Op{lineage.Start, lineage.Stop}, b.ops())
}

func TestConductor_TooManyHandOffsWaitForAWord(t *testing.T) {
	b, ctx := setUp(t), context.Background()
	b.set(func() { b.newly = 3 }) // in each of two partitions
	_, err := b.cond.Run(ctx, b.hold(t, release.Terms{MaxNew: 5, Keep: 1000}))
	require.ErrorIs(t, err, release.ErrTooMany)
	require.ErrorContains(t, err, "6 (sales-handoff/warm 6), at most 5 are allowed")
	require.Equal(t, []lineage.Op{lineage.Start}, b.ops())
	h, err := b.store.TakeOver(ctx, b.nc, "somebody")
	require.NoError(t, err)
	h.Terms.MaxNew = 6
	out, err := b.cond.Run(ctx, h)
	require.NoError(t, err)
	require.EqualValues(t, 102, out.Switch)
	require.Equal(t, []lineage.Op{lineage.Start, lineage.Switch}, b.ops(), "it is not built again")

	b = setUp(t)
	b.set(func() { b.newly = 3 })
	_, err = b.cond.Run(ctx, b.hold(t, release.Terms{MaxNew: 5, Keep: 1000, OnRelease: lineage.Mark}))
	require.NoError(t, err, "what is marked is sent to nobody")
}

func TestLease_OneChangeAtATime(t *testing.T) {
	b, ctx := setUp(t), context.Background()
	h := b.hold(t, free)
	_, err := b.store.Hold(ctx, b.nc, candidate(free))
	require.ErrorIs(t, err, release.ErrBusy)
	require.ErrorContains(t, err, `apply of workflow "w" by test is at it since`)
	_, err = b.store.TakeOver(ctx, b.nc, "x")
	require.ErrorIs(t, err, release.ErrBusy, "while its holder is alive")

	stopped, cancel := context.WithCancel(ctx)
	b.set(func() { b.slow = true })
	b.cond.Patience.Build = time.Minute
	b.cond.Progress = func(uint64, uint64) { cancel() }
	_, err = b.cond.Run(stopped, h)
	require.Error(t, err)
	require.Equal(t, []lineage.Op{lineage.Start}, b.ops(), "an interrupted change is left as it is")
	_, err = b.store.Hold(ctx, b.nc, candidate(free))
	require.ErrorIs(t, err, release.ErrLeft)
	require.ErrorContains(t, err, `apply of release 2 of workflow "w" by test began at`)
	require.ErrorContains(t, err, `was left at "building"; go on with ripen apply --continue, or give it up with ripen apply --abort`)

	next, err := b.store.TakeOver(ctx, b.nc, "next")
	require.NoError(t, err)
	require.ErrorIs(t, h.To(ctx, release.Switched), release.ErrTaken, "the former holder is out")
	b.set(func() { b.slow = false })
	out, err := b.cond.Run(ctx, next)
	require.NoError(t, err)
	require.EqualValues(t, 2, out.Release)
	require.Equal(t, []lineage.Op{lineage.Start, lineage.Switch}, b.ops(), "it is not begun again")
}

func TestLease_GivenUp(t *testing.T) {
	b, ctx := setUp(t), context.Background()
	h := b.hold(t, free)
	stopped, cancel := context.WithCancel(ctx)
	b.set(func() { b.slow = true })
	b.cond.Patience.Build = time.Minute
	b.cond.Progress = func(uint64, uint64) { cancel() }
	_, err := b.cond.Run(stopped, h)
	require.Error(t, err)
	next, err := b.store.TakeOver(ctx, b.nc, "next")
	require.NoError(t, err)
	require.NoError(t, b.cond.Abort(ctx, next))
	require.Equal(t, []lineage.Op{lineage.Start, lineage.Stop}, b.ops())
	require.Len(t, b.list, 1)
	h = b.hold(t, free)
	h.Step, h.Switch.Seq = release.Switched, b.seq+1
	require.ErrorContains(t, b.cond.Abort(ctx, h), "ripen rollback")
}
