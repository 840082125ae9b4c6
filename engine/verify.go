package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// VerifyOptions shape a verification.
type VerifyOptions struct {
	// Progress is told the sequence of the journal stream that was reached, and
	// the last one; nil is fine. It is called from one goroutine.
	Progress func(at, last uint64)
	// Most is how many problems of a partition are listed, default 20.
	Most int
	// Cache is how many leads of a partition are kept in memory, twice; the others
	// lie in a temporary folder. Default 50,000.
	Cache int
}

// Problem is a difference between the journal and what its inputs lead to.
type Problem struct {
	Partition int    `json:"partition"`          // -1 = not known
	Kind      string `json:"kind"`               // record, input, lead, decision or rejected
	Record    uint64 `json:"record,omitempty"`   // number in its partition
	Seq       uint64 `json:"sequence,omitempty"` // of the journal stream
	Lead      string `json:"lead,omitempty"`
	ID        string `json:"id,omitempty"` // of the decision or the rejected event
	Text      string `json:"text"`
}

func (p *Problem) String() string {
	var b strings.Builder
	b.WriteString("journal")
	if p.Partition >= 0 {
		fmt.Fprintf(&b, ", partition %d", p.Partition)
	}
	for _, s := range []struct {
		name string
		n    uint64
	}{{"record", p.Record}, {"sequence", p.Seq}} {
		if s.n > 0 {
			fmt.Fprintf(&b, ", %s %d", s.name, s.n)
		}
	}
	if p.Lead != "" {
		fmt.Fprintf(&b, ", lead %q", p.Lead)
	}
	if p.ID != "" {
		fmt.Fprintf(&b, ", %s %s", p.Kind, p.ID)
	}
	return b.String() + ": " + p.Text
}

// VerifiedPartition is what was verified of a partition.
type VerifiedPartition struct {
	Partition int    `json:"partition"`
	Records   uint64 `json:"records"` // whose chain is whole
	// Computed records were computed again from their inputs; From is the number
	// of the first of them, 0 without any. Adopted ones were not, and Notes say
	// why: their state was taken from the journal.
	Computed  uint64   `json:"computed"`
	From      uint64   `json:"from,omitempty"`
	Adopted   uint64   `json:"adopted,omitempty"`
	Inputs    int      `json:"inputs"` // events and ticks that were run again
	Leads     int      `json:"leads"`
	Decisions int      `json:"decisions"`
	Rejected  int      `json:"rejected"`
	More      int      `json:"moreProblems,omitempty"`
	Notes     []string `json:"notes,omitempty"`
}

// VerifyReport is the outcome of a verification.
type VerifyReport struct {
	Partitions []VerifiedPartition `json:"partitions"`
	Problems   []Problem           `json:"problems"`
}

// Verify runs the inputs of the events stream through the core again and
// compares byte by byte what comes out with what the journal says: the state
// of every lead, every decision and every rejected event; and it follows the
// chain of all records. It reads only, from a data folder or from a server, and
// a running engine goes on meanwhile. What it finds is in the report; the error
// says that it could not look.
func Verify(ctx context.Context, o Options, vo VerifyOptions) (*VerifyReport, error) {
	e, err := reachIf(o, intact)
	var found *damagedFiles
	if errors.As(err, &found) {
		return found.report(), nil
	}
	if err != nil {
		return nil, err
	}
	defer e.shut(context.Background())
	if err := e.openJournal(ctx, true); err != nil {
		return nil, err
	}
	if err := e.allowed(ctx, e.findReleases); err != nil {
		return nil, err
	}
	if vo.Most <= 0 {
		vo.Most = 20
	}
	if vo.Cache <= 0 {
		vo.Cache = verifyCache
	}
	v := &verification{e: e, opts: vo}
	if v.vault, err = openVault(e); err != nil {
		return nil, err
	}
	defer v.close()
	return v.run(ctx)
}

// report is that of a verification that ends here.
func (d *damagedFiles) report() *VerifyReport {
	r := &VerifyReport{Partitions: []VerifiedPartition{}}
	for i := range d.list {
		text := d.list[i].String() + "; restore the data folder from a backup"
		if d.list[i].Tail {
			text = d.list[i].String() + ", and nothing whole stands behind it: it was changed, or torn by a power loss; an engine that starts here cuts it off and computes it again from the events"
		}
		r.Problems = append(r.Problems, Problem{Partition: -1, Kind: "record", Seq: d.list[i].Seq, Text: text})
	}
	return r
}

// verification reads the journal once and hands its messages to one check per
// partition.
type verification struct {
	e      *Engine
	opts   VerifyOptions
	checks []*check
	vault  *vault
	old    int64 // ms; what was decided before may be purged by age

	first, last uint64 // of the journal stream
	count       uint64 // of its messages
	read        uint64 // messages that were read
	gaps        []gap
	lost        []Problem
}

// gap is a run of sequences that did not come.
type gap struct{ from, to uint64 }

func (v *verification) run(ctx context.Context) (*VerifyReport, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	missing, err := v.e.cutOff(ctx)
	if err != nil {
		return nil, err
	}
	first, err := v.bounds(ctx)
	if err != nil {
		return nil, err
	}
	for p := range v.e.journal.Partitions() {
		c, err := newCheck(ctx, v, p, first)
		v.checks = append(v.checks, c)
		if err != nil {
			return nil, err
		}
		if text := missing[p]; text != "" {
			c.problem(Problem{Kind: "record", Text: text + "; bytes of it are damaged, or a power loss took them"})
		}
	}
	var running sync.WaitGroup
	for _, c := range v.checks {
		running.Go(func() {
			if err := c.run(ctx); err != nil {
				cancel(err)
			}
		})
	}
	if err = v.scan(ctx); err == nil {
		err = v.unreadable(ctx)
	}
	for _, c := range v.checks {
		close(c.in)
	}
	running.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, err
	}
	return v.report(), nil
}

// bounds looks at both streams and tells the first sequence of the events.
func (v *verification) bounds(ctx context.Context) (first uint64, err error) {
	events, err := v.e.js.Stream(ctx, journal.EventsStream)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", journal.EventsStream, err)
	}
	records, err := v.e.js.Stream(ctx, journal.JournalStream)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", journal.JournalStream, err)
	}
	st := records.CachedInfo().State
	if history := events.CachedInfo().Config.MaxAge; history > 0 {
		v.old = time.Now().Add(time.Minute - history).UnixMilli()
	}
	v.first, v.last, v.count = st.FirstSeq, st.LastSeq, st.Msgs
	return events.CachedInfo().State.FirstSeq, nil
}

// scan hands every message of the journal to the check of its partition.
func (v *verification) scan(ctx context.Context) error {
	filters := []string{"ripen.j.*", "ripen.out.>", "ripen.rejected.*", "ripen.shadow.*"}
	next := v.first
	defer func() {
		if next <= v.last {
			v.gaps = append(v.gaps, gap{next, v.last})
		}
	}()
	return v.e.allowed(ctx, func(ctx context.Context) error {
		return v.e.journal.Scan(ctx, journal.JournalStream, filters, 1, func(m journal.Message) error {
			if v.opts.Progress != nil {
				v.opts.Progress(m.Seq, max(v.last, m.Seq))
			}
			if m.Seq > next {
				v.gaps = append(v.gaps, gap{next, m.Seq - 1})
			}
			next = m.Seq + 1
			v.read++
			return v.hand(ctx, m)
		})
	})
}

// hand gives a message to its check.
func (v *verification) hand(ctx context.Context, m journal.Message) error {
	c, err := v.checkOf(&m)
	if err != nil {
		return err
	}
	select {
	case c.in <- m:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unreadable finds messages that the stream counts and does not deliver: their
// bytes are damaged on disk. One at the very end would leave no hole in the
// chain.
func (v *verification) unreadable(ctx context.Context) error {
	if v.read >= v.count {
		return nil
	}
	s, err := v.e.js.Stream(ctx, journal.JournalStream)
	if err != nil {
		return fmt.Errorf("%s: %w", journal.JournalStream, err)
	}
	info, err := s.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return fmt.Errorf("%s: %w", journal.JournalStream, err)
	}
	gone := make(map[uint64]bool, len(info.State.Deleted))
	for _, seq := range info.State.Deleted {
		gone[seq] = true
	}
	for _, g := range v.gaps {
		for seq := max(g.from, info.State.FirstSeq); seq <= g.to; seq++ {
			if gone[seq] || len(v.lost) == v.opts.Most {
				continue
			}
			m, err := s.GetMsg(ctx, seq)
			if err == nil && g.to == v.last { // sound, behind one that is not
				err = v.hand(ctx, journal.Message{Seq: seq, Time: m.Time.UnixMilli(), Subject: m.Subject, Data: m.Data})
				if err != nil {
					return err
				}
			} else if err != nil {
				v.lost = append(v.lost, Problem{Partition: -1, Kind: "record", Seq: seq,
					Text: "is in " + journal.JournalStream + " and cannot be read (" + err.Error() + "): it is damaged on disk; restore the data folder from a backup"})
			}
		}
	}
	return nil
}

// checkOf finds the partition that a message of the journal belongs to.
// Decisions and differences belong to that of their lead; one that cannot be read is reported
// by the first.
func (v *verification) checkOf(m *journal.Message) (*check, error) {
	if strings.HasPrefix(m.Subject, "ripen.out.") || strings.HasPrefix(m.Subject, "ripen.shadow.") {
		var d struct{ Lead string }
		if json.Unmarshal(m.Data, &d) != nil {
			return v.checks[0], nil
		}
		return v.checks[lead.Partition(d.Lead, len(v.checks))], nil
	}
	n, err := strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
	if err != nil || n < 0 || n >= len(v.checks) {
		return nil, fmt.Errorf("%w: %s at sequence %d, there are %d partitions", journal.ErrPartitions, m.Subject, m.Seq, len(v.checks))
	}
	return v.checks[n], nil
}

func (v *verification) report() *VerifyReport {
	r := &VerifyReport{Problems: append([]Problem{}, v.lost...)}
	for _, c := range v.checks {
		c.finish(v.e.server != nil)
		r.Partitions = append(r.Partitions, c.done)
		r.Problems = append(r.Problems, c.problems...)
	}
	slices.SortStableFunc(r.Problems, func(a, b Problem) int { return a.Partition - b.Partition })
	return r
}

func (v *verification) close() {
	for _, c := range v.checks {
		c.close()
	}
	v.vault.close()
}

// errStopped ends the check of a partition whose chain is broken: behind it
// nothing can be known.
var errStopped = errors.New("the chain is broken")
