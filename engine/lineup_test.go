package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lineage"
)

// The release to go back to is the one that was replaced, whatever its number,
// and never one that was gone back from.
func TestLineup(t *testing.T) {
	cases := map[string]struct {
		live []uint32 // in this order
		back uint32
	}{
		"the first one has none":            {[]uint32{1}, 0},
		"the one before":                    {[]uint32{1, 2, 3}, 2},
		"a bad one between is passed over":  {[]uint32{1, 2, 1, 3}, 1},
		"back twice":                        {[]uint32{1, 2, 3, 2}, 1},
		"back to the first":                 {[]uint32{1, 2, 1}, 0},
		"back over several, then a new one": {[]uint32{1, 2, 3, 1, 4}, 1},
		"a shadow that is older takes over": {[]uint32{1, 3, 2}, 3},
		"forth again":                       {[]uint32{1, 2, 1, 2}, 1},
		"numbers do not matter":             {[]uint32{5, 9, 7}, 9},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := lineup{workflow: "w", of: map[lineage.ID]uint32{}}
			l.add(&lineage.Order{Op: lineage.Start, Workflow: "w", Origin: lineage.FromEmpty, First: true, Release: lineage.Release{Number: c.live[0]}}, 1)
			l.add(&lineage.Order{Op: lineage.Start, Workflow: "w", Origin: lineage.FromEmpty, First: true, Release: lineage.Release{Number: 77}}, 2) // of an engine that came second
			for i, n := range c.live[1:] {
				seq := uint64(10 * (i + 1)) //nolint:gosec // small
				l.add(&lineage.Order{Op: lineage.Start, Workflow: "w", Origin: lineage.FromHistory, Release: lineage.Release{Number: n}}, seq)
				l.add(&lineage.Order{Op: lineage.Switch, Workflow: "other", Release: lineage.Release{Number: 99}}, seq+1)
				o := lineage.Order{Op: lineage.Switch, Workflow: "w", Lineage: lineage.ID(seq)}
				if i%2 == 1 {
					o.Release.Number = n
				}
				l.add(&o, seq+2)
			}
			back, err := l.before(c.live[len(c.live)-1])
			require.NoError(t, err)
			assert.Equal(t, c.back, back)
			_, err = l.before(1000)
			require.ErrorIs(t, err, ErrUnknownLive)
		})
	}
}
