package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
)

// A release in place whose memoryless step answers otherwise (points fade more
// slowly) makes leads newly true by that alone: no route and no fact differs. Who
// counts them before Reprogram (an engine) and behind it (a plan, on a copy) must
// ask that step again, as the switch does. Otherwise a plan promises that nobody
// is handed over, and Total of its drip is too small to spread anybody.
func TestCountNew_InPlaceAsksChangedStepsAgain(t *testing.T) {
	const leads = 12
	slower := func() core.Program {
		k := releaseKit(0, scoretest.Config{Window: 6000})
		k.Policy.Release, k.Specs[scoretest.StepFade].Sum = "slower", "6000"
		return program(k)
	}
	for on, mode := range map[string]decide.OnRelease{"fire": decide.Fire, "drip": decide.Drip} {
		t.Run(on, func(t *testing.T) {
			e := release(t, 0, scoretest.Config{Window: 60}, core.Options{})
			var inputs []core.Input
			for i := range leads {
				key := fmt.Sprintf("lead-%02d", i)
				inputs = append(inputs, event("f"+key, key, "identify", start, "title", "ceo"))
			}
			for n := range 3 { // 45 points, of which fewer than 30 are left: with the 30 for the title less than the 60 of the route
				at := start + int64(n)*25*day
				for i := range leads {
					key := fmt.Sprintf("lead-%02d", i)
					inputs = append(inputs, event(fmt.Sprint("d", n, key), key, "Downloaded", at), event(fmt.Sprint("o", n, key), key, "Email Opened", at))
				}
			}
			now := start + 50*day + 1000 // within an age step: no step has a timer that is due and would ask it all the same
			e.feed(append(inputs, tick(now)), 0)
			for i := range e.out.Decisions {
				require.NotEqual(t, "sales-handoff", e.out.Decisions[i].Action, "nobody is with sales before")
			}

			sw := &core.Switch{Release: "7", At: now, OnRelease: mode, PerDay: 2, Total: leads}
			var engine, behind core.Newly
			_, _, err := e.CountProgram(slower(), sw, "", 0, &engine)
			require.NoError(t, err)
			require.NoError(t, e.Reprogram(slower()))
			_, _, err = e.CountNew(e.Core, sw, "", 0, &behind)
			require.NoError(t, err)
			require.Equal(t, leads, engine.Handoffs, "as an engine counts them")
			assert.Equal(t, engine, behind, "as a plan counts them")

			got := e.takeOver(e.Core, sw, "", 0, nothing)
			if mode == decide.Fire {
				assert.Len(t, got.decisions, behind.Total, "as the switch finds them")
				return
			}
			assert.Less(t, len(got.decisions), leads/2, "who has no turn yet waits")
		})
	}
}
