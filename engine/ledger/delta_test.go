package ledger

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
)

// pair is an account and the copy of it that deltas alone keep up.
type pair struct {
	*Account
	b    *Book
	copy *Account
}

func newPair(b *Book) *pair {
	return &pair{NewAccount(b, "lead"), b, NewAccount(b, "lead")}
}

// tell carries a delta over and asserts that the copy is the same, byte for
// byte, and that nothing is left to tell.
func (p *pair) tell(t require.TestingT) []byte {
	delta := p.AppendDelta(nil, p.b)
	require.NoError(t, p.copy.ApplyDelta(delta, p.b))
	require.Equal(t, encoded(p.Account, p.b), encoded(p.copy, p.b))
	require.Equal(t, p.Totals(), p.copy.Totals())
	for _, a := range []*Account{p.Account, p.copy} {
		require.False(t, a.Dirty())
		require.Empty(t, a.AppendDelta(nil, p.b))
	}
	return delta
}

// written writes a field as the core and the routes do: directly.
func written(t *rapid.T, a *Account) {
	num := rapid.Int64Range(-5, 5).Draw(t, "num")
	m := &a.Marks
	switch rapid.IntRange(0, 24).Draw(t, "field") {
	case 0, 1, 2:
		a.Clock += num
	case 3:
		a.LastActivity = a.Clock + num
	case 4:
		a.First = num
	case 5:
		a.Person = drawnProps(t)
	case 6:
		a.Company = append(slices.Clip(slices.Clone(a.Company)), drawnProps(t)...)
	case 7:
		a.Steps[rapid.IntRange(0, 1).Draw(t, "step")].Wake = num
	case 8:
		m.Wake = num
	case 9:
		m.Probe = a.Clock + num
	case 10:
		m.Seq++
	case 11:
		m.Hands += 2
	case 12:
		m.Matched = uint32(num)
	case 13:
		m.Suppressed = !m.Suppressed
	case 14:
		m.Silent = num
	case 15:
		m.Resting = num
	case 16:
		m.Stage = fmt.Sprint("stage ", num)
	case 17:
		m.Episodes = append(m.Episodes, Episode{Action: fmt.Sprint(num), Open: true})
	case 18, 19:
		if n := len(m.Episodes); n > 0 {
			episodeWritten(t, &m.Episodes[rapid.IntRange(0, n-1).Draw(t, "episode")], num)
		}
	case 20:
		m.Pending = []Pending{{uint32(num), num, uint64(num)}}
	case 21:
		m.True = append(m.True, uint32(num))
	case 22:
		m.Adjusts = append(m.Adjusts, Adjust{uint64(num), num})
	case 23:
		a.Held = append(a.Held, lead.Event{ID: fmt.Sprint(num), Lead: a.Key, Props: drawnProps(t), Raw: []byte(fmt.Sprint(num))})
	case 24:
		if len(a.Held) > 0 {
			a.Held = slices.Delete(a.Held, 0, 1)
		}
	}
}

func episodeWritten(t *rapid.T, e *Episode, num int64) {
	switch rapid.IntRange(0, 6).Draw(t, "part") {
	case 0:
		e.Open = !e.Open
	case 1:
		e.Number++
	case 2:
		e.Opened = num
	case 3:
		e.Closed = num
	case 4:
		e.Last[num+5] = byte(num)
	case 5:
		e.Hands++
	case 6:
		e.Route = uint32(num)
	}
}

// settled does what happens behind an input: peaks and trimming are not taken
// back.
func settled(t *rapid.T, a *Account, b *Book) {
	at := rapid.Int64Range(0, 12*day).Draw(t, "now")
	if rapid.Bool().Draw(t, "trim") {
		a.Trim(b, at)
		return
	}
	value := lead.Points(rapid.Int64Range(0, 3).Draw(t, "value"))
	a.NotePeaks(&Frame{Book: b, Acct: a, Now: at, Values: []lead.Points{value, value}})
}

// The copy is what the account is, whatever was done to it, and whatever of
// that was taken back.
func TestDelta_IsExact(t *testing.T) {
	all := append(books(), testBook(func(b *Book) { b.Peaks = append(b.Peaks, PeakDef{ID: 2, Score: 1, Window: day}) }))
	rapid.Check(t, func(t *rapid.T) {
		p := newPair(all[rapid.IntRange(0, len(all)-1).Draw(t, "book")])
		undo := &Undo{}
		for range rapid.IntRange(0, 12).Draw(t, "inputs") {
			input(t, p, undo)
			if rapid.IntRange(0, 2).Draw(t, "tell") > 0 {
				p.tell(t)
			}
		}
		p.tell(t)
		again, err := DecodeAccount([]byte(encoded(p.Account, p.b)), p.b)
		require.NoError(t, err)
		assert.False(t, again.Dirty(), "what was read is known")
		p.Account = again
		input(t, p, undo)
		p.tell(t)
	})
}

// input does what an input may do: a few changes, of which some or all are
// taken back, and what follows.
func input(t *rapid.T, p *pair, undo *Undo) {
	a, b := p.Account, p.b
	dirty, before := a.Dirty(), encoded(a, b)
	a.Begin(undo)
	var counted [][2]int
	mark := 0
	for range rapid.IntRange(0, 6).Draw(t, "changes") {
		anything(t, a, b, &counted)
		if rapid.Bool().Draw(t, "write") {
			written(t, a)
		}
		if rapid.IntRange(0, 4).Draw(t, "mark") == 0 {
			mark = a.Mark()
		}
	}
	switch rapid.IntRange(0, 4).Draw(t, "end") {
	case 0:
		a.Rollback()
		if before == encoded(a, b) { // held events and episodes are not copied on write here
			require.Equal(t, dirty, a.Dirty())
		}
		return
	case 1:
		a.RevertTo(mark)
	case 2:
		if len(counted) == 1 {
			a.Uncount(counted[0])
		}
	}
	a.Keep()
	for range rapid.IntRange(0, 3).Draw(t, "settled") {
		settled(t, a, b)
		written(t, a)
	}
}

// typical is a lead that has done ten things on four days.
func typical(b *Book) *Account {
	a := NewAccount(b, "lead-123456")
	for i := range int64(10) {
		happens(a, b, 20_000*day+i*8*3_600_000, int(i%4))
	}
	a.Marks.Matched, a.Marks.Seq = 77, 1
	a.Marks.Episodes = []Episode{{Action: "nurture", Number: 1, Open: true, Route: 77, Opened: a.Clock, Last: [16]byte{1, 2, 3}}}
	return a
}

var benchRules = [...]int{plain, ruleCap, classCap, scoreCap}

// happens is a typical event: a step awards points, the clock moves, decay and
// the routes are due at another time.
func happens(a *Account, b *Book, at int64, rule int) {
	if a.First == 0 {
		a.First = at
	}
	a.Clock, a.LastActivity = at, at
	a.Award(b, Award{Rule: &b.Rules[benchRules[rule]], Delta: 1000, At: at, Label: "/product/pricing"})
	a.SetStep(0, StepMemo{Ran: true, Wake: (b.AgeStepOf(at) + 1) * day})
	a.Marks.Probe = (b.AgeStepOf(at) + 1) * day
}

// A typical event takes a few bytes, however much the account holds.
func TestDelta_IsSmall(t *testing.T) {
	b := testBook()
	p := &pair{typical(b), b, NewAccount(b, "lead-123456")}
	p.tell(t)
	whole := len(encoded(p.Account, b))
	happens(p.Account, b, p.Clock+60_000, 1)
	known := p.tell(t)
	assert.Less(t, len(known), 25, "a bucket and a cap that are known: %x", known)
	happens(p.Account, b, p.Clock+60_000, 0)
	fresh := p.tell(t)
	assert.Less(t, len(fresh), 45, "a new bucket: %x", fresh)
	happens(p.Account, b, p.Clock+3*day, 1)
	later := p.tell(t)
	assert.Less(t, len(later), 75, "a new bucket, a cap and other timers: %x", later)
	assert.Greater(t, whole, 300)
}

// Several buckets that changed by nothing but their count: each takes the least
// that it can.
func TestDelta_LeastBytes(t *testing.T) {
	p := newPair(testBook())
	for range 2 {
		for i := range int64(20) {
			p.Award(p.b, Award{Rule: &p.b.Rules[plain], At: i * day, Label: "x"})
			for _, rule := range []int{once, ruleCap, classCap} {
				p.Award(p.b, Award{Rule: &p.b.Rules[rule], At: 0, Scope: uint64(i)})
			}
		}
		p.tell(t)
	}
	for i := range p.Buckets {
		p.changeBucket(0, i, 0)
	}
	p.tell(t)
}

func TestDelta_NothingToTell(t *testing.T) {
	b := testBook()
	a := NewAccount(b, "lead")
	assert.False(t, a.Dirty())
	assert.Equal(t, "x", string(a.AppendDelta([]byte("x"), b)))
	require.NoError(t, a.ApplyDelta(nil, b))
	a.Award(b, Award{Rule: &b.Rules[plain], Delta: 1000})
	assert.True(t, a.Dirty())
	a.AppendDelta(nil, b)
	a.Begin(&Undo{})
	a.Clock = 5
	a.Void(b, &b.Rules[plain], 0)
	assert.True(t, a.Dirty())
	a.Rollback()
	assert.False(t, a.Dirty(), "all was taken back")
}

func TestDelta_DamageIsAnError(t *testing.T) {
	b := testBook()
	p := newPair(b)
	a := typical(b)
	a.Count(&Frame{Book: b, Acct: a, Event: &lead.Event{Name: "x"}})
	a.NotePeaks(&Frame{Book: b, Acct: a, Values: []lead.Points{5, 5}})
	a.Person, a.Held = lead.Props{{Name: "x", Value: lead.BoolOf(true)}}, []lead.Event{{ID: "e"}}
	wire := a.AppendDelta(nil, b)
	for n := 1; n < len(wire); n++ {
		require.ErrorIs(t, NewAccount(b, "lead").ApplyDelta(wire[:n], b), ErrCodec, "%d bytes", n)
	}
	require.ErrorIs(t, NewAccount(b, "lead").ApplyDelta(append(wire, 0), b), ErrCodec)
	require.ErrorIs(t, p.copy.ApplyDelta([]byte{0xff, 0xff, 0x7f}, b), ErrCodec, "a section that this program does not know")
	p.award(t)
	known := p.AppendDelta(nil, b)
	p.award(t)
	require.ErrorIs(t, NewAccount(b, "lead").ApplyDelta(p.AppendDelta(nil, b), b), ErrCodec, "the bucket is not there")
	require.NoError(t, p.copy.ApplyDelta(known, b))
}

func (p *pair) award(t *testing.T) {
	_, why := p.Award(p.b, Award{Rule: &p.b.Rules[plain], Delta: 1000})
	require.Equal(t, None, why)
}

func FuzzApplyDelta(f *testing.F) {
	b := testBook(voidable)
	base := func() *Account {
		a := typical(b)
		a.Count(&Frame{Book: b, Acct: a, Event: &lead.Event{Name: "x"}})
		a.NotePeaks(&Frame{Book: b, Acct: a, Values: []lead.Points{5, 5}})
		now := a.digests()
		a.clean(&now)
		return a
	}
	f.Add([]byte{})
	f.Add(typical(b).AppendDelta(nil, b))
	a := base()
	happens(a, b, a.Clock+day, onceKey)
	a.Award(b, Award{Rule: &b.Rules[onceKey], Delta: 5000, Scope: 7, At: day, Event: 9, Label: "x"})
	a.Trim(b, a.Clock)
	a.Count(&Frame{Book: b, Acct: a, Event: &lead.Event{Name: "y"}, At: a.Clock})
	a.NotePeaks(&Frame{Book: b, Acct: a, Now: a.Clock, Values: []lead.Points{9, 9}})
	f.Add(a.AppendDelta(nil, b))
	a.Void(b, &b.Rules[onceKey], 7)
	a.Held = []lead.Event{{ID: "e", Props: lead.Props{{Name: "p", Value: lead.StringOf("v")}}}}
	f.Add(a.AppendDelta(nil, b))
	f.Fuzz(func(t *testing.T, data []byte) {
		a := base()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := a.ApplyDelta(data, b)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<16+64*uint64(len(data)) {
			t.Errorf("%d bytes of input took %d bytes of memory", len(data), used)
		}
		if err != nil {
			require.ErrorIs(t, err, ErrCodec)
			return
		}
		again, err := DecodeAccount(a.Append(nil, b), b)
		require.NoError(t, err, "what was changed can be written and read again")
		require.Equal(t, encoded(a, b), encoded(again, b))
		require.False(t, a.Dirty())
	})
}
