package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

func TestClaimCommitRestore(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(2)
	require.EqualValues(t, 1, pt.Epoch())
	rec, err := pt.Commit(t.Context(), nil, Record{Pos: Position{Seq: 5, Index: 2}, Clock: 7, Lineages: deltaOf([]byte("one"))})
	require.NoError(t, err)
	require.EqualValues(t, 2, rec.Number)
	_, err = pt.Commit(t.Context(), outputs(3, "d"), Record{Pos: Position{Seq: 9}, Clock: 8, Lineages: deltaOf([]byte("two"))})
	require.NoError(t, err)
	require.Equal(t, []string{"d 0", "d 1", "d 2"}, b.stored("ripen.out.>"))

	next := b.claim(2)
	require.EqualValues(t, 2, next.Epoch())
	require.Equal(t, Position{Seq: 9}, next.Claimed().Pos, "a claim carries the position over")
	require.EqualValues(t, 8, next.Claimed().Clock)
	rs := b.restore(next)
	require.Len(t, rs, 4)
	require.Equal(t, []RecordKind{KindClaim, KindCommit, KindCommit, KindClaim},
		[]RecordKind{rs[0].Kind, rs[1].Kind, rs[2].Kind, rs[3].Kind})
	require.Equal(t, rec, rs[1])
	require.Equal(t, "two", string(rs[2].Lineages[0].Delta))
	require.Equal(t, rs[2].Seq, rs[3].Prev)

	other := b.claim(1)
	require.Len(t, b.restore(other), 1, "partitions do not see each other")
}

func TestZombieIsFencedWithItsDecisions(t *testing.T) {
	for name, outs := range map[string]int{"single": 0, "batch": 5} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			zombie := b.claim(0)
			_, err := zombie.Commit(t.Context(), outputs(outs, "before"), Record{})
			require.NoError(t, err)
			heir := b.claim(0)
			_, err = zombie.Commit(t.Context(), outputs(outs, "zombie"), Record{Lineages: deltaOf([]byte("zombie"))})
			require.ErrorIs(t, err, ErrFenced)
			_, err = zombie.Commit(t.Context(), nil, Record{})
			require.ErrorIs(t, err, ErrFenced, "it stays fenced")
			_, err = heir.Commit(t.Context(), outputs(outs, "heir"), Record{Lineages: deltaOf([]byte("heir"))})
			require.NoError(t, err)
			require.Len(t, b.stored("ripen.out.>"), 2*outs)
			require.NotContains(t, b.stored("ripen.out.>"), "zombie 0")
			for _, r := range b.restore(b.claim(0)) {
				require.NotEqual(t, "zombie", deltaIn(&r))
			}
		})
	}
}

func TestConcurrentClaimsAreOrdered(t *testing.T) {
	b := newBench(t, Config{})
	const n = 8
	epochs := make([]uint64, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				pt, err := b.j.Claim(context.Background(), 0)
				if errors.Is(err, ErrFenced) {
					continue
				}
				if err == nil {
					epochs[i] = pt.Epoch()
				}
				return
			}
		}()
	}
	wg.Wait()
	require.ElementsMatch(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8}, epochs, "every epoch has one owner")
	require.Len(t, b.restore(b.claim(0)), n+1)
}

func TestCommitsAreWholeOrAbsent(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	live, err := b.nc.SubscribeSync("ripen.decisions.>")
	require.NoError(t, err)
	require.NoError(t, b.nc.Flush())
	_, err = pt.Commit(t.Context(), outputs(MaxOutputs, "d"), Record{})
	require.NoError(t, err)
	require.Len(t, b.stored("ripen.out.>"), MaxOutputs)
	for i := range MaxOutputs {
		m, err := live.NextMsg(5 * time.Second)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("d ", i), string(m.Data), "in order")
		require.Equal(t, fmt.Sprint("d", i), m.Header.Get("ce-id"))
	}

	_, err = pt.Commit(t.Context(), outputs(maxBatch, "x"), Record{})
	require.ErrorIs(t, err, ErrTooLarge)
	require.Len(t, b.stored("ripen.out.>"), MaxOutputs)
}

func TestAnUnfinishedBatchIsInvisible(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	nc, err := b.srv.Connect("dies")
	require.NoError(t, err)
	for i := range 10 {
		require.NoError(t, nc.PublishMsg(&nats.Msg{Subject: DecisionSubject("b2b", "handoff"), Data: []byte("torn"), Header: nats.Header{
			headerBatchID: {"torn"}, headerBatchSeq: {fmt.Sprint(i + 1)}}}))
	}
	require.NoError(t, nc.Flush())
	nc.Close()
	require.NoError(t, b.srv.Restart())
	_, err = pt.Commit(t.Context(), outputs(2, "whole"), Record{})
	require.NoError(t, err)
	require.Equal(t, []string{"whole 0", "whole 1"}, b.stored("ripen.out.>"))
}

func TestPipelinedCommitsStayInOrder(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	var pending []*Pending
	for i := range 20 {
		pending = append(pending, pt.CommitAsync(t.Context(), outputs(i%3, fmt.Sprint("c", i)), Record{Clock: int64(i)}))
	}
	for i, c := range pending {
		r, err := c.Wait(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, i, r.Clock)
		require.EqualValues(t, i+2, r.Number)
	}
	require.Len(t, b.restore(b.claim(0)), 22)
}

func TestAFailedCommitFailsThoseBehindIt(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	heir := b.claim(0)
	first := pt.CommitAsync(t.Context(), nil, Record{})
	second := pt.CommitAsync(t.Context(), outputs(1, "x"), Record{})
	_, err := first.Wait(t.Context())
	require.ErrorIs(t, err, ErrFenced)
	_, err = second.Wait(t.Context())
	require.ErrorIs(t, err, ErrFenced)
	require.Empty(t, b.stored("ripen.out.>"))
	require.Len(t, b.restore(heir), 2)
}

func TestDiskFloor(t *testing.T) {
	free := uint64(1 << 30)
	b := newBench(t, Config{FreeBytes: func() (uint64, error) { return free, nil }, FreeFloor: 64 << 20})
	pt := b.claim(0)
	free = 63 << 20
	_, err := pt.Commit(t.Context(), outputs(1, "x"), Record{})
	require.ErrorIs(t, err, ErrDiskLow)
	require.ErrorContains(t, err, "63 MiB are free, 64 MiB are the floor")
	require.Empty(t, b.stored("ripen.out.>"))
	_, err = b.j.Claim(t.Context(), 1)
	require.ErrorIs(t, err, ErrDiskLow)
}

func TestRecordLargerThanTheServerTakes(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	huge := make([]byte, 9<<20)
	for i := range huge { // incompressible
		huge[i] = byte(uint32(i) * 2654435761 >> 13)
	}
	_, err := pt.Commit(t.Context(), []Output{{Subject: DecisionSubject("a", "b"), Data: huge}}, Record{})
	require.ErrorIs(t, err, ErrTooLarge)
}

func TestRefusedCommit(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	s, err := b.js.Stream(t.Context(), JournalStream)
	require.NoError(t, err)
	cfg := s.CachedInfo().Config
	cfg.MaxBytes = int64(s.CachedInfo().State.Bytes) + 10
	_, err = b.js.UpdateStream(t.Context(), cfg)
	require.NoError(t, err)
	_, err = pt.Commit(t.Context(), outputs(3, "x"), Record{})
	require.ErrorIs(t, err, ErrRefused)
	require.Empty(t, b.stored("ripen.out.>"))
}

func TestCommitSurvivesRestartOfTheServer(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	for i := range 5 {
		if i == 2 {
			go func() { _ = b.srv.Restart() }() // its failure fails the commits below
		}
		_, err := pt.Commit(t.Context(), outputs(4, fmt.Sprint("c", i)), Record{Clock: int64(i)})
		require.NoError(t, err)
	}
	require.Len(t, b.stored("ripen.out.>"), 20, "each once")
	require.Len(t, b.restore(b.claim(0)), 7)
}

// damage rewrites the journal behind the engine's back: it deletes the record
// at a position and may publish another in its place.
func (b *bench) delete(seq uint64) {
	b.t.Helper()
	s, err := b.js.Stream(b.t.Context(), JournalStream)
	require.NoError(b.t, err)
	require.NoError(b.t, s.DeleteMsg(b.t.Context(), seq))
}

func TestHoleInTheJournalStopsThePartition(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	var seqs []uint64
	for range 4 {
		r, err := pt.Commit(t.Context(), nil, Record{})
		require.NoError(t, err)
		seqs = append(seqs, r.Seq)
	}
	b.delete(seqs[1])
	heir := b.claim(0)
	n := 0
	err := heir.Restore(t.Context(), func(Record) error { n++; return nil })
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, fmt.Sprintf("ripen.j.0 at sequence %d: it follows sequence %d", seqs[2], seqs[1]))
	require.Equal(t, 2, n, "nothing behind the hole is applied")
	require.Len(t, b.restore(b.claim(1)), 1, "others go on")
}

func TestRewrittenRecordStopsThePartition(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	r, err := pt.Commit(t.Context(), nil, Record{Lineages: deltaOf([]byte("true"))})
	require.NoError(t, err)
	forged := Record{Kind: KindCommit, Epoch: 1, Number: 3, Prev: r.Seq, Input: r.Input, Lineages: deltaOf([]byte("forged"))}
	data, _ := forged.encode(new(scratch), [32]byte{1, 2, 3}) // a chain that it cannot know
	_, err = b.js.Publish(t.Context(), RecordSubject(0), data)
	require.NoError(t, err)
	err = b.claim(0).Restore(t.Context(), func(Record) error { return nil })
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, "does not continue the chain")
}

func TestUnreadableRecordStopsThePartition(t *testing.T) {
	b := newBench(t, Config{})
	b.claim(0)
	ack, err := b.js.Publish(t.Context(), RecordSubject(0), []byte("garbage"))
	require.NoError(t, err)
	_, err = b.j.Claim(t.Context(), 0)
	require.ErrorIs(t, err, ErrCorrupt)
	require.ErrorContains(t, err, fmt.Sprintf("sequence %d", ack.Sequence))
}

func TestRestoreOfAFencedOwner(t *testing.T) {
	b := newBench(t, Config{})
	old := b.claim(0)
	b.claim(0)
	require.NoError(t, old.Restore(t.Context(), func(Record) error { return nil }), "what it owned it may read")
	_, err := old.Commit(t.Context(), nil, Record{})
	require.ErrorIs(t, err, ErrFenced)
}

func TestResume(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	b.restore(pt)
	pos, rewound, err := pt.Resume(t.Context())
	require.NoError(t, err)
	require.Equal(t, Position{Seq: 1}, pos)
	require.False(t, rewound)

	b.publish(EventSubject(0), 10)
	commit := func(seq uint64, data string) {
		_, err := pt.Commit(t.Context(), nil, Record{Pos: Position{Seq: seq + 1}, InputSeq: seq, InputHash: HashInput([]byte(data))})
		require.NoError(t, err)
	}
	commit(4, "ripen.ev.0 3")
	commit(6, "ripen.ev.0 5")
	pt = b.claim(0)
	b.restore(pt)
	pos, rewound, err = pt.Resume(t.Context())
	require.NoError(t, err)
	require.Equal(t, Position{Seq: 7}, pos)
	require.False(t, rewound)

	commit(7, "another message that was there once")
	commit(30, "a message behind the end")
	pt = b.claim(0)
	b.restore(pt)
	pos, rewound, err = pt.Resume(t.Context())
	require.NoError(t, err)
	require.Equal(t, Position{Seq: 7}, pos, "back to the newest record whose input is there")
	require.True(t, rewound)
}

func TestReplacedEventsStreamIsNoticed(t *testing.T) {
	b := newBench(t, Config{})
	pt := b.claim(0)
	_, err := pt.Commit(t.Context(), nil, Record{Pos: Position{Seq: 2}, InputSeq: 1})
	require.NoError(t, err)
	r, err := b.j.NewReader(t.Context(), 0, Position{}, ReaderOptions{})
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, b.js.DeleteStream(t.Context(), EventsStream))
	_, err = b.js.CreateStream(t.Context(), eventsConfig(Config{Partitions: 4}.withDefaults()))
	require.NoError(t, err)

	_, err = r.Next(t.Context())
	require.ErrorIs(t, err, ErrReplaced)
	_, _, j := b.engine(Config{})
	again, err := j.Claim(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, again.Restore(t.Context(), func(Record) error { return nil }))
	_, _, err = again.Resume(t.Context())
	require.ErrorIs(t, err, ErrReplaced)
}

func TestControlLine(t *testing.T) {
	b := newBench(t, Config{})
	one, err := b.j.OpenControl(t.Context())
	require.NoError(t, err)
	two, err := b.j.OpenControl(t.Context())
	require.NoError(t, err)
	require.NoError(t, one.Tick(t.Context(), 60_000))
	require.NoError(t, two.Tick(t.Context(), 60_000), "the other's tick is as good")
	require.NoError(t, two.Tick(t.Context(), 60_000))
	info, err := b.j.info(t.Context(), EventsStream)
	require.NoError(t, err)
	require.EqualValues(t, 1, info.State.Msgs)

	require.NoError(t, two.Tick(t.Context(), 120_000))
	_, err = one.Publish(t.Context(), Control{Type: ControlRelease, At: 61_000, Body: []byte(`{"release":"r1"}`)})
	require.ErrorIs(t, err, ErrFenced)
	seq, err := one.Publish(t.Context(), Control{Type: ControlRelease, At: 61_000, Body: []byte(`{"release":"r1"}`)})
	require.NoError(t, err)
	require.EqualValues(t, 3, seq)
	require.EqualValues(t, 120_000, one.Last().At, "time does not run backwards")

	m, err := b.j.events.GetMsg(t.Context(), seq)
	require.NoError(t, err)
	c, err := DecodeControl(m.Data)
	require.NoError(t, err)
	require.Equal(t, Control{ControlRelease, 120_000, []byte(`{"release":"r1"}`)}, c)

	_, err = b.js.Publish(t.Context(), ControlSubject, []byte("garbage"))
	require.NoError(t, err)
	three, err := b.j.OpenControl(t.Context())
	require.NoError(t, err)
	require.NoError(t, three.Tick(t.Context(), 180_000))
}

func TestSubscribers(t *testing.T) {
	b := newBench(t, Config{})
	sub, err := b.j.ServeSubscribers(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, sub.Unsubscribe()) }()
	nc, err := nats.Connect(b.srv.URL()) // an anonymous client
	require.NoError(t, err)
	defer nc.Close()
	ask := func(body string) string {
		m, err := nc.Request(SubscribeSubject, []byte(body), 5*time.Second)
		require.NoError(t, err)
		return string(m.Data)
	}
	want := `{"stream":"RIPEN_JOURNAL","consumer":"crm"}`
	require.JSONEq(t, want, ask(`{"name":"crm","filter":"b2b.handoff"}`))
	require.JSONEq(t, want, ask(`{"name":"crm","filter":"b2b.handoff"}`), "again is fine")
	for body, says := range map[string]string{
		`{"name":"crm","filter":"b2b.>"}`: "exists with the filter", `{"name":"a b"}`: "expected 1 to 64",
		`{"name":"x","filter":"a..b"}`: "filter", `{"name":"x","filter":"> "}`: "filter", `{"name":"x","from":"then"}`: "from",
		`nonsense`: "expected {",
	} {
		require.Contains(t, ask(body), says)
	}

	pt := b.claim(0)
	_, err = pt.Commit(t.Context(), append(outputs(2, "d"), Output{Subject: DecisionSubject("other", "x"), Data: []byte("no")}), Record{})
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	cons, err := js.Consumer(t.Context(), JournalStream, "crm")
	require.NoError(t, err)
	for i := range 2 {
		m, err := cons.Next(jetstream.FetchMaxWait(5 * time.Second))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("d ", i), string(m.Data()))
		require.NoError(t, m.DoubleAck(t.Context()), "even the acknowledgement is acknowledged")
	}
	_, err = cons.Next(jetstream.FetchMaxWait(100 * time.Millisecond))
	require.ErrorIs(t, err, nats.ErrTimeout)
}

// Anybody may subscribe, so that places must come free again.
func TestSubscribers_PlacesComeFree(t *testing.T) {
	b := newBench(t, Config{})
	ctx := t.Context()
	require.NoError(t, b.j.EnsureSubscriber(ctx, Subscriber{Name: "crm", From: "all"}))
	info, err := b.js.Consumer(ctx, JournalStream, "crm")
	require.NoError(t, err)
	require.Equal(t, 90*24*time.Hour, info.CachedInfo().Config.InactiveThreshold)
	_, err = b.claim(0).Commit(ctx, outputs(3, "one"), Record{})
	require.NoError(t, err)
	batch, err := info.Fetch(1)
	require.NoError(t, err)
	for m := range batch.Messages() {
		require.NoError(t, m.DoubleAck(ctx))
	}
	for i := range MaxSubscribers - 1 {
		require.NoError(t, b.j.EnsureSubscriber(ctx, Subscriber{Name: fmt.Sprintf("spam-%03d", i), Filter: "b2b.handoff"}))
	}
	err = b.j.EnsureSubscriber(ctx, Subscriber{Name: "late"})
	require.ErrorIs(t, err, ErrSubscriber)
	require.ErrorContains(t, err, "there are 256 already, at most 256 fit; the operator removes")

	list, err := b.j.Subscribers(ctx)
	require.NoError(t, err)
	require.Len(t, list, MaxSubscribers)
	require.Equal(t, "crm", list[0].Name)
	require.EqualValues(t, 2, list[0].Waiting)
	require.Positive(t, list[0].Used)
	require.True(t, list[0].Known)
	require.Equal(t, Subscribed{Name: "spam-000", Filter: "b2b.handoff", Created: list[1].Created}, list[1])

	require.NoError(t, b.srv.Restart())
	require.Eventually(t, func() bool {
		list, err = b.j.Subscribers(ctx)
		return err == nil && len(list) == MaxSubscribers
	}, 20*time.Second, 20*time.Millisecond)
	require.True(t, list[0].Known, "the server has forgotten when, but not that")
	require.False(t, list[1].Known)
	require.NoError(t, b.j.makeRoom(ctx, 0))
	_, err = b.js.Consumer(ctx, JournalStream, "crm")
	require.NoError(t, err, "who was used makes no room")
	require.NoError(t, b.j.EnsureSubscriber(ctx, Subscriber{Name: "late"}))
	require.ErrorIs(t, b.j.RemoveSubscriber(ctx, "spam-000"), ErrSubscriber, "it made room")
	require.NoError(t, b.j.RemoveSubscriber(ctx, "spam-001"))
	list, err = b.j.Subscribers(ctx)
	require.NoError(t, err)
	require.Len(t, list, MaxSubscribers-1)
	require.ErrorIs(t, b.j.RemoveSubscriber(ctx, "*"), ErrSubscriber)
}
