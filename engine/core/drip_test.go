package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
)

// Leads that a release finds newly true come one after the other, as many a day
// as was said, through restarts.
func TestDrip_SomeADay(t *testing.T) {
	const leads, perDay = 60, 4
	var inputs []core.Input
	build := func() *engine {
		e := release(t, 0, scoretest.Config{}, core.Options{})
		inputs = inputs[:0]
		for i := range leads {
			key := fmt.Sprintf("lead-%02d", i)
			inputs = append(inputs, event("f"+key, key, "identify", start, "title", "ceo"), event("g"+key, key, "group", start, "size", 20))
		}
		e.feed(append(inputs, tick(start+100)), 0)
		return e
	}
	e := build()
	next := program(releaseKit(2, scoretest.Config{})) // 40 points instead of 60 are enough
	require.NoError(t, e.Reprogram(next))
	sw := &core.Switch{Release: "7", At: start + 100, OnRelease: decide.Drip, PerDay: perDay, Total: leads}
	got := e.takeOver(e.Core, sw, "", 7, nothing)
	records := append([][]byte{}, got.deltas...)
	all := append([]string{}, got.decisions...)
	days := map[int64]int{}
	for d := range int64(leads/perDay + 2) {
		e.out.Reset()
		require.NoError(t, e.Run([]core.Input{tick(start + 100 + (d+1)*day)}, &e.out))
		records = append(records, append([]byte{}, e.out.Deltas...))
		for _, x := range e.out.Decisions {
			if x.Action != "sales-handoff" {
				continue
			}
			assert.Equal(t, lead.Cause{Kind: decide.CauseRelease, Event: "7", At: x.Cause.At}, x.Cause)
			assert.Equal(t, x.Cause.At, x.At, "in its turn")
			days[d]++
			all = append(all, x.ID)
		}
		if d == 3 { // it dies, and another one goes on under the new release
			again := build()
			again.Core = core.New(next, core.Options{})
			old := build()
			for key, state := range old.accounts() {
				require.NoError(t, again.RestoreLead(key, []byte(state)))
			}
			again.RestoreClock(start + 100 + (d+1)*day)
			for n, r := range records {
				require.NoError(t, again.Apply(r, uint64(n+1)))
			}
			require.Equal(t, e.accounts(), again.accounts())
			e = again
		}
	}
	assert.Len(t, all, leads, "each lead once")
	for d, n := range days {
		assert.LessOrEqual(t, n, 4*perDay, "day %d", d)
	}
	assert.Greater(t, len(days), leads/perDay/2)
}
