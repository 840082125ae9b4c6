package core_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/step"
)

// again is an attempt to score an event after all.
func again(in core.Input, attempt uint32) core.Input {
	r := &lead.Redrive{Workflow: "kit", Attempt: attempt}
	in.Event.ID, in.Event.Redrive = lead.RedriveID(in.Event.ID, r), r
	return in
}

func TestRedrive_OfWhatWasAcceptedIsADuplicate(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	good := e.track("a", "Email Opened", start)
	bad := e.track("a", "Email Opened", start+1, "fail", "soft", "in", "behavior")
	mended := bad
	mended.Event.Props = nil
	for _, tc := range []struct {
		name       string
		in         core.Input
		dup        int
		rejected   int
		totalAfter lead.Points
	}{
		{"accepted", good, 0, 0, 5},
		{"accepted, driven again", again(good, 1), 1, 0, 5},
		{"refused", bad, 0, 1, 5},
		{"refused, sent again", bad, 1, 0, 5},
		{"driven again, refused again", again(bad, 1), 0, 1, 5},
		{"the same attempt", again(mended, 1), 1, 0, 5},
		{"the next attempt", again(mended, 2), 0, 0, 10},
		{"and one too many", again(mended, 3), 1, 0, 10},
		{"unknown, driven again", again(e.track("a", "Email Opened", start+2), 1), 0, 0, 15},
	} {
		e.do(tc.in)
		assert.Equal(t, tc.dup, e.out.Duplicates, tc.name)
		assert.Len(t, e.out.Rejected, tc.rejected, tc.name)
		assert.Equal(t, tc.totalAfter*lead.Point, e.score("a", scoretest.ScoreRecent, start+2), tc.name)
	}
}

// In one batch, or one by one, restored from its records or from its state: the
// verdict on each event is the same.
func TestRedrive_BatchesAndRecordsChangeNothing(t *testing.T) {
	for _, policy := range []step.OnError{step.OnErrorReject, step.OnErrorHold} {
		config := scoretest.Config{OnError: policy}
		one, many := newEngine(t, config, core.Options{}), newEngine(t, config, core.Options{})
		bad := one.track("a", "Email Opened", start, "fail", "soft", "in", "behavior")
		mended := bad
		mended.Event.Props = nil
		good := one.track("a", "Email Opened", start+1)
		inputs := []core.Input{bad, good, again(good, 1), again(bad, 1), again(mended, 2), again(mended, 3), one.track("b", "Email Opened", start)}
		one.feed(inputs, 1)
		many.feed(inputs, 0)
		require.Equal(t, one.accounts(), many.accounts())
		require.Equal(t, one.out.Duplicates, many.out.Duplicates)
		require.Equal(t, lines(t, one.out.Rejected), lines(t, many.out.Rejected))

		restored, number := newEngine(t, config, core.Options{}), uint64(0)
		live := newEngine(t, config, core.Options{})
		for i := range inputs {
			live.out.Reset()
			require.NoError(t, live.Run(inputs[i:i+1], &live.out))
			number++
			require.NoError(t, restored.Apply(bytes.Clone(live.out.Deltas), number))
			require.Equal(t, live.accounts(), restored.accounts(), "behind input %d", i)
		}
		stored := newEngine(t, config, core.Options{})
		for key, state := range live.accounts() {
			require.NoError(t, stored.RestoreLead(key, []byte(state)))
		}
		require.Equal(t, live.accounts(), stored.accounts())
	}
}

func TestPassOver_IsRememberedAndNotScored(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.PassOver(start + 10)
	old, fresh := e.track("a", "Email Opened", start), e.track("a", "Email Opened", start+10)
	require.NoError(t, e.Run([]core.Input{old}, &e.out))
	assert.Zero(t, e.Len())
	assert.Len(t, e.out.Changes, 1, "its id is told")
	e.do(fresh, old)
	assert.Equal(t, 1, e.out.Duplicates)
	assert.Equal(t, 5*lead.Point, e.score("a", scoretest.ScoreRecent, start+10))
}
