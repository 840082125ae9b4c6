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
	// Decided gets the decisions of each batch, and the index of the release and
	// of the partition; its goroutines are those of the partitions, and the list
	// is valid until it returns. nil = they are kept, see Decisions.
	Decided func(release, partition int, list []lead.Decision)
	// Now is a clock in ns by which the cost of each release is measured, that of
	// the thread or any other; nil = it is not. Nothing that comes out depends on it.
	Now func() int64
}

func (o *Options) now() int64 {
	if o.Now == nil {
		return 0
	}
	return o.Now()
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

// Side is what one release makes of the inputs. Its methods are valid after
// Drain.
type Side struct {
	prog  core.Program // of one partition: book and policy are those of all
	seats []*seat      // by partition
}

// Replay is one run over the inputs, of one release or of several beside each
// other. It shows the first one's side. Its methods belong to one goroutine.
type Replay struct {
	*Side
	sides   []*Side
	opts    Options
	workers []*worker
}

// New starts the partitions of a replay.
func New(newProgram Programs, o Options) (*Replay, error) {
	return NewBeside([]Programs{newProgram}, o)
}

// NewBeside starts a replay of several releases: each gets the same inputs, which
// are read once.
func NewBeside(releases []Programs, o Options) (*Replay, error) {
	r := &Replay{opts: o.withDefaults()}
	for range releases {
		r.sides = append(r.sides, &Side{})
	}
	r.Side = r.sides[0]
	for index := range r.opts.Partitions {
		var seats []*seat
		for i, newProgram := range releases {
			prog, release, err := newProgram()
			if err != nil {
				for _, s := range seats {
					s.release()
				}
				r.Close()
				return nil, err
			}
			seats = append(seats, &seat{core: core.New(prog, o.Core), release: release})
			r.sides[i].prog = prog
			r.sides[i].seats = append(r.sides[i].seats, seats[i])
		}
		r.workers = append(r.workers, startWorker(index, seats, &r.opts))
	}
	return r, nil
}

// Of is the side of the i-th release.
func (r *Replay) Of(i int) *Side { return r.sides[i] }

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

// TickIn lets time pass to at, ms, in one partition.
func (r *Replay) TickIn(partition int, at int64) {
	r.workers[partition].put(core.Input{Event: lead.Event{Kind: lead.Tick, At: at}}, Place{})
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

// Cores are those of the partitions: a lead's is at lead.Partition. They belong
// to the replay again with the next input.
func (r *Side) Cores() (list []*core.Core) {
	for _, s := range r.seats {
		list = append(list, s.core)
	}
	return list
}

// Took is the time in ns that the release took, by Options.Now, summed over the
// partitions.
func (r *Side) Took() (ns int64) {
	for _, s := range r.seats {
		ns += s.took
	}
	return ns
}

// Counts sums over the partitions.
func (r *Side) Counts() (c Counts) {
	for _, s := range r.seats {
		c.Accepted += s.counts.Accepted
		c.Duplicates += s.counts.Duplicates
		c.Refused += s.counts.Refused
	}
	return c
}

// Leads are the keys of all leads, sorted.
func (r *Side) Leads() []string {
	var keys []string
	for _, s := range r.seats {
		s.core.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
	}
	slices.Sort(keys)
	return keys
}

// Decisions are ordered by time, lead and the lead's own order.
func (r *Side) Decisions() []lead.Decision {
	var out []lead.Decision
	for _, s := range r.seats {
		out = append(out, s.decisions...)
	}
	slices.SortFunc(out, func(a, b lead.Decision) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.Seq, b.Seq))
	})
	return out
}

// Refused lists what the workflow refused, by place, lead and time.
func (r *Side) Refused() []Refused {
	var out []Refused
	for _, s := range r.seats {
		out = append(out, s.refused...)
	}
	slices.SortStableFunc(out, func(a, b Refused) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.At, b.At))
	})
	return out
}

// Look shows leads as they are at time at, ms, in no particular order; see
// core.Core.Look.
func (r *Side) Look(keys []string, at int64, fn func(*ledger.Frame)) error {
	mine := make([][]string, len(r.seats))
	for _, k := range keys {
		p := lead.Partition(k, len(r.seats))
		mine[p] = append(mine[p], k)
	}
	for p, s := range r.seats {
		if err := s.core.Look(mine[p], at, fn); err != nil {
			return err
		}
	}
	return nil
}
