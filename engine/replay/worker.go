package replay

import (
	"fmt"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
)

// inFlight is how many batches wait for a partition: enough to keep it busy,
// few enough to bound memory.
const inFlight = 4

// worker is one partition: a core and the goroutine that runs it.
type worker struct {
	core    *core.Core
	release func()
	batch   int

	pending batch // filled by the feeder
	todo    chan batch
	spare   chan batch
	idle    chan struct{} // a message per wait
	done    chan struct{}

	// Written by the goroutine, read by others between wait and put.
	err       error
	out       core.Output
	decisions []lead.Decision
	refused   []Refused
	counts    Counts
}

// batch is a run of inputs with their places. Without inputs it asks for a sign
// of life on idle.
type batch struct {
	inputs []core.Input
	places []Place
}

func startWorker(prog core.Program, release func(), o Options) *worker {
	w := &worker{core: core.New(prog, o.Core), release: release, batch: o.Batch,
		todo: make(chan batch, inFlight), spare: make(chan batch, inFlight+2), idle: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

func (w *worker) put(in core.Input, at Place) {
	w.pending.inputs = append(w.pending.inputs, in)
	w.pending.places = append(w.pending.places, at)
	if len(w.pending.inputs) >= w.batch {
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
	w.release()
}

func (w *worker) run() {
	defer close(w.done)
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

// score runs the core. A panic in it is a bug of ours; it must not take a
// user's terminal along from inside a goroutine.
func (w *worker) score(b batch) {
	defer func() {
		if p := recover(); p != nil {
			w.err = fmt.Errorf("internal error while scoring: %v", p)
		}
	}()
	w.out.Reset()
	if w.err = w.core.Run(b.inputs, &w.out); w.err != nil {
		return
	}
	w.counts.Accepted += w.out.Accepted
	w.counts.Duplicates += w.out.Duplicates
	w.decisions = append(w.decisions, w.out.Decisions...)
	for i := range w.out.Rejected {
		r := &w.out.Rejected[i]
		w.refused = append(w.refused, Refused{Place: b.placeOf(r), Rejected: *r})
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
