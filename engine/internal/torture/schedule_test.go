package torture

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARoundIsItsSeed(t *testing.T) {
	s := newSchedule(42, DefaultFaults, true)
	for range 20 {
		p := s.next()
		require.Equal(t, p.String(), newSchedule(0, DefaultFaults, true).round(p.seed).String())
		require.Len(t, p.faults, DefaultFaults)
	}
	require.NotEqual(t, newSchedule(1, DefaultFaults, true).next().String(), newSchedule(2, DefaultFaults, true).next().String())
}

func TestEveryFaultAndPointHasItsTurn(t *testing.T) {
	kinds := map[string]bool{}
	for seed := range uint64(200) {
		s, seen, turn, rounds := newSchedule(seed, DefaultFaults, true), map[string]bool{}, map[string]int{}, 24 // about 300 kills
		for range rounds {
			p := s.next()
			for i := range p.faults {
				f := &p.faults[i]
				kinds[f.kind.name], seen[f.point] = true, true
				turn[f.kind.name]++
				require.True(t, p.external && f.kind.external || !p.external && f.kind.embedded, "%s in %s", f, p)
				require.True(t, !f.kind.unsynced || p.durability == "process", "%s in %s", f, p)
				require.True(t, f.point == "" || pointNamed(f.point).change == 0 || p.durability != "process", "%s in %s, where nothing changes releases", f, p)
			}
		}
		for _, name := range turns {
			require.GreaterOrEqual(t, turn[name], 2, "%s in %d rounds of seed %d", name, rounds, seed)
		}
		for _, p := range points {
			require.True(t, seen[p.name] || strings.HasPrefix(p.name, "redrive."), "%s in %d rounds of seed %d", p.name, rounds, seed)
		}
	}
	for _, k := range faultKinds() {
		require.True(t, kinds[k.name], k.name)
	}
}

func TestMissedRowsFail(t *testing.T) {
	tally := newTally()
	require.Len(t, tally.Missed(false), len(rows)+len(points)-len(seldom))
	for _, r := range rows[1:] {
		tally.row(r)
	}
	for _, p := range points {
		tally.trace("hit " + p.name)
	}
	require.Equal(t, []string{fmt.Sprintf("row %q", rows[0])}, tally.Missed(false))
	tally.row(rows[0])
	require.Empty(t, tally.Missed(false))
	require.Len(t, tally.Missed(true), len(more)+len(points))
}
