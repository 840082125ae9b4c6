// Package replay runs the core over inputs that lie in files: it scores
// history the way the engine scores the present, in as many partitions and
// batches as one likes, with the same result.
//
// It may import core, model, journal, intake, lead and ledger. It takes the
// compiled workflow as a factory of programs, never loads one, publishes
// nothing, and never reads a clock: time is what the inputs say.
package replay

import (
	"cmp"
	"errors"
	"slices"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Programs makes what one partition runs, and the function that releases it.
type Programs func() (prog core.Program, release func(), err error)

// Defaults of Options.
const (
	DefaultPartitions = 1
	DefaultBatch      = 1000
)

// Options shape a replay. They change how fast it is, never what comes out.
type Options struct {
	Partitions int // leads are spread over so many goroutines
	Batch      int // inputs that a partition takes at once
	Core       core.Options
}

func (o Options) withDefaults() Options {
	if o.Partitions < 1 {
		o.Partitions = DefaultPartitions
	}
	if o.Batch < 1 {
		o.Batch = DefaultBatch
	}
	return o
}

// Place is where an event stands in the inputs.
type Place struct {
	File int // the caller's number of the file
	Line int // 1-based; 0 = not known
}

// Refused is an event that the workflow refused.
type Refused struct {
	Place
	lead.Rejected
}

// Counts say what became of the events. Of the accepted, which were no
// duplicates, the refused changed nothing.
type Counts struct {
	Accepted, Duplicates, Refused int
}

// Replay is one run. Its methods belong to one goroutine.
type Replay struct {
	prog    core.Program // of one partition: book and policy are those of all
	workers []*worker
}

// New starts the partitions of a replay.
func New(newProgram Programs, o Options) (*Replay, error) {
	o = o.withDefaults()
	r := &Replay{}
	for range o.Partitions {
		prog, release, err := newProgram()
		if err != nil {
			r.Close()
			return nil, err
		}
		r.prog = prog
		r.workers = append(r.workers, startWorker(prog, release, o))
	}
	return r, nil
}

// Event hands over the next event. Its strings must not change until Drain;
// its place is told again if it is refused.
func (r *Replay) Event(e lead.Event, at Place) {
	r.workers[lead.Partition(e.Lead, len(r.workers))].put(core.Input{Event: e}, at)
}

// Tick lets time pass to at, ms, in every partition.
func (r *Replay) Tick(at int64) {
	for _, w := range r.workers {
		w.put(core.Input{Event: lead.Event{Kind: lead.Tick, At: at}}, Place{})
	}
}

// Drain waits until all inputs are done. The error says that a plugin cannot
// be run at all; the replay is useless then.
func (r *Replay) Drain() error {
	var errs []error
	for _, w := range r.workers {
		w.flush()
	}
	for _, w := range r.workers {
		errs = append(errs, w.wait())
	}
	return errors.Join(errs...)
}

// Close ends the partitions and releases what they ran.
func (r *Replay) Close() {
	for _, w := range r.workers {
		w.close()
	}
	r.workers = nil
}

// Counts sums over the partitions. Valid after Drain.
func (r *Replay) Counts() (c Counts) {
	for _, w := range r.workers {
		c.Accepted += w.counts.Accepted
		c.Duplicates += w.counts.Duplicates
		for i := range w.refused {
			if w.refused[i].Event != "" { // else a timer
				c.Refused++
			}
		}
	}
	return c
}

// Leads are the keys of all leads, sorted. Valid after Drain.
func (r *Replay) Leads() []string {
	var keys []string
	for _, w := range r.workers {
		w.core.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
	}
	slices.Sort(keys)
	return keys
}

// Decisions are ordered by time, lead and the lead's own order. Valid after
// Drain.
func (r *Replay) Decisions() []lead.Decision {
	var out []lead.Decision
	for _, w := range r.workers {
		out = append(out, w.decisions...)
	}
	slices.SortFunc(out, func(a, b lead.Decision) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.Seq, b.Seq))
	})
	return out
}

// Refused lists what the workflow refused, by place, lead and time. Valid
// after Drain.
func (r *Replay) Refused() []Refused {
	var out []Refused
	for _, w := range r.workers {
		out = append(out, w.refused...)
	}
	slices.SortStableFunc(out, func(a, b Refused) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.At, b.At))
	})
	return out
}

// Look shows leads as they are at time at, ms, in no particular order; see
// core.Core.Look. Valid after Drain.
func (r *Replay) Look(keys []string, at int64, fn func(*ledger.Frame)) error {
	mine := make([][]string, len(r.workers))
	for _, k := range keys {
		p := lead.Partition(k, len(r.workers))
		mine[p] = append(mine[p], k)
	}
	for p, w := range r.workers {
		if err := w.core.Look(mine[p], at, fn); err != nil {
			return err
		}
	}
	return nil
}
