package ledger

import "github.com/ripenhq/ripen/engine/lead"

// Totals are the raw sums by score; read-only.
func (a *Account) Totals() []lead.Points { return a.totals }

// Evaluate fills f.Totals and f.Values from the account. values must have
// room for every score; derived scores read those before them.
func (f *Frame) Evaluate(values []lead.Points) {
	f.Totals = f.Acct.totals
	f.Values = values[:len(f.Book.Scores)]
	for i := range f.Book.Scores {
		s := &f.Book.Scores[i]
		raw := f.Totals[i]
		if s.Derive != nil {
			raw = s.Derive(f)
		}
		f.Values[i] = s.Value(raw)
	}
}

// Value maps a raw sum to the score's value: floor first, then scale.
func (s *Score) Value(raw lead.Points) lead.Points {
	if s.HasFloor {
		raw = max(raw, s.Floor)
	}
	switch s.Scale {
	case ScaleClamp:
		return min(max(raw, s.Min), s.Max)
	case ScaleNormalise:
		v := s.Min + raw.MulDiv(int64(s.Max-s.Min), int64(s.RawMax))
		return min(max(v, s.Min), s.Max)
	}
	return raw
}

// ClassTotal is what remains of a class (index in the book), and the label of
// its last event.
func (a *Account) ClassTotal(b *Book, class int) (sum lead.Points, last string) {
	var at int64
	for i := range a.Buckets {
		r, ok := b.RuleByID(a.Buckets[i].Rule)
		if !ok || r.Class != class {
			continue
		}
		sum += a.Buckets[i].Remaining
		if last == "" || a.Buckets[i].Last > at {
			at, last = a.Buckets[i].Last, a.Label(i)
		}
	}
	return sum, last
}

// TopClass is the dearest class of a score of which points remain: its index
// in the book, or -1.
func (a *Account) TopClass(b *Book, score int) int {
	top := -1
	for i := range a.Buckets {
		r, ok := b.RuleByID(a.Buckets[i].Rule)
		if !ok || r.Class < 0 || a.Buckets[i].Score != b.Scores[score].ID || a.Buckets[i].Remaining <= 0 {
			continue
		}
		if top < 0 || b.Classes[r.Class].Top > b.Classes[top].Top || (b.Classes[r.Class].Top == b.Classes[top].Top && r.Class < top) {
			top = r.Class
		}
	}
	return top
}
