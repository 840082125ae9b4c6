package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/ripenhq/ripen/engine/lead"
)

// Codes of Failure.
const (
	CodeBusy       = "busy"
	CodeStreamFull = "stream-full"
	CodeDiskLow    = "disk-low"
	CodeBehind     = "behind"
	CodeNotStored  = "not-stored"
	CodeClosing    = "closing"
	CodeEmpty      = "empty-request"
	CodeTooMany    = "too-many-events"
)

// maxListed bounds the rejected events that an answer lists; all are kept.
const maxListed = 1000

// Answer tells what became of a request. Every event of it is counted once: in
// Accepted, Rejected (with MoreRejected), or Error.Events, unless nothing was
// taken and hence nothing counted.
type Answer struct {
	// Accepted events are durable.
	Accepted int `json:"accepted"`
	// Rejected events are wrong and must be corrected; they are kept with their
	// reason. At most 1,000 are listed.
	Rejected     []Rejection `json:"rejected"`
	MoreRejected int         `json:"moreRejected,omitempty"`
	// Error says that some or all events were not stored: send the request
	// again. Those stored already are recognised by their ids.
	Error *Failure `json:"error,omitempty"`
}

// appendJSON appends the answer as JSON; the usual one by hand.
func (a *Answer) appendJSON(dst []byte) ([]byte, error) {
	if a.Error != nil || len(a.Rejected) > 0 || a.MoreRejected > 0 {
		data, err := json.Marshal(a)
		return append(dst, data...), err
	}
	dst = strconv.AppendInt(append(dst, `{"accepted":`...), int64(a.Accepted), 10)
	return append(dst, `,"rejected":[]}`...), nil
}

// bounded is the answer as JSON of at most so many bytes, 0 = no bound: fewer
// rejected events are listed until it fits.
func (a *Answer) bounded(most int) ([]byte, error) {
	for {
		data, err := a.appendJSON(make([]byte, 0, 40))
		if err != nil || most <= 0 || len(data) <= most || len(a.Rejected) == 0 {
			return data, err
		}
		n := len(a.Rejected) / 2
		a.MoreRejected += len(a.Rejected) - n
		a.Rejected = a.Rejected[:n]
	}
}

// Rejection is one event that was refused.
type Rejection struct {
	Index  int    `json:"index"` // from 0, in the order of the request
	ID     string `json:"id,omitempty"`
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// Failure says why events were not stored and when to try again.
type Failure struct {
	Code       string `json:"code"`
	Reason     string `json:"reason"`
	Events     int    `json:"events,omitempty"`       // not stored, if they were counted
	RetryAfter int64  `json:"retryAfterMs,omitempty"` // 0: do not retry as it is
}

// Error makes a Failure an error.
func (f *Failure) Error() string { return f.Code + ": " + f.Reason }

var (
	errBusy = &Failure{Code: CodeBusy, RetryAfter: 250,
		Reason: "more events are on their way than the engine may hold; wait and send the request again, or send fewer at once"}
	errFull = &Failure{Code: CodeStreamFull, RetryAfter: 60_000,
		Reason: "the events stream is at 95 % of its max_bytes; raise max_bytes or shorten the history, then send the request again"}
	errDisk = &Failure{Code: CodeDiskLow, RetryAfter: 60_000,
		Reason: "the disk of the engine is nearly full; make room, then send the request again"}
	errClosing = &Failure{Code: CodeClosing, RetryAfter: 1000,
		Reason: "the engine is stopping; send the request again"}
	errEmpty = &Failure{Code: CodeEmpty,
		Reason: "found no event, expected one JSON object, an array of them, or NDJSON"}
)

// notStored wraps what the server said.
func notStored(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	return &Failure{Code: CodeNotStored, RetryAfter: 1000,
		Reason: "the events could not be stored (" + err.Error() + "); send the request again"}
}

// tooMany refuses a request as a whole, before any of it is read.
func tooMany(found, most int) *Failure {
	return &Failure{Code: CodeTooMany, Events: found, Reason: fmt.Sprintf(
		"found %d events in one request, expected at most %d; nothing of it was taken, send smaller requests", found, most)}
}

// failed is the answer to a request of which nothing was taken.
func failed(events int, f *Failure) Answer {
	g := *f
	g.Events = events
	return Answer{Rejected: []Rejection{}, Error: &g}
}

// ticket follows the events of one request until all are settled.
type ticket struct {
	finish func(Answer)
	free   func(more int64) // gives the bytes back, and more of them
	more   int64            // bytes that its events take beyond its own
	// pass lets time pass to at, ms, once all events of the request are stored.
	pass func(at int64) error

	mu     sync.Mutex
	left   int // events on their way, plus one while the request is being read
	answer Answer
	tick   int64 // latest tick of the request, ms, 0 = none
	ticks  int
}

func newTicket(finish func(Answer), free func(more int64)) *ticket {
	return &ticket{finish: finish, free: free, left: 1, answer: Answer{Rejected: []Rejection{}}}
}

// add announces n events that will be settled.
func (t *ticket) add(n int) {
	t.mu.Lock()
	t.left += n
	t.mu.Unlock()
}

// reject notes a refused event in the answer.
func (t *ticket) reject(index int, r *lead.Rejected) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.answer.Rejected) < maxListed {
		t.answer.Rejected = append(t.answer.Rejected, Rejection{index, r.Event, r.Code, r.Reason})
		return
	}
	t.answer.MoreRejected++
}

// stored settles n accepted events.
func (t *ticket) stored(n int) {
	t.mu.Lock()
	t.answer.Accepted += n
	t.settle(n)
}

// kept settles n rejected events.
func (t *ticket) kept(n int) {
	t.mu.Lock()
	t.settle(n)
}

// fail settles n events that were not stored.
func (t *ticket) fail(n int, f *Failure) {
	t.mu.Lock()
	g := *f
	if t.answer.Error != nil {
		g = *t.answer.Error
	}
	g.Events += n
	t.answer.Error = &g
	t.settle(n)
}

// unkept settles a rejected event that could not be kept; it is listed all the
// same, and a retry keeps it.
func (t *ticket) unkept(f *Failure) {
	t.mu.Lock()
	if t.answer.Error == nil {
		t.answer.Error = f
	}
	t.settle(1)
}

// refuse settles a request of which nothing was taken.
func (t *ticket) refuse(f *Failure) { t.unkept(f) }

// settle is called with the lock held and frees it.
func (t *ticket) settle(n int) {
	t.left -= n
	last, a := t.left == 0, t.answer
	t.mu.Unlock()
	if !last {
		return
	}
	t.free(t.more)
	if t.ticks == 0 || a.Error != nil {
		t.finish(a)
		return
	}
	// What settles events is on the way of others' packs; a tick waits for the
	// server beside it.
	go func() {
		if err := t.pass(t.tick); err != nil {
			a.Error = notStored(err)
			a.Error.Events = t.ticks
		} else {
			a.Accepted += t.ticks
		}
		t.finish(a)
	}()
}

// passes notes a tick. It is written behind all events of the request: time
// that passes later changes nothing.
func (t *ticket) passes(at int64) {
	t.mu.Lock()
	t.tick = max(t.tick, at)
	t.ticks++
	t.mu.Unlock()
}
