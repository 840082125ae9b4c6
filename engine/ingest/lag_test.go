package ingest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/journal"
)

func TestEngineBehindIsAnErrorWithAdvice(t *testing.T) {
	var scored atomic.Uint64
	var mine atomic.Bool
	mine.Store(true)
	b := newBench(t, journal.Config{}, func(o *Options) {
		o.MaxLag = 100
		o.Scored = func(int) (uint64, bool) { return scored.Load(), mine.Load() }
	})
	nc := b.client()
	send := func(n, from int) (accepted int, f *Failure) {
		for i := range n {
			a := ask(t, nc, event(fmt.Sprint("lead-", i%7), fmt.Sprint(from+i)))
			if a.Error != nil {
				require.Zero(t, a.Accepted)
				return accepted, a.Error
			}
			accepted += a.Accepted
		}
		return accepted, nil
	}
	accepted, f := send(1000, 0)
	require.Equal(t, 100, accepted, "the bound is kept")
	require.Equal(t, CodeBehind, f.Code)
	require.Contains(t, f.Reason, "100 stored events wait to be scored, the bound is 100")
	require.Positive(t, f.RetryAfter)
	a, err := b.in.Accept(t.Context(), []byte(event("ada", "in process")))
	require.NoError(t, err)
	require.Equal(t, CodeBehind, a.Error.Code, "in process too")

	scored.Store(51) // the events before sequence 51 are scored
	accepted, f = send(1000, 1000)
	require.Equal(t, 50, accepted)
	require.Equal(t, CodeBehind, f.Code)

	mine.Store(false) // another engine has the partitions: this door knows nothing of them
	accepted, f = send(100, 2000)
	require.Equal(t, 100, accepted)
	require.Nil(t, f)
	require.Equal(t, 250, total(b.events()), "what was refused is not stored, what was accepted is")
}

func total(leads map[string][]string) (n int) {
	for _, ids := range leads {
		n += len(ids)
	}
	return n
}

func TestBacklogStaysSmall(t *testing.T) {
	next := uint64(0)
	l := newLag(Options{Partitions: 1, MaxLag: 1_000_000, Scored: func(int) (uint64, bool) { return next, true }}.logged())
	for seq := range uint64(900_000) {
		l.stored(0, seq+1, 1)
	}
	require.LessOrEqual(t, len(l.parts[0].steps), 2*lagSteps+1)
	require.Nil(t, l.refuses())
	for seq := range uint64(100) {
		l.stored(0, 900_001+seq, 4096)
	}
	require.Equal(t, CodeBehind, l.refuses().Code)
	next = 900_002
	require.EqualValues(t, 900_000+4096*100, l.count.Load())
	require.Nil(t, l.refuses())
	require.LessOrEqual(t, l.count.Load(), int64(99*4096+1_000_000/lagSteps+4096), "at most one step too many")
	next = 1_000_000
	l.count.Add(l.o.MaxLag) // as if the bound were reached
	require.NotNil(t, l.refuses())
	l.count.Add(-l.o.MaxLag)
	require.Zero(t, l.count.Load(), "all is scored")
	require.Empty(t, l.parts[0].steps)
}

func TestLagWithoutABoundKeepsNothing(t *testing.T) {
	for _, o := range []Options{
		{Partitions: 1, MaxLag: 10},
		{Partitions: 1, MaxLag: -1, Scored: func(int) (uint64, bool) { return 0, true }},
	} {
		l := newLag(o.logged())
		for seq := range uint64(1000) {
			l.stored(0, seq, 5)
		}
		require.Nil(t, l.refuses())
		require.Empty(t, l.parts[0].steps)
	}
}
