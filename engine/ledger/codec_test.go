package ledger

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
)

// drawn is an account in which every field may be set.
func drawn(t *rapid.T, b *Book) *Account {
	a := setUp(t, b)
	num, text := rapid.Int64(), rapid.String()
	a.Key, a.First, a.Clock, a.LastActivity = text.Draw(t, "key"), num.Draw(t, "first"), num.Draw(t, "clock"), num.Draw(t, "active")
	a.Person, a.Company = drawnProps(t), drawnProps(t)
	for i := range a.Peaks {
		for range rapid.IntRange(0, 3).Draw(t, "peaks") {
			a.Peaks[i] = append(a.Peaks[i], Peak{num.Draw(t, "step"), lead.Points(num.Draw(t, "max"))})
		}
	}
	m := &a.Marks
	m.Seq, m.Hands, m.Matched, m.Suppressed = rapid.Uint64().Draw(t, "seq"), rapid.Uint64().Draw(t, "hands"), rapid.Uint32().Draw(t, "matched"), rapid.Bool().Draw(t, "suppressed")
	m.Resting, m.Wake, m.Probe, m.Stage = num.Draw(t, "resting"), num.Draw(t, "wake"), num.Draw(t, "probe"), text.Draw(t, "stage")
	if rapid.Bool().Draw(t, "drips") {
		m.Drip = &Drip{num.Draw(t, "due"), rapid.Uint32().Draw(t, "route"), rapid.Uint64().Draw(t, "hands"), text.Draw(t, "release")}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "lists") {
		m.Episodes = append(m.Episodes, Episode{Action: fmt.Sprint(i), Number: rapid.Uint32().Draw(t, "number"), Open: rapid.Bool().Draw(t, "open"),
			Route: rapid.Uint32().Draw(t, "route"), Opened: num.Draw(t, "opened"), Closed: num.Draw(t, "closed"), Last: [16]byte{byte(i), 15: rapid.Byte().Draw(t, "last")}, Hands: rapid.Uint64().Draw(t, "told")})
		m.Pending = append(m.Pending, Pending{uint32(i), num.Draw(t, "since"), rapid.Uint64().Draw(t, "hand")})
		m.True = append(m.True, rapid.Uint32().Draw(t, "true"))
		m.Adjusts = append(m.Adjusts, Adjust{rapid.Uint64().Draw(t, "event"), num.Draw(t, "expires")})
		a.Held = append(a.Held, lead.Event{ID: text.Draw(t, "id"), Lead: a.Key, Kind: lead.Kind(rapid.Byte().Draw(t, "kind")), Name: text.Draw(t, "name"), Path: text.Draw(t, "path"),
			At: num.Draw(t, "at"), Received: num.Draw(t, "received"), Props: drawnProps(t), Traits: drawnProps(t), Context: drawnProps(t), Raw: []byte("{}")})
	}
	return a
}

func drawnProps(t *rapid.T) (p lead.Props) {
	for i := range rapid.IntRange(0, 3).Draw(t, "props") {
		v := []lead.Value{{}, lead.BoolOf(true), lead.NumberOf(math.Copysign(0, -1)), lead.NumberOf(1e300), lead.StringOf(rapid.String().Draw(t, "text")), lead.ListOf("a", "b")}
		p = append(p, lead.Prop{Name: fmt.Sprint(i), Value: rapid.SampledFrom(v).Draw(t, "value")})
	}
	return p
}

func TestCodec_RoundTrip(t *testing.T) {
	all := books()
	rapid.Check(t, func(t *rapid.T) {
		b := all[rapid.IntRange(0, len(all)-1).Draw(t, "book")]
		a := drawn(t, b)
		wire := a.Append([]byte("prefix"), b)
		got, err := DecodeAccount(wire[len("prefix"):], b)
		require.NoError(t, err)
		require.Equal(t, string(wire[6:]), encoded(got, b))
		require.Equal(t, a.Totals(), got.Totals())
		require.Equal(t, a.Marks, got.Marks)
		require.Equal(t, a.Person, got.Person)
		require.Equal(t, a.Held, got.Held)
		require.Equal(t, shown(a), shown(got))
	})
}

func TestCodec_EveryCutIsAnError(t *testing.T) {
	b := testBook()
	x := newBench(t)
	x.award(onceKey, 5000, 7, day, 5000, None)
	x.Held = []lead.Event{{ID: "e", Raw: []byte("{}")}}
	wire := x.Append(nil, b)
	for n := range wire {
		_, err := DecodeAccount(wire[:n], b)
		require.ErrorIs(t, err, ErrCodec, "%d bytes", n)
	}
	_, err := DecodeAccount(append(wire, 0), b)
	assert.ErrorContains(t, err, "1 bytes too long")
	wire[0] = 9
	_, err = DecodeAccount(wire, b)
	assert.ErrorContains(t, err, "version 9, this program reads 3")
}

// A new release may reorder, add and drop: ids say what belongs where.
func TestCodec_AcrossReleases(t *testing.T) {
	x := newBench(t)
	x.award(plain, 5000, 0, 0, 5000, None)
	x.award(scoreCap, 2000, 0, 0, 2000, None)
	x.count("a", 0)
	x.SetStep(1, StepMemo{Ran: true, Grade: 3})
	next := testBook(func(b *Book) {
		b.Scores[0], b.Scores[1] = b.Scores[1], b.Scores[0]
		b.Scores = append(b.Scores, Score{Name: "new", ID: 99})
		b.Counters = []CounterDef{{ID: 50, Match: all}, b.Counters[1]}
		b.Steps = []StepDef{b.Steps[1]}
		b.Peaks = nil
	})
	a, err := DecodeAccount(x.Append(nil, x.b), next)
	require.NoError(t, err)
	assert.Equal(t, []lead.Points{2000, 5000, 0}, a.Totals())
	assert.Equal(t, int64(1), a.Counted(next, 1, 0))
	assert.Zero(t, a.Counted(next, 0, 0))
	assert.Equal(t, uint16(3), a.Steps[0].Grade)
	assert.Len(t, a.Buckets, 2, "no points are ever dropped")
}

func FuzzDecodeAccount(f *testing.F) {
	b := testBook()
	f.Add([]byte{})
	f.Add(NewAccount(b, "lead").Append(nil, b))
	a := NewAccount(b, "lead")
	a.Award(b, Award{Rule: &b.Rules[onceKey], Delta: 5000, Scope: 7, At: day, Label: "x"})
	a.Count(&Frame{Book: b, Acct: a, Event: &lead.Event{Name: "x"}})
	a.Held = []lead.Event{{ID: "e", Props: lead.Props{{Name: "p", Value: lead.StringOf("v")}}}}
	a.Marks.Episodes = []Episode{{Action: "sales", Open: true}}
	f.Add(a.Append(nil, b))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a, err := DecodeAccount(data, b)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<16+64*uint64(len(data)) {
			t.Errorf("%d bytes of input took %d bytes of memory", len(data), used)
		}
		if err != nil {
			return
		}
		again, err := DecodeAccount(a.Append(nil, b), b)
		require.NoError(t, err, "what was read can be written and read again")
		require.Equal(t, encoded(a, b), encoded(again, b))
	})
}

// shown are the buckets with their labels, without marks.
func shown(a *Account) (out []string) {
	for i, k := range a.Buckets {
		k.label = 0
		out = append(out, fmt.Sprintf("%+v %s", k, a.Label(i)))
	}
	return out
}
