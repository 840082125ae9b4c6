package core

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// SwitchFrom makes this core's lineage the live one, behind live, which has
// seen the same inputs; live == c switches in place, behind Reprogram. It takes
// at most `most` leads (0 = all) in the order of their keys, from behind the
// key after ("" = from the first), and says which it did last. Commit what is in
// out with that key; go on behind it until done, before the next input. Done
// again from a committed key on, it leads to the same. live is only read; nil
// says that this lineage is the first of its workflow to be live.
func (c *Core) SwitchFrom(live *Core, sw *Switch, after string, most int, out *Output) (last string, done bool, err error) {
	t, err := c.turningFrom(live, sw)
	if err != nil {
		return "", false, err
	}
	if t.inPlace && t.change.idle() {
		c.was = nil
		return after, true, nil
	}
	keys, more, err := c.keys(live, after, most)
	if err != nil {
		return after, false, err
	}
	last = after
	for len(keys) > 0 {
		n := min(len(keys), roundSize)
		if err := c.handOver(&t, live, keys[:n], out); err != nil {
			return last, false, err
		}
		last, keys = keys[n-1], keys[n:]
	}
	out.order()
	if !more {
		c.was = nil
	}
	return last, !more, nil
}

// turningFrom begins to switch from live, as in SwitchFrom.
func (c *Core) turningFrom(live *Core, sw *Switch) (t turning, err error) {
	t = turning{core: c, sw: sw}
	switch live {
	case nil:
		t.begin()
	case c:
		was := sw.Was
		if was == nil {
			was = c.was
		}
		if was == nil {
			return t, errors.New("a switch in place needs the program that ran before: call Reprogram, or name it")
		}
		t.change, t.inPlace = c.changeOf(was), true
	default:
		t.change.was = &live.prog
	}
	return t, nil
}

// handOver takes a few leads over, and tells what changed of them.
func (c *Core) handOver(t *turning, live *Core, keys []string, out *Output) error {
	t.leads = t.leads[:0]
	for _, key := range keys {
		e, err := c.fetch(key)
		if err != nil {
			return err
		}
		if err := t.meet(e, live, key); err != nil {
			return err
		}
	}
	if err := t.run(out); err != nil {
		return err
	}
	for i := range t.leads {
		l := &t.leads[i]
		e := l.entry
		c.show(e)
		c.requeue(e)
		if l.changed || t.change.steps && e.due != 0 { // its timer may be another one: the shelf must learn of it
			e.touch()
		}
		c.emit(e, out)
	}
	return nil
}

// meet brings a lead to the switch.
func (t *turning) meet(e *entry, live *Core, key string) error {
	c := t.core
	if t.inPlace {
		if e != nil && e.acct != nil {
			t.leads = append(t.leads, turned{entry: e, acct: e.acct, before: &e.acct.Marks})
		}
		return nil
	}
	if t.begins {
		if e != nil && e.acct != nil {
			t.leads = append(t.leads, turned{entry: e, acct: e.acct, before: t.begun(e.acct)})
		}
		return nil
	}
	was, err := live.peek(key)
	if err != nil {
		return err
	}
	switch {
	case (was == nil || was.First == 0) && (e == nil || e.acct == nil):
		return nil
	case e == nil:
		e = c.leads.add(key)
		fallthrough
	case e.acct == nil:
		// All that the lead did was refused here; the workflow knows it all the same.
		e.acct = ledger.NewAccount(c.prog.Book, e.key)
		e.acct.First, e.acct.Clock = was.First, was.Clock
	}
	l := turned{entry: e, acct: e.acct, before: &ledger.Marks{}}
	if was != nil {
		l.before, l.known = &was.Marks, true
	}
	t.leads = append(t.leads, l)
	return nil
}

// turning is a walk over leads at a switch point. The same code switches and
// counts.
type turning struct {
	core    *Core
	sw      *Switch
	change  change
	inPlace bool
	begins  bool   // no release of the workflow was live before
	count   *Newly // not nil: nothing is kept or told
	leads   []turned
}

// begin says that no release of the workflow was live before: what the lineage
// itself has found in history takes that one's place.
func (t *turning) begin() { t.begins, t.change.was = true, &t.core.prog }

// begun are the marks of a lead before a workflow begins.
func (t *turning) begun(a *ledger.Account) *ledger.Marks {
	m := t.core.prog.Policy.Begun(&a.Marks)
	return &m
}

// turned is one lead at the switch.
type turned struct {
	entry   *entry
	acct    *ledger.Account
	before  *ledger.Marks // that the live lineage left
	known   bool          // the live lineage has the lead
	changed bool
}

// run takes the leads, at most roundSize, through the memoryless steps and the
// routes.
func (t *turning) run(out *Output) error {
	c := t.core
	c.items = c.items[:0]
	for i := range t.leads {
		a, w := t.leads[i].acct, &c.lanes[i]
		now := max(a.Clock, c.tick)
		w.item = step.Item{Hands: w.item.Hands[:0], Kind: abi.SlotProbe, Seed: step.SeedOf(a.Key, 0, now),
			Frame: ledger.Frame{Book: c.prog.Book, Acct: a, At: now, Now: now}}
		if !t.change.calm || t.change.force != 0 {
			a.Begin(&w.undo)
			c.items = append(c.items, &w.item)
		}
	}
	if len(c.items) > 0 {
		if err := c.runner.Resettle(c.items, t.change.force); err != nil {
			return err
		}
	}
	for i := range t.leads {
		if err := t.turn(&t.leads[i], &c.lanes[i], out); err != nil {
			return err
		}
	}
	return nil
}

// turn takes one lead over. Of its look only the marks are kept, if they changed:
// points that fade are computed when something happens to the lead, as before,
// unless they fade otherwise from now on.
func (t *turning) turn(l *turned, w *lane, out *Output) error {
	c, a, f := t.core, l.acct, &w.item.Frame
	if w.item.Failure != nil { // it is looked at for real with the next input, where its policy says what happens
		a.Rollback()
		a.Begin(&w.undo)
		w.item.Failure = nil
	}
	keep := t.change.force != 0 && a.Dirty()
	if !t.calm() {
		found := t.look(l, f, out)
		t.counted(l, found)
		keep = keep || len(c.raised) > 0 || a.MarksChanged()
	}
	switch marks := a.Marks; {
	case t.change.force != 0 && keep:
		a.Clock = f.Now
		a.Keep()
	case keep:
		a.Rollback()
		a.Marks = marks
	default:
		a.Rollback()
	}
	anew, err := t.renew(a, f.Now, out)
	l.changed = keep || anew
	return err
}

// calm says that nothing can be newly true.
func (t *turning) calm() bool { return t.inPlace && t.change.calm && t.change.force == 0 }

// look decides about the lead at the switch.
func (t *turning) look(l *turned, f *ledger.Frame, out *Output) decide.Newly {
	c, a, sw := t.core, l.acct, t.sw
	h := decide.Handover{Cause: lead.Cause{Kind: decide.CauseRelease, Event: sw.Release, At: sw.At},
		Was: t.change.was.Policy, Before: l.before, OnRelease: sw.OnRelease, Recall: sw.Recall, Since: sw.Since}
	if sw.OnRelease == decide.Drip {
		h.Due = sw.turnOf(a.Key, c.prog.Policy.Release)
	}
	if sw.Recall {
		h.Own = decide.OpenActions(&a.Marks)
	}
	room := a.Marks.Episodes[:0]
	before := *l.before
	h.Before = &before // in place, the marks themselves move
	a.Marks = c.prog.Policy.Inherit(&a.Marks, &before)
	f.Evaluate(c.values)
	var found decide.Newly
	found, c.raised = c.prog.Policy.Switch(f, &h, c.raised[:0])
	c.schedule(f)
	silent := f.Now < a.Marks.Silent
	if silent {
		found = decide.Newly{}
	}
	if t.count == nil && !c.opts.Quiet && !silent {
		out.decide(c.raised, position{lead: a.Key})
	}
	if len(c.raised) > 0 || a.MarksChanged() {
		a.Marks.Episodes = append(room, a.Marks.Episodes...) // where the account has its place for them
	}
	return found
}

// renew converts states of another version, and lets steps look anew at the next
// input.
func (t *turning) renew(a *ledger.Account, now int64, out *Output) (changed bool, err error) {
	if t.count != nil {
		return false, nil
	}
	c := t.core
	for i, spec := range c.prog.Steps {
		if spec.Caps&abi.CapState != 0 && a.Stale(i) {
			changed = true
			state, why := t.convert(i, a)
			if why != nil {
				c.reject(out, lead.Rejected{Lead: a.Key, At: now, Code: "state-unreadable", Step: spec.Name,
					Reason: fmt.Sprintf("step %s: %v; the step begins anew with this lead", spec.Name, why)}, position{lead: a.Key})
			}
			a.Converted(i, state)
		}
		if t.change.anew>>uint(i)&1 == 1 && a.Steps[i].Ran {
			changed = true
			m := a.Steps[i]
			m.Ran = false
			a.SetStep(i, m)
		}
	}
	return changed, nil
}

// convert gives the state of step i in the version that the step wants.
func (t *turning) convert(i int, a *ledger.Account) ([]byte, error) {
	c, scorers := t.core, make([]step.Scorer, 1, 2)
	def := &c.prog.Book.Steps[i]
	scorers[0] = c.prog.Scorers[i]
	if k := stepIndex(t.change.was.Book, def.ID); k >= 0 {
		scorers = append(scorers, t.change.was.Scorers[k])
	}
	from := a.StateVersion(c.prog.Book, i)
	state, err := migrate(a.Steps[i].State, from, def.StateVersion, scorers...)
	if most := c.prog.Steps[i].StateMax; err == nil && most > 0 && len(state) > most {
		return nil, fmt.Errorf("its state of version %d has %d bytes in version %d, at most %d", from, len(state), def.StateVersion, most)
	}
	return slices.Clone(state), err
}

const dayLength = int64(dayMillis)

// turnOf is when a lead has its turn in the drip, ms: leads are spread by a hash
// of their key and of the model that begins, PerDay of Total each day. Both are
// known before the order is given: a plan names the same leads.
func (sw *Switch) turnOf(key, model string) int64 {
	if sw.PerDay <= 0 {
		return sw.At
	}
	h := ledger.Hash64(key) ^ ledger.Hash64(model)*0x9e3779b97f4a7c15
	h = (h ^ h>>31) * 0xbf58476d1ce4e5b9
	h ^= h >> 29
	return sw.At + int64(h%uint64(max(sw.Total, 1)))*dayLength/sw.PerDay
}
