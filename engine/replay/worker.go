package replay

import (
	"fmt"
	"runtime"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
)

// inFlight is how many batches wait for a partition: enough to keep it busy,
// few enough to bound memory.
const inFlight = 4

// seat is what one release makes of one partition. Its fields are written by
// the partition's goroutine, and read by others between wait and put.
type seat struct {
	core      *core.Core
	release   func()
	out       core.Output
	decisions []lead.Decision
	refused   []Refused
	counts    Counts
	number    uint64 // of the batch
	took      int64  // ns, if somebody told the time
}

// worker is one partition: a core of each release and the goroutine that runs
// them, one after the other over each batch.
type worker struct {
	seats []*seat
	opts  *Options
	index int // of the partition

	pending batch // filled by the feeder
	todo    chan batch
	spare   chan batch
	idle    chan struct{} // a message per wait
	done    chan struct{}
	err     error // as the fields of a seat
}

// batch is a run of inputs with their places. Without inputs it asks for a sign
// of life on idle.
type batch struct {
	inputs []core.Input
	places []Place
}

func startWorker(index int, seats []*seat, o *Options) *worker {
	w := &worker{seats: seats, opts: o, index: index,
		todo: make(chan batch, inFlight), spare: make(chan batch, inFlight+2), idle: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *worker) put(in core.Input, at Place) {
	w.pending.inputs = append(w.pending.inputs, in)
	w.pending.places = append(w.pending.places, at)
	if len(w.pending.inputs) >= w.opts.Batch {
		w.flush()
	}
}

func (w *worker) flush() {
	if len(w.pending.inputs) == 0 {
		return
	}
	w.todo <- w.pending
	select {
	case w.pending = <-w.spare:
	default:
		w.pending = batch{}
	}
}

// wait returns when the goroutine has done all that was flushed.
func (w *worker) wait() error {
	w.todo <- batch{}
	<-w.idle
	return w.err
}

func (w *worker) close() {
	close(w.todo)
	<-w.done
	for _, s := range w.seats {
		s.release()
	}
}

func (w *worker) run() {
	defer close(w.done)
	if w.opts.Now != nil { // it may be the time of a thread
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
	}
	for b := range w.todo {
		if len(b.inputs) == 0 {
			w.idle <- struct{}{}
			continue
		}
		if w.err == nil {
			w.score(b)
		}
		clear(b.inputs) // lets go of the buffers behind the events
		b.inputs, b.places = b.inputs[:0], b.places[:0]
		select {
		case w.spare <- b:
		default:
		}
	}
}

// score runs the cores. A panic in them is a bug of ours; it must not take a
// user's terminal along from inside a goroutine.
func (w *worker) score(b batch) {
	defer func() {
		if p := recover(); p != nil {
			w.err = fmt.Errorf("internal error while scoring: %v", p)
		}
	}()
	for i, s := range w.seats {
		began := w.opts.now()
		s.out.Reset()
		if w.err = s.core.Run(b.inputs, &s.out); w.err != nil {
			return
		}
		s.took += w.opts.now() - began
		s.take(&b)
		if w.opts.Decided != nil {
			w.opts.Decided(i, w.index, s.out.Decisions)
		} else {
			s.decisions = append(s.decisions, s.out.Decisions...)
		}
	}
}

func (s *seat) take(b *batch) {
	s.number++
	for i := range s.out.Changes {
		s.out.Changes[i].Stamp(s.number) // no journal holds them, but they are settled
	}
	s.counts.Accepted += s.out.Accepted
	s.counts.Duplicates += s.out.Duplicates
	for i := range s.out.Rejected {
		r := &s.out.Rejected[i]
		if r.Event != "" { // else a timer
			s.counts.Refused++
		}
		s.refused = append(s.refused, Refused{Place: b.placeOf(r), Rejected: *r})
	}
}

// placeOf finds where a refused event stands. Timers, and events that waited
// since an earlier batch, are nowhere.
func (b *batch) placeOf(r *lead.Rejected) Place {
	for i := range b.inputs {
		if e := &b.inputs[i].Event; r.Event != "" && e.ID == r.Event && e.Lead == r.Lead {
			return b.places[i]
		}
	}
	return Place{}
}
