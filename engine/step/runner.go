package step

import (
	"fmt"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Item is one input of one lead on its way through all steps. The core owns
// the items and reuses them.
type Item struct {
	Frame ledger.Frame
	Kind  uint32 // abi.SlotEvent or abi.SlotTimer
	Seed  uint64
	Event uint64 // hash of the event id, 0 on a timer
	// Facts says that the input changed traits of the lead or its account.
	Facts bool
	// Due are the steps whose timer it is, bit i = step i.
	Due uint64
	// Tired are the steps that had many timers of the lead since its last input.
	Tired uint64
	// Counted is the range of the account's change log in which the counters
	// looked at the event, so that a hidden event can be uncounted.
	Counted [2]int
	// WasActive is the account's LastActivity before the event.
	WasActive int64

	// Written by the runner:
	Hidden  bool
	Failure *Failure
	Hands   []uint32 // classes (ids) in which the lead raised a hand
	start   int      // change log behind the first settling
	early   bool     // the input itself changed a bucket before any step ran
}

// Failure says why an input cannot be scored.
type Failure struct {
	Step    string
	Outcome Outcome
	Hold    bool // the input waits instead of being rejected
}

// Runner runs the steps of one workflow over rounds. It is not safe for
// concurrent use: one per partition.
type Runner struct {
	book    *ledger.Book
	specs   []*Spec
	scorers []Scorer
	backups []Scorer // by step, nil without a fallback
	slots   []Slot
	members []*Item // members[i] is the item behind slots[i]
	failed  []*Item // by the last run, for its fallback
	retried []*Item
	rows    []abi.Row
	refs    []int32
	voids   []*Spec // that may take back what events were given
}

// NewRunner takes one scorer per spec, and one per fallback (nil where a spec
// has none). It closes none of them.
func NewRunner(book *ledger.Book, specs []*Spec, scorers, backups []Scorer) *Runner {
	r := &Runner{book: book, specs: specs, scorers: scorers, backups: backups}
	for _, spec := range specs {
		for _, s := range []*Spec{spec, spec.Fallback} {
			if s != nil && s.Caps&abi.CapVoid != 0 {
				r.voids = append(r.voids, s)
			}
		}
	}
	return r
}

// eventKey is what keeps the awards of an input apart from those of others: its
// event if a step may take them back one day, else nothing, so that they fold.
func (r *Runner) eventKey(it *Item) uint64 {
	for _, s := range r.voids {
		if s.Voids == nil || matches(s, s.Voids, &it.Frame) {
			return it.Event
		}
	}
	return 0
}

// Round runs every step once over the items: at most one item per lead. An
// error means that a scorer is unusable; failures of inputs are in the items.
func (r *Runner) Round(items []*Item) error {
	for _, it := range items {
		it.early = it.Frame.Acct.BucketsChanged(0)
	}
	if err := r.settle(items, r.wakeReached); err != nil {
		return err
	}
	for _, it := range items {
		it.start = it.Frame.Acct.Mark()
	}
	for i, spec := range r.specs {
		if spec.Caps&abi.CapMemoryless != 0 {
			continue
		}
		if err := r.run(i, spec, r.scorers[i], items, func(it *Item) bool { return wants(spec, it) }, false); err != nil {
			return err
		}
		if err := r.runFallback(i, spec); err != nil {
			return err
		}
	}
	return r.settle(items, r.changed)
}

// Settle runs the memoryless steps alone, for items whose clock moved.
func (r *Runner) Settle(items []*Item) error { return r.settle(items, r.wakeReached) }

// Resettle is Settle in which the steps of force (bit i = step i) look again
// whatever they said before.
func (r *Runner) Resettle(items []*Item, force uint64) error {
	return r.settle(items, func(spec *Spec, it *Item) bool {
		return force>>uint(spec.Index)&1 == 1 || r.wakeReached(spec, it)
	})
}

func (r *Runner) settle(items []*Item, need func(*Spec, *Item) bool) error {
	for i, spec := range r.specs {
		if spec.Caps&abi.CapMemoryless == 0 {
			continue
		}
		if err := r.run(i, spec, r.scorers[i], items, func(it *Item) bool { return it.Failure == nil && need(spec, it) }, false); err != nil {
			return err
		}
		if err := r.runFallback(i, spec); err != nil {
			return err
		}
	}
	return nil
}

// wakeReached: the output of a memoryless step stays what it was until the
// time that it named.
func (r *Runner) wakeReached(spec *Spec, it *Item) bool {
	memo := &it.Frame.Acct.Steps[spec.Index]
	return memo.Ran && memo.Wake != 0 && memo.Wake <= it.Frame.Now
}

// changed says whether what a memoryless step sees of the lead has changed. A
// step that keeps fresh rows as they are need not see an award that is dated
// now: the next age step is soon enough.
func (r *Runner) changed(spec *Spec, it *Item) bool {
	a, memo := it.Frame.Acct, &it.Frame.Acct.Steps[spec.Index]
	switch {
	case it.Facts, it.early:
		return true
	case !a.BucketsChanged(it.start):
		return !memo.Ran
	case !spec.Needs.KeepsFresh:
		return true
	}
	now := r.book.AgeStepOf(it.Frame.Now)
	if (memo.Ran && a.BucketsAged(it.start, now)) || (!memo.Ran && !a.Fresh(now)) {
		return true
	}
	if next := (now + 1) * r.book.AgeStep; !memo.Ran || memo.Wake == 0 || memo.Wake > next {
		m := *memo
		m.Ran, m.Wake = true, next
		a.SetStep(spec.Index, m)
	}
	return false
}

// wants says whether a step looks at the item.
func wants(spec *Spec, it *Item) bool {
	switch {
	case it.Failure != nil, it.Hidden:
		return false
	case it.Kind == abi.SlotTimer:
		return it.Due&(1<<uint(spec.Index)) != 0
	case spec.FactsOnly && !it.Facts:
		return !it.Frame.Acct.Steps[spec.Index].Ran
	case spec.Triggers != nil:
		return matches(spec, spec.Triggers, &it.Frame)
	}
	return true
}

// matches says whether the event matches a literal of one of the inputs.
func matches(spec *Spec, inputs []int, f *ledger.Frame) bool {
	for _, i := range inputs {
		if bits, _, present := spec.Project[i](f); present && bits != 0 {
			return true
		}
	}
	return false
}

// run lets the scorer look at the items that want it and applies what it says.
func (r *Runner) run(i int, spec *Spec, scorer Scorer, items []*Item, want func(*Item) bool, backup bool) error {
	r.slots, r.members, r.rows, r.refs = r.slots[:0], r.members[:0], r.rows[:0], r.refs[:0]
	if !backup {
		r.failed = r.failed[:0]
	}
	for _, it := range items {
		if want(it) {
			r.add(i, spec, it, backup)
		}
	}
	if len(r.slots) == 0 {
		return nil
	}
	if err := scorer.Score(r.slots, false); err != nil {
		return fmt.Errorf("step %q: %w", spec.Name, err)
	}
	for k := range r.slots {
		r.take(i, spec, &r.slots[k], r.members[k], backup)
	}
	return nil
}

// runFallback lets the second plugin answer for the items that the first
// failed on.
func (r *Runner) runFallback(i int, spec *Spec) error {
	if spec.OnError != OnErrorFallback || len(r.failed) == 0 {
		return nil
	}
	r.failed, r.retried = r.retried[:0], r.failed
	return r.run(i, spec.Fallback, r.backups[i], r.retried, func(*Item) bool { return true }, true)
}

func (r *Runner) add(i int, spec *Spec, it *Item, backup bool) {
	r.slots = append(r.slots, Slot{})
	s := &r.slots[len(r.slots)-1]
	s.Frame, s.Kind, s.Seed, s.Event, s.Tired = &it.Frame, it.Kind, it.Seed, it.Event, it.Tired>>uint(i)&1 == 1
	if !backup { // the state is the step's own plugin's; another one could not read it
		s.State = it.Frame.Acct.Steps[i].State
	}
	if spec.Caps&abi.CapLedger != 0 {
		s.Rows, s.RowRef = r.view(spec, it.Frame.Acct)
	}
	r.members = append(r.members, it)
}

// view lists the buckets that the step asked for and that hold points.
func (r *Runner) view(spec *Spec, a *ledger.Account) ([]abi.Row, []int32) {
	from := len(r.rows)
	for i := range a.Buckets {
		k := &a.Buckets[i]
		if k.Remaining == 0 {
			continue
		}
		v := viewOf(spec.Views, k)
		if v < 0 {
			continue
		}
		r.rows = append(r.rows, abi.Row{View: uint32(v), Count: k.Count, At: k.Step * r.book.AgeStep, Step: r.book.AgeStep, Scope: k.Scope,
			Awarded: int64(k.Awarded), Reversed: int64(k.Reversed), Remaining: int64(k.Remaining), Last: k.Last})
		r.refs = append(r.refs, int32(i))
	}
	n := len(r.rows)
	return r.rows[from:n:n], r.refs[from:n:n]
}

func viewOf(views []RowView, k *ledger.Bucket) int {
	for i := range views {
		v := &views[i]
		if v.Score != 0 && v.Score != k.Score {
			continue
		}
		if v.Rules == nil {
			return i
		}
		for _, id := range v.Rules {
			if id == k.Rule {
				return i
			}
		}
	}
	return -1
}

// take applies one slot's result, or does what the step's error policy says.
func (r *Runner) take(i int, spec *Spec, s *Slot, it *Item, backup bool) {
	if s.Outcome.Kind == OutcomeOK {
		mark, hands := it.Frame.Acct.Mark(), len(it.Hands)
		bad := r.apply(i, spec, s, it, backup)
		if bad == "" {
			return
		}
		it.Frame.Acct.RevertTo(mark)
		it.Hands = it.Hands[:hands]
		s.Outcome = Outcome{Kind: OutcomeBad, Code: "bad-entry", Text: bad}
	}
	r.refuse(i, spec, s.Outcome, it, backup)
}

// refuse does what the step's error policy says.
func (r *Runner) refuse(i int, spec *Spec, o Outcome, it *Item, backup bool) {
	switch {
	case backup:
	case spec.OnError == OnErrorSkip:
		if memo := it.Frame.Acct.Steps[i]; it.Kind == abi.SlotTimer && spec.Caps&abi.CapMemoryless == 0 {
			memo.Wake = 0 // a timer that is skipped is over, or it would be due for ever
			it.Frame.Acct.SetStep(i, memo)
		}
		return
	case spec.OnError == OnErrorFallback:
		r.failed = append(r.failed, it)
		return
	}
	it.Failure = &Failure{Step: spec.Name, Outcome: o, Hold: spec.OnError == OnErrorHold && !backup}
}

// SeedOf is the slot's seed: the same for the same lead and input, for ever.
func SeedOf(leadKey string, event uint64, due int64) uint64 {
	return ledger.Hash64(leadKey) ^ event ^ uint64(due)*0x9e3779b97f4a7c15
}
