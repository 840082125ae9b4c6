package engine_test

import (
	"fmt"

	"github.com/ripenhq/ripen/engine/internal/randflow"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// sumsUp: at any time the lines of each score sum to its value, the totals are
// the sums of the buckets, no cap is passed and looking changes nothing.
func sumsUp(tr *trial, events []lead.Event) error {
	run := tr.play(nil, 1)
	for from := 0; from < len(events); from += 10 {
		run.feed(events[from:min(from+10, len(events))], 3)
		var at int64
		if from%3 == 0 {
			at = events[from].At + int64(from)*86_400_000/4
		}
		if err := tr.balanced(run, at); err != nil {
			return fmt.Errorf("after %d events: %w", min(from+10, len(events)), err)
		}
	}
	run.feed([]lead.Event{randflow.Tick(randflow.End(events))}, 1)
	if err := tr.balanced(run, 0); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	for i := range run.decisions {
		d := &run.decisions[i]
		if err := linesSum(d.Lines, d.Scores); err != nil {
			return fmt.Errorf("decision %s: %w", text(d), err)
		}
	}
	return nil
}

func (tr *trial) balanced(run *result, at int64) (bad error) {
	var keys []string
	before := map[string]string{}
	run.core.Leads(func(a *ledger.Account) {
		keys = append(keys, a.Key)
		before[a.Key] = string(a.Append(nil, tr.prog.Book))
	})
	complain := func(key string, err error) {
		if err != nil && bad == nil {
			bad = fmt.Errorf("%s at %d: %w", key, at, err)
		}
	}
	err := run.core.Look(keys, at, func(f *ledger.Frame) {
		var d lead.Decision
		tr.prog.Policy.Describe(f, &d)
		complain(f.Acct.Key, linesSum(f.Explain(), d.Scores))
		complain(f.Acct.Key, totalsSum(f))
		complain(f.Acct.Key, bucketsSound(f))
	})
	if err != nil {
		return err
	}
	run.core.Leads(func(a *ledger.Account) {
		if string(a.Append(nil, tr.prog.Book)) != before[a.Key] {
			complain(a.Key, fmt.Errorf("looking has changed the account"))
		}
	})
	return bad
}

func linesSum(lines []lead.Line, scores []lead.ScoreValue) error {
	sums := map[string]lead.Points{}
	for _, l := range lines {
		sums[l.Score] += l.Remaining
		if l.Awarded-l.Decayed-l.Reversed != l.Remaining {
			return fmt.Errorf("line does not balance: %s", text(l))
		}
	}
	for _, s := range scores {
		if sums[s.Name] != s.Milli {
			return fmt.Errorf("score %s is %d, its lines sum to %d: %s", s.Name, s.Milli, sums[s.Name], text(lines))
		}
		delete(sums, s.Name)
	}
	if len(sums) > 0 {
		return fmt.Errorf("lines of no score: %v", sums)
	}
	return nil
}

func totalsSum(f *ledger.Frame) error {
	sums := make([]lead.Points, len(f.Book.Scores))
	for i := range f.Acct.Buckets {
		k := &f.Acct.Buckets[i]
		at := f.Book.ScoreIndex(k.Score)
		if at < 0 {
			return fmt.Errorf("bucket of no score: %+v", k)
		}
		sums[at] += k.Remaining
	}
	for i := range sums {
		s := &f.Book.Scores[i]
		if sums[i] != f.Totals[i] {
			return fmt.Errorf("total of %s is %d, its buckets sum to %d", s.Name, f.Totals[i], sums[i])
		}
		v := f.Values[i]
		if s.Scale != ledger.ScaleNone && (v < s.Min || v > s.Max) || s.Scale == ledger.ScaleNone && s.HasFloor && v < s.Floor {
			return fmt.Errorf("value %d of %s lies outside its floor or scale", v, s.Name)
		}
	}
	return nil
}

// bucketsSound: nothing remains beyond what was awarded, and no cap of a rule,
// class or score is passed.
func bucketsSound(f *ledger.Frame) error {
	b := f.Book
	rules, classes, scores := map[int]lead.Points{}, map[int]lead.Points{}, map[int]lead.Points{}
	if len(f.Acct.Buckets) > b.MaxBuckets {
		return fmt.Errorf("%d buckets, at most %d are allowed", len(f.Acct.Buckets), b.MaxBuckets)
	}
	for i := range f.Acct.Buckets {
		k := &f.Acct.Buckets[i]
		left := k.Awarded - k.Reversed
		if k.Remaining > max(left, 0) || k.Remaining < min(left, 0) {
			return fmt.Errorf("bucket %+v holds more than was awarded", *k)
		}
		if k.Reversed > max(k.Awarded, 0) || k.Reversed < min(k.Awarded, 0) {
			return fmt.Errorf("bucket %+v took back more than was awarded", *k)
		}
		r, ok := b.RuleByID(k.Rule)
		if !ok {
			return fmt.Errorf("bucket of no rule: %+v", *k)
		}
		if k.Step == 0 || left <= 0 || r.Step == "" {
			continue // replaced lines and corrections by hand know no caps, and caps bound what is given
		}
		at := 0
		for j := range b.Rules {
			if b.Rules[j].ID == r.ID {
				at = j
			}
		}
		rules[at] += left
		scores[r.Score] += left
		if r.Class >= 0 {
			classes[r.Class] += left
		}
	}
	for i := range b.Rules {
		if c := b.Rules[i].Cap; c > 0 && rules[i] > c {
			return fmt.Errorf("rule %s/%s gave %d, its cap is %d", b.Rules[i].Step, b.Rules[i].Name, rules[i], c)
		}
	}
	for i := range b.Classes {
		if c := b.Classes[i].Cap; c > 0 && classes[i] > c {
			return fmt.Errorf("class %s gave %d, its cap is %d", b.Classes[i].Name, classes[i], c)
		}
	}
	for i := range b.Scores {
		if c := b.Scores[i].Cap; c > 0 && scores[i] > c {
			return fmt.Errorf("score %s gave %d, its cap is %d", b.Scores[i].Name, scores[i], c)
		}
	}
	return nil
}

// decidesOnce: ids are unique, a lead's decisions are numbered without gaps,
// and nothing but an update is decided twice in one episode.
func decidesOnce(tr *trial, events []lead.Event) error {
	events = ended(randflow.WithTicks(tr.seed, events, len(events)/15))
	run := tr.play(append(events, events...), 64) // all of it twice
	ids, seqs, episodes := map[string]string{}, map[string]uint64{}, map[string]uint32{}
	for i := range run.decisions {
		d := &run.decisions[i]
		if twin, ok := ids[d.ID]; ok {
			return fmt.Errorf("two decisions of one id:\n%s\n%s", twin, text(d))
		}
		ids[d.ID] = text(d)
		if seqs[d.Lead]++; d.Seq != seqs[d.Lead] {
			return fmt.Errorf("decision %d of %s has number %d", seqs[d.Lead], d.Lead, d.Seq)
		}
		if d.Action == "sales-update" {
			continue
		}
		if key := d.Lead + "/" + d.Action; d.Episode <= episodes[key] {
			return fmt.Errorf("episode %d of %s follows episode %d:\n%s", d.Episode, key, episodes[key], text(d))
		} else {
			episodes[key] = d.Episode
		}
	}
	return nil
}
