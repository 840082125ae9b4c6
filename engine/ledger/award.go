package ledger

import (
	"cmp"

	"github.com/ripenhq/ripen/engine/lead"
)

// Refusal says why an award gave nothing, or less than it asked for.
type Refusal uint8

// The refusals. None means that all was given.
const (
	None         Refusal = iota
	RefusedScope         // the scope key has awarded already
	RefusedCount         // at most n per window
	RefusedCap           // a cap of the rule, class or score is reached
	RefusedFull          // the account has no room for a new key
	RefusedRange         // the sum would leave ±lead.MaxPoints
)

var refusalTexts = [...]string{"", "already awarded for this scope", "limit per window reached", "cap reached", "account is full", "points out of range"}

// String says it for people.
func (r Refusal) String() string {
	if int(r) < len(refusalTexts) {
		return refusalTexts[r]
	}
	return "refused"
}

// Award is one line asked for.
type Award struct {
	Rule  *Rule
	Delta lead.Points
	Scope uint64 // hash of the scope key, 0 = none
	Event uint64 // hash of the event id
	At    int64  // time of the event, ms: scopes, windows and age count from it
	Label string
}

// Award adds points under the rule as far as its scope and caps allow. given
// is what was added.
func (a *Account) Award(b *Book, w Award) (given lead.Points, why Refusal) {
	r := w.Rule
	day := int32(0)
	if r.PerDay {
		day = b.Day(w.At)
	}
	if r.Once {
		if _, used := a.findUse(&Use{Kind: UseKey, ID: r.ID, Key: w.Scope, Day: day}); used {
			return 0, RefusedScope
		}
	}
	if r.MaxN > 0 && a.usedInWindow(b, r, w.At) >= r.MaxN {
		return 0, RefusedCount
	}
	given, why = a.capped(b, r, w.Delta)
	if given == 0 && w.Delta != 0 {
		return 0, why
	}
	key := Bucket{Score: b.Scores[r.Score].ID, Rule: r.ID, Scope: w.Scope, Step: b.AgeStepOf(w.At)}
	if b.Voidable {
		key.Event = w.Event
	}
	if refused := a.post(b, key, given, w); refused != None {
		return 0, refused
	}
	a.recordUses(b, r, w, day, given)
	return given, why
}

// post adds to the bucket of that key, or makes it.
func (a *Account) post(b *Book, key Bucket, given lead.Points, w Award) Refusal {
	score := w.Rule.Score
	if total := a.totals[score] + given; total > lead.MaxPoints || total < -lead.MaxPoints {
		return RefusedRange
	}
	i, found := a.findBucket(&key)
	if !found {
		if len(a.Buckets) >= b.MaxBuckets || len(a.Uses) >= b.MaxUses {
			return RefusedFull
		}
		key.Count, key.Awarded, key.Remaining, key.Last = 1, given, given, w.At
		a.insertBucket(score, i, key, w.Label)
		return None
	}
	if sum := a.Buckets[i].Awarded + given; sum > lead.MaxPoints || sum < -lead.MaxPoints {
		return RefusedRange
	}
	k := a.changeBucket(score, i, given)
	if k.Reversed != 0 && k.Remaining == 0 {
		// What was taken back is gone with the part that had decayed before: the
		// new award decays from its own points alone.
		k.Reversed = k.Awarded
	}
	k.Count++
	k.Awarded += given
	k.Remaining += given
	if w.At >= k.Last {
		k.Last = w.At
		a.SetLabel(i, w.Label)
	}
	return None
}

// capped is how much of delta the caps leave. Caps of class and score bound
// positive awards only; a rule's cap bounds the size of its sum either way.
func (a *Account) capped(b *Book, r *Rule, delta lead.Points) (lead.Points, Refusal) {
	if r.Manual {
		return delta, None
	}
	given := delta
	if r.Cap > 0 {
		given = within(given, r.Cap, a.useSum(Use{Kind: UseRule, ID: r.ID}))
	}
	if given > 0 {
		if r.Class >= 0 && b.Classes[r.Class].Cap > 0 {
			c := &b.Classes[r.Class]
			given = within(given, c.Cap, a.useSum(Use{Kind: UseClass, ID: c.ID}))
		}
		if s := &b.Scores[r.Score]; s.Cap > 0 {
			given = within(given, s.Cap, a.useSum(Use{Kind: UseScore, ID: s.ID}))
		}
	}
	if given != delta {
		return given, RefusedCap
	}
	return given, None
}

func within(delta, limit, sum lead.Points) lead.Points {
	if delta < 0 {
		return -within(-delta, limit, -sum)
	}
	return max(0, min(delta, limit-sum))
}

func (a *Account) recordUses(b *Book, r *Rule, w Award, day int32, given lead.Points) {
	if r.Once {
		a.addUse(Use{Kind: UseKey, ID: r.ID, Key: w.Scope, Day: day}, 1, given)
	}
	if r.MaxN > 0 {
		key := uint64(0)
		if r.Window > 0 {
			key = uint64(b.AgeStepOf(w.At))
		}
		a.addUse(Use{Kind: UseWindow, ID: r.ID, Key: key}, 1, given)
	}
	a.addSums(b, r, given, 1)
}

// addSums moves the sums that caps look at: sign 1 for an award, -1 for what a
// reversal gives back.
func (a *Account) addSums(b *Book, r *Rule, amount lead.Points, sign int) {
	if r.Manual {
		return
	}
	sum := amount * lead.Points(sign)
	if r.Cap > 0 {
		a.addUse(Use{Kind: UseRule, ID: r.ID}, sign, sum)
	}
	if amount <= 0 {
		return
	}
	if r.Class >= 0 && b.Classes[r.Class].Cap > 0 {
		a.addUse(Use{Kind: UseClass, ID: b.Classes[r.Class].ID}, sign, sum)
	}
	if b.Scores[r.Score].Cap > 0 {
		a.addUse(Use{Kind: UseScore, ID: b.Scores[r.Score].ID}, sign, sum)
	}
}

// usedInWindow counts the rule's awards in the window that ends with at's age
// step.
func (a *Account) usedInWindow(b *Book, r *Rule, at int64) (n uint32) {
	if r.Window == 0 {
		if i, ok := a.findUse(&Use{Kind: UseWindow, ID: r.ID}); ok {
			n = a.Uses[i].N
		}
		return n
	}
	last := b.AgeStepOf(at)
	first := last - r.Window/b.AgeStep + 1
	i, _ := a.findUse(&Use{Kind: UseWindow, ID: r.ID, Key: uint64(first)})
	for ; i < len(a.Uses) && a.Uses[i].Kind == UseWindow && a.Uses[i].ID == r.ID && int64(a.Uses[i].Key) <= last; i++ {
		n += a.Uses[i].N
	}
	return n
}

// Replace makes delta the only line of the rule.
func (a *Account) Replace(b *Book, w Award) Refusal {
	r := w.Rule
	key := Bucket{Score: b.Scores[r.Score].ID, Rule: r.ID}
	i, found := a.findBucket(&key)
	total := a.totals[r.Score] + w.Delta
	if found {
		total -= a.Buckets[i].Remaining
	}
	if total > lead.MaxPoints || total < -lead.MaxPoints {
		return RefusedRange
	}
	if !found {
		if len(a.Buckets) >= b.MaxBuckets {
			return RefusedFull
		}
		key.Count, key.Awarded, key.Remaining, key.Last = 1, w.Delta, w.Delta, w.At
		a.insertBucket(r.Score, i, key, w.Label)
		return None
	}
	k := &a.Buckets[i]
	if k.Awarded == w.Delta && k.Remaining == w.Delta && k.Reversed == 0 && a.Label(i) == w.Label {
		return None
	}
	k = a.changeBucket(r.Score, i, w.Delta-k.Remaining)
	k.Count, k.Awarded, k.Reversed, k.Remaining = 1, w.Delta, 0, w.Delta
	k.Last = max(w.At, k.Last)
	a.SetLabel(i, w.Label)
	return None
}

// Adjust changes what remains of bucket i: decay. It refuses to leave the
// range between nothing and what was awarded and not reversed.
func (a *Account) Adjust(b *Book, i int, delta lead.Points) bool {
	k := &a.Buckets[i]
	if !between(k.Remaining+delta, k.Awarded-k.Reversed) {
		return false
	}
	if delta != 0 {
		a.changeBucket(b.ScoreIndex(k.Score), i, delta).Remaining += delta
	}
	return true
}

func between(v, limit lead.Points) bool {
	if limit >= 0 {
		return v >= 0 && v <= limit
	}
	return v <= 0 && v >= limit
}

// Void takes back all that is left under (rule, scope) and frees the key.
// found says that the key ever awarded; removed is what was taken.
func (a *Account) Void(b *Book, r *Rule, scope uint64) (removed lead.Points, found bool) {
	from := Bucket{Score: b.Scores[r.Score].ID, Rule: r.ID, Scope: scope, Step: -1 << 62}
	i, _ := a.findBucket(&from)
	for ; i < len(a.Buckets) && a.Buckets[i].Rule == r.ID && a.Buckets[i].Score == from.Score && a.Buckets[i].Scope == scope; i++ {
		found = true
		removed += a.reverse(b, r, i)
	}
	for i := 0; i < len(a.Uses); {
		if u := a.Uses[i]; u.Kind == UseKey && u.ID == r.ID && u.Key == scope {
			a.removeUse(i)
			continue
		}
		i++
	}
	return removed, found
}

// VoidEvent takes back all that is left of one event's awards; the book must
// be Voidable.
func (a *Account) VoidEvent(b *Book, event uint64) (removed lead.Points, found bool) {
	for i := range a.Buckets {
		if a.Buckets[i].Event != event || event == 0 {
			continue
		}
		r, ok := b.RuleByID(a.Buckets[i].Rule)
		if !ok {
			continue
		}
		found = true
		bucket := a.Buckets[i]
		removed += a.reverse(b, r, i)
		day := int32(0)
		if r.PerDay {
			day = b.Day(bucket.Last)
		}
		if u, ok := a.findUse(&Use{Kind: UseKey, ID: r.ID, Key: bucket.Scope, Day: day}); ok {
			a.removeUse(u)
		}
	}
	return removed, found
}

// reverse empties bucket i and gives its room under the caps back.
func (a *Account) reverse(b *Book, r *Rule, i int) (removed lead.Points) {
	k := &a.Buckets[i]
	if removed = k.Remaining; removed == 0 {
		return 0
	}
	k = a.changeBucket(b.ScoreIndex(k.Score), i, -removed) // the rule may count for another score since a new release
	k.Reversed += removed
	k.Remaining = 0
	a.addSums(b, r, removed, -1)
	return removed
}

// changeBucket gives bucket i for a change by which the score's total moves;
// what it was is remembered.
func (a *Account) changeBucket(score, i int, by lead.Points) *Bucket {
	k := &a.Buckets[i]
	if u := a.undo; u != nil {
		u.log = append(u.log, change{kind: bucketSet, at: int32(i), in: int32(score), old: int32(len(u.buckets))})
		u.buckets = append(u.buckets, *k)
	}
	a.dirty |= dirtyBuckets
	a.marked.buckets.set(i)
	k.addMark(markSet)
	a.addTotal(score, by)
	return k
}

func (a *Account) insertBucket(score, i int, v Bucket, label string) {
	a.dirty |= dirtyBuckets
	v.label = a.placeOf(label)
	v.addMark(markNew)
	a.marked.buckets.inserted(i)
	a.Buckets = insertTight(a.Buckets, i, v)
	a.addTotal(score, v.Remaining)
	a.logInsert(bucketInserted, i, score)
}

func compareBuckets(x, y *Bucket) int {
	switch {
	case x.Score != y.Score:
		return cmp.Compare(x.Score, y.Score)
	case x.Rule != y.Rule:
		return cmp.Compare(x.Rule, y.Rule)
	case x.Scope != y.Scope:
		return cmp.Compare(x.Scope, y.Scope)
	case x.Step != y.Step:
		return cmp.Compare(x.Step, y.Step)
	}
	return cmp.Compare(x.Event, y.Event)
}

// findBucket finds the bucket with that key, or where it belongs.
func (a *Account) findBucket(key *Bucket) (at int, found bool) {
	list := a.Buckets
	for lo, hi := 0, len(list); ; {
		if lo >= hi {
			return lo, false
		}
		mid := int(uint(lo+hi) >> 1)
		switch c := compareBuckets(&list[mid], key); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
}

func compareUses(x, y *Use) int {
	switch {
	case x.Kind != y.Kind:
		return cmp.Compare(x.Kind, y.Kind)
	case x.ID != y.ID:
		return cmp.Compare(x.ID, y.ID)
	case x.Key != y.Key:
		return cmp.Compare(int64(x.Key), int64(y.Key))
	}
	return cmp.Compare(x.Day, y.Day)
}

// findUse finds the use with that key, or where it belongs.
func (a *Account) findUse(key *Use) (at int, found bool) {
	list := a.Uses
	for lo, hi := 0, len(list); ; {
		if lo >= hi {
			return lo, false
		}
		mid := int(uint(lo+hi) >> 1)
		switch c := compareUses(&list[mid], key); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
}

func (a *Account) useSum(key Use) lead.Points {
	if i, ok := a.findUse(&key); ok {
		return a.Uses[i].Sum
	}
	return 0
}

func (a *Account) addUse(key Use, n int, sum lead.Points) {
	i, found := a.findUse(&key)
	a.dirty |= dirtyUses
	if !found {
		key.N, key.Sum, key.mark = uint32(max(n, 0)), sum, markNew
		a.marked.uses.inserted(i)
		a.Uses = insertTight(a.Uses, i, key)
		a.logInsert(useInserted, i, 0)
		return
	}
	a.logUse(useSet, i)
	a.Uses[i].N = uint32(max(int(a.Uses[i].N)+n, 0))
	a.Uses[i].Sum += sum
	a.Uses[i].mark |= markSet
	a.marked.uses.set(i)
}

func (a *Account) removeUse(i int) {
	a.logUse(useRemoved, i)
	a.dropUse(i)
}

// dropUse removes a use and remembers its key for the delta.
func (a *Account) dropUse(i int) {
	if a.dirty |= dirtyUses; a.Uses[i].mark&markNew == 0 {
		r := a.rarely()
		r.gone = append(r.gone, a.Uses[i])
	}
	a.Uses = remove(a.Uses, i)
	a.marked.uses.removed(i)
}
