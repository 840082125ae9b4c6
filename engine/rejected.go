package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// Errors of a redrive that changed nothing.
var (
	// ErrNotRejected says that there is no rejected event at a sequence.
	ErrNotRejected = errors.New("no rejected event")
	// ErrRedriven says that the attempt was made already.
	ErrRedriven = errors.New("redriven already")
	// ErrUnfit says that the event would be rejected again as it is.
	ErrUnfit = errors.New("the event would be rejected again")
)

// RejectedEvent is an event that changed nothing, as it is kept.
type RejectedEvent struct {
	// Sequence in the journal stream: its name in commands.
	Sequence  uint64 `json:"sequence"`
	Partition int    `json:"partition"`
	Kept      int64  `json:"kept"` // when, ms since 1970 UTC
	lead.Rejected
	// Redriven is the newest attempt to score it after all, 0 = none; RedrivenAt
	// when, ms.
	Redriven   uint32 `json:"redriven,omitempty"`
	RedrivenAt int64  `json:"redrivenAt,omitempty"`
}

// RejectedFilter chooses rejected events; the zero value of a field passes all.
type RejectedFilter struct {
	Code, Step, Lead string
	Since, Until     int64 // kept from … until before …, ms
	Partition        *int
	Open             bool // not redriven so far
}

func (f *RejectedFilter) passes(r *RejectedEvent) bool {
	return (f.Code == "" || f.Code == r.Code) && (f.Step == "" || f.Step == r.Step) && (f.Lead == "" || f.Lead == r.Lead) &&
		r.Kept >= f.Since && (f.Until == 0 || r.Kept < f.Until) && (!f.Open || r.Redriven == 0)
}

// mark is what an operator did about rejected events. It is kept on their own
// subject, behind them, because a message of a stream never changes.
type mark struct {
	Mark     string `json:"mark"` // redriven or purged
	Of       uint64 `json:"of"`   // sequence of the event; of a purge: the newest one
	Workflow string `json:"workflow,omitempty"`
	Attempt  uint32 `json:"attempt,omitempty"`
	Count    int    `json:"count,omitempty"`
}

const (
	markRedriven = "redriven"
	markPurged   = "purged"
)

// readMark reads a mark; ok is false for a rejected event.
func readMark(data []byte) (m mark, ok bool) {
	return m, json.Unmarshal(data, &m) == nil && m.Mark != ""
}

// RejectedLog is the operator's access to the rejected events of an engine,
// which may be running.
type RejectedLog struct{ e *Engine }

// OpenRejected opens the rejected events of a data folder or of a server. Close
// it.
func OpenRejected(ctx context.Context, o Options) (*RejectedLog, error) {
	e, err := reach(o)
	if err != nil {
		return nil, err
	}
	if err := e.openJournal(ctx, true); err != nil {
		e.shut(context.Background())
		return nil, err
	}
	return &RejectedLog{e}, nil
}

// Close lets go of folder or server.
func (l *RejectedLog) Close() { l.e.shut(context.Background()) }

// Partitions is the number of partitions.
func (l *RejectedLog) Partitions() int { return l.e.journal.Partitions() }

// List gives the rejected events that pass the filter, oldest first.
func (l *RejectedLog) List(ctx context.Context, f RejectedFilter) ([]RejectedEvent, error) {
	subject := "ripen.rejected.*"
	if f.Partition != nil {
		subject = journal.RejectedSubject(*f.Partition)
	}
	if p := f.Partition; p != nil && (*p < 0 || *p >= l.Partitions()) {
		return nil, fmt.Errorf("found partition %d, expected 0 to %d", *p, l.Partitions()-1)
	}
	var list []RejectedEvent
	at := map[uint64]int{}
	scan := f
	scan.Open = false // marks come behind
	err := l.e.allowed(ctx, func(ctx context.Context) error {
		return l.e.journal.Scan(ctx, journal.JournalStream, []string{subject}, 1, func(m journal.Message) error {
			if k, ok := readMark(m.Data); ok {
				if i, known := at[k.Of]; known && k.Mark == markRedriven {
					list[i].Redriven, list[i].RedrivenAt = max(list[i].Redriven, k.Attempt), m.Time
				}
				return nil
			}
			r, err := rejectedOf(&m)
			if err != nil {
				return err
			}
			if scan.passes(&r) {
				at[r.Sequence] = len(list)
				list = append(list, r)
			}
			return nil
		})
	})
	if f.Open {
		list = slices.DeleteFunc(list, func(r RejectedEvent) bool { return r.Redriven > 0 })
	}
	return list, err
}

func rejectedOf(m *journal.Message) (r RejectedEvent, err error) {
	r.Sequence, r.Kept = m.Seq, m.Time
	if r.Partition, err = strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]); err != nil {
		return r, fmt.Errorf("rejected event at sequence %d: subject %s", m.Seq, m.Subject)
	}
	if err = json.Unmarshal(m.Data, &r.Rejected); err != nil {
		return r, fmt.Errorf("rejected event at sequence %d cannot be read: %w", m.Seq, err)
	}
	return r, nil
}

// Get gives one rejected event. ErrNotRejected says that there is none.
func (l *RejectedLog) Get(ctx context.Context, seq uint64) (RejectedEvent, error) {
	s, err := l.e.js.Stream(ctx, journal.JournalStream)
	if err != nil {
		return RejectedEvent{}, fmt.Errorf("%s: %w", journal.JournalStream, err)
	}
	m, err := s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return RejectedEvent{}, fmt.Errorf("%w at sequence %d; ripen rejected list shows those there are", ErrNotRejected, seq)
	}
	if err != nil {
		return RejectedEvent{}, fmt.Errorf("%s at sequence %d: %w", journal.JournalStream, seq, err)
	}
	if _, ok := readMark(m.Data); ok || !strings.HasPrefix(m.Subject, "ripen.rejected.") {
		return RejectedEvent{}, fmt.Errorf("%w at sequence %d: the message there lies on %s; ripen rejected list shows those there are", ErrNotRejected, seq, m.Subject)
	}
	r, err := rejectedOf(&journal.Message{Seq: seq, Time: m.Time.UnixMilli(), Subject: m.Subject, Data: m.Data})
	if err != nil {
		return r, err
	}
	list, err := l.List(ctx, RejectedFilter{Partition: &r.Partition, Lead: r.Lead, Code: r.Code})
	for i := range list {
		if list[i].Sequence == seq {
			return list[i], err
		}
	}
	return r, err
}

// Redriven says what became of a redrive.
type Redriven struct {
	Of        uint64 `json:"of"` // sequence of the rejected event
	Lead      string `json:"lead"`
	Event     string `json:"event"` // id of the attempt
	Attempt   uint32 `json:"attempt"`
	Partition int    `json:"partition"`
	// Sequence in the events stream under which it is stored; Twice says that
	// the attempt was stored before and is not scored again.
	Sequence uint64 `json:"sequence"`
	Twice    bool   `json:"twice,omitempty"`
}

// Redrive stores a rejected event as the newest of its lead, under the name of
// an attempt: it passes the set of known ids and the horizon, and each attempt
// counts once for each workflow, however often it is asked for. Attempt 0 is the next one, if
// none was made yet. with are corrected bytes, nil for those that were rejected.
// The rejected event is kept and marked.
func (l *RejectedLog) Redrive(ctx context.Context, r *RejectedEvent, attempt uint32, with []byte) (done Redriven, err error) {
	workflows, err := l.workflows(ctx, r)
	if err != nil {
		return Redriven{}, err
	}
	raw := r.Raw
	if with != nil {
		raw = with
	}
	if attempt == 0 {
		if r.Redriven > 0 {
			return Redriven{}, fmt.Errorf("%w: sequence %d, attempt %d at %s; name another with --attempt", ErrRedriven, r.Sequence, r.Redriven, time.UnixMilli(r.RedrivenAt).UTC().Format(time.RFC3339))
		}
		attempt = attemptOf(raw) + 1
	}
	for _, w := range workflows {
		if done, err = l.redrive(ctx, r, raw, lead.Redrive{Workflow: w, Attempt: attempt}); err != nil {
			return Redriven{}, err
		}
	}
	return done, nil
}

// redrive sends an attempt for one workflow.
func (l *RejectedLog) redrive(ctx context.Context, r *RejectedEvent, raw []byte, again lead.Redrive) (Redriven, error) {
	data, ev, err := l.ready(raw, &again)
	if err != nil {
		return Redriven{}, fmt.Errorf("sequence %d: %w", r.Sequence, err)
	}
	done := Redriven{Of: r.Sequence, Lead: ev.Lead, Event: ev.ID, Attempt: again.Attempt, Partition: lead.Partition(ev.Lead, l.e.journal.Partitions())}
	failpoint.Hit("redrive.before")
	// The server knows the attempt for a while; later the partition does.
	ack, err := l.e.js.PublishMsg(ctx, &nats.Msg{Subject: journal.EventSubject(done.Partition), Data: data}, jetstream.WithMsgID("redrive of sequence "+strconv.FormatUint(r.Sequence, 10)+", "+ev.ID))
	if err != nil {
		return Redriven{}, fmt.Errorf("the event is not stored: %w; try again, it counts once", err)
	}
	done.Sequence, done.Twice = ack.Sequence, ack.Duplicate
	failpoint.Hit("redrive.sent")
	return done, l.mark(ctx, r.Partition, mark{Mark: markRedriven, Of: r.Sequence, Workflow: again.Workflow, Attempt: again.Attempt})
}

// attemptOf is the attempt that an event is already, 0 = the event itself.
func attemptOf(raw []byte) uint32 {
	ev, bad := intake.NewDecoder(intake.Options{}).Decode(raw, time.Now().UnixMilli())
	if bad != nil || ev.Redrive == nil {
		return 0
	}
	return ev.Redrive.Attempt
}

// ready makes the message of an attempt and checks that intake takes it.
func (l *RejectedLog) ready(raw []byte, again *lead.Redrive) ([]byte, lead.Event, error) {
	data, ok := intake.Redriven(raw, again)
	if !ok {
		return nil, lead.Event{}, fmt.Errorf("%w: its bytes are no JSON object; correct them and give them with --with FILE", ErrUnfit)
	}
	ev, bad := intake.NewDecoder(intake.Options{}).Decode(data, time.Now().UnixMilli())
	if bad != nil {
		return nil, lead.Event{}, fmt.Errorf("%w (%s): %s; correct it and give it with --with FILE", ErrUnfit, bad.Code, bad.Reason)
	}
	return data, ev, nil
}

// workflows are those that an event is driven to again: the one that refused it,
// or, if none could take it, all that decide by the newest record of the
// partition, or of any other.
func (l *RejectedLog) workflows(ctx context.Context, r *RejectedEvent) (list []string, err error) {
	if r.Workflow != "" {
		return []string{r.Workflow}, nil
	}
	n := l.e.journal.Partitions()
	for i := range n {
		last, err := l.e.journal.Last(ctx, (r.Partition+i)%n)
		if err != nil {
			return nil, err
		}
		for k := range last.Lineages {
			if l := &last.Lineages[k]; l.Role == journal.RoleLive {
				list = append(list, l.Workflow)
			}
		}
		if len(list) > 0 {
			return list, nil
		}
	}
	return nil, errors.New("no partition has decided anything so far, so there is no workflow to redrive for; let the engine score an event first")
}

func (l *RejectedLog) mark(ctx context.Context, p int, m mark) error {
	data, err := json.Marshal(m)
	if err == nil {
		_, err = l.e.js.Publish(ctx, journal.RejectedSubject(p), data)
	}
	if err != nil {
		return fmt.Errorf("the rejected event is not marked: %w; try again, it counts once", err)
	}
	return nil
}

// Purge deletes rejected events for good; what became of redriven ones stays.
func (l *RejectedLog) Purge(ctx context.Context, list []RejectedEvent) error {
	s, err := l.e.js.Stream(ctx, journal.JournalStream)
	if err != nil {
		return fmt.Errorf("%s: %w", journal.JournalStream, err)
	}
	newest, count := map[int]uint64{}, map[int]int{}
	for i := range list {
		p := list[i].Partition
		newest[p] = max(newest[p], list[i].Sequence)
		count[p]++
	}
	for p := range l.e.journal.Partitions() {
		if count[p] == 0 {
			continue
		}
		// First said, then done: a verification that finds one missing knows why.
		if err := l.mark(ctx, p, mark{Mark: markPurged, Of: newest[p], Count: count[p]}); err != nil {
			return err
		}
	}
	for i := range list {
		if err := s.DeleteMsg(ctx, list[i].Sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return fmt.Errorf("delete sequence %d: %w", list[i].Sequence, err)
		}
	}
	return nil
}
