package core_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// versioned keeps the states of a step in one of two versions: in version 2
// they end in a 2, which the step never sees.
type versioned struct {
	step.Scorer
	version uint32
	broken  bool
}

func (v *versioned) Score(slots []step.Slot, probe bool) error {
	for i := range slots {
		if n := len(slots[i].State); v.version == 2 && n > 0 {
			if slots[i].State[n-1] != 2 {
				return errors.New("a state of version 1")
			}
			slots[i].State = slots[i].State[:n-1]
		}
	}
	if err := v.Scorer.Score(slots, probe); err != nil {
		return err
	}
	for i := range slots {
		if slots[i].Result.Flags&abi.ResultDirty != 0 && v.version == 2 {
			slots[i].NewState = append(append([]byte{}, slots[i].NewState...), 2)
		}
	}
	return nil
}

// Migrate knows the way up and down if it is version 2 itself.
func (v *versioned) Migrate(state []byte, from, to uint32) ([]byte, error) {
	switch {
	case v.version < 2, v.broken && len(state) > 0:
		return nil, errors.New("unknown version")
	case len(state) == 0:
		return nil, nil
	case from == 1 && to == 2:
		return append(append([]byte{}, state...), 2), nil
	}
	return state[:len(state)-1], nil
}

// versionKit is a kit whose step with a state is of a version.
func versionKit(version uint32) (*scoretest.Kit, core.Program) {
	k := scoretest.New(scoretest.Config{})
	b := *k.Book
	b.Steps = append([]ledger.StepDef{}, b.Steps...)
	b.Steps[scoretest.StepBehavior].StateVersion = version
	b.Index()
	k.Book = &b
	p := program(k)
	p.Scorers[scoretest.StepBehavior] = &versioned{Scorer: p.Scorers[scoretest.StepBehavior], version: version}
	return k, p
}

// States go up with a new version of the plugin and down again, and what is
// decided is what would have been.
func TestReprogram_StatesAreConvertedBothWays(t *testing.T) {
	for seed := range uint64(10) {
		g := newGenerator(seed + 12_000)
		kit, prog := versionKit(1)
		plain := &engine{Core: core.New(prog, core.Options{}), t: t, kit: kit}
		_, prog1 := versionKit(1)
		e := &engine{Core: core.New(prog1, core.Options{}), t: t, kit: kit}
		version := uint32(1)
		for turn := range 4 {
			inputs := g.stream(80)
			plain.feed(inputs, 50)
			e.feed(inputs, 50)
			require.Equal(t, lines(t, plain.out.Decisions), lines(t, e.out.Decisions), "seed %d, turn %d", seed, turn)
			require.Equal(t, lines(t, plain.out.Rejected), lines(t, e.out.Rejected))
			version = 3 - version
			k, next := versionKit(version)
			require.NoError(t, e.Reprogram(next))
			e.kit = k
			got := e.takeOver(e.Core, &core.Switch{Release: "2", At: g.now}, "", 2, nothing)
			require.Empty(t, got.decisions)
			require.Empty(t, got.rejected)
			e.Leads(func(a *ledger.Account) { require.False(t, a.Stale(scoretest.StepBehavior)) })
		}
		plain.Leads(func(a *ledger.Account) {
			require.Equal(t, string(a.Steps[scoretest.StepBehavior].State), string(e.Lead(a.Key).Steps[scoretest.StepBehavior].State), "there and back again")
		})
	}
}

func TestReprogram_RefusesStatesThatNobodyConverts(t *testing.T) {
	k, prog := versionKit(1)
	e := &engine{Core: core.New(prog, core.Options{}), t: t, kit: k}
	_, next := versionKit(5)
	err := e.Reprogram(next)
	require.NoError(t, err, "version 5 says that it knows the way")
	_, other := versionKit(0)
	_, from := versionKit(1)
	require.ErrorIs(t, core.CanReprogram(&from, &other), core.ErrProgram)
}

// A state that the plugin cannot convert after all is told, and nothing else
// of the lead is lost.
func TestReprogram_AStateThatBreaks(t *testing.T) {
	k, prog := versionKit(1)
	e := &engine{Core: core.New(prog, core.Options{}), t: t, kit: k}
	e.do(e.track("a", "Email Delivered", start), e.track("a", "Email Opened", start+1))
	score := e.score("a", scoretest.ScoreRecent, start+1)
	k2, next := versionKit(2)
	next.Scorers[scoretest.StepBehavior].(*versioned).broken = true
	require.NoError(t, e.Reprogram(next))
	e.kit = k2
	got := e.takeOver(e.Core, &core.Switch{Release: "2", At: start + 2}, "", 0, nothing)
	require.Len(t, got.rejected, 1)
	assert.Contains(t, got.rejected[0], "state-unreadable")
	assert.Contains(t, got.rejected[0], "begins anew")
	assert.Equal(t, score, e.score("a", scoretest.ScoreRecent, start+2))
	e.do(e.track("a", "Email Delivered", start+3))
}
