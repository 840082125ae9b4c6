package ledger

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Labels are what was said last, however often they change; what is out of use
// does not pile up, and deltas carry them over.
func TestLabels_AreKeptAndTidied(t *testing.T) {
	b := testBook(room(1000))
	rapid.Check(t, func(t *rapid.T) {
		p, undo, said, most := newPair(b), &Undo{}, map[int64]string{}, 0
		for range rapid.IntRange(1, 150).Draw(t, "events") {
			at := rapid.Int64Range(1, 40).Draw(t, "day") * day
			label := fmt.Sprint(rapid.IntRange(0, 60).Draw(t, "label"), strings.Repeat("x", rapid.SampledFrom([]int{0, 5, 62, 63, 200}).Draw(t, "length")))
			p.Begin(undo)
			_, why := p.Award(b, Award{Rule: &b.Rules[plain], Delta: 1, At: at, Label: label})
			require.Equal(t, None, why)
			if rapid.IntRange(0, 3).Draw(t, "refuse") == 0 {
				p.Rollback()
			} else {
				p.Keep()
				said[at/day] = label
			}
			require.Len(t, p.Buckets, len(said))
			for i := range p.Buckets {
				require.Equal(t, said[p.Buckets[i].Step], p.Label(i))
			}
			live := 0
			for _, label := range said {
				live += len(label) + 2
			}
			most = max(most, live)
			require.LessOrEqual(t, len(p.text), 2*max(most, roomForText)+len(label)+2)
			if rapid.IntRange(0, 5).Draw(t, "tell") == 0 {
				p.tell(t)
			}
		}
		p.tell(t)
		require.Equal(t, shown(p.Account), shown(p.copy))
	})
}

func TestLabels_OfAnyLength(t *testing.T) {
	x := newBench(t)
	for i, n := range []int{0, 1, 127, 128, 1 << 14, 1 << 20} {
		label := strings.Repeat("ä", n)
		_, why := x.Award(x.b, Award{Rule: &x.b.Rules[plain], Delta: 1, At: int64(i) * day, Label: label})
		require.Equal(t, None, why)
		require.Equal(t, label, x.Label(i))
	}
	read, err := DecodeAccount(x.Append(nil, x.b), x.b)
	require.NoError(t, err)
	assert.Equal(t, shown(x.Account), shown(read))
	x.SetLabel(5, "")
	assert.Empty(t, x.Label(5))
}

// A label that was handed out stays what it was.
func TestLabels_HandedOutStay(t *testing.T) {
	x := newBench(t)
	name := []byte("Did this")
	x.Award(x.b, Award{Rule: &x.b.Rules[plain], Delta: 1, Label: view(name)})
	copy(name, "Overwrit")
	first := x.Label(0)
	for i := range 1000 {
		x.SetLabel(0, fmt.Sprint("label number ", i))
		x.Keep()
	}
	assert.Equal(t, "Did this", first)
	assert.Equal(t, "label number 999", x.Label(0))
	assert.Less(t, cap(x.text), 4*roomForText)
}
