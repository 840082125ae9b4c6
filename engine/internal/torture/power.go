package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// down kills what runs of engine and server, and waits until no producer waits
// for an answer any more; the gate stays locked.
func (r *round) down(kind string) {
	if r.engine != nil {
		r.engine.kill(kind)
	}
	if r.server != nil {
		r.server.kill()
	}
	r.load.gate.Lock()
}

func (r *round) up() error {
	if r.server != nil {
		if err := r.server.start(); err != nil {
			return err
		}
	}
	return r.ensure()
}

// powerLoss is a power loss while every write is synced: what nobody was told
// of may be gone, wholly or in part, and nothing else.
func powerLoss(r *round, _ *fault) error {
	if r.server == nil && r.durability != "disk" {
		return killAtRandom(r, nil)
	}
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(50, 300)
	r.down("engine at a power loss")
	defer r.load.gate.Unlock()
	if err := r.cutUntold(); err != nil {
		return err
	}
	b, err := lastBlock(r.data(), journal.JournalStream)
	if err != nil {
		return err
	}
	if len(b.records) > 0 {
		r.note("a torn message at the end of %s", b.stream)
		if err := b.tear(1 + r.rnd.IntN(400)); err != nil {
			return err
		}
	}
	r.tally.row(RowPower)
	return r.up()
}

// cutUntold cuts messages at the end of the events of which no producer knows
// that they are stored, or tears a new one. What the journal has read stays: a
// server that syncs each write hands nothing out before.
func (r *round) cutUntold() error {
	next, err := r.unread()
	if err != nil {
		return err
	}
	b, err := lastBlock(r.data(), journal.EventsStream)
	if err != nil {
		return err
	}
	known := r.load.all()
	n := len(b.records)
	for n > 0 && b.records[n-1].seq >= next && untold(known, eventIDs(b.bytes(&b.records[n-1]))) && !b.records[n-1].mark {
		n--
	}
	if n == len(b.records) {
		r.note("a torn message at the end of %s", b.stream)
		return b.tear(1 + r.rnd.IntN(200))
	}
	first := b.records[n]
	at := first.from + r.rnd.IntN(first.to-first.from)
	r.note("cut %d untold messages of %s, from sequence %d on", len(b.records)-n, b.stream, first.seq)
	return b.cut(at)
}

// unread is the first sequence of the events that no record of the journal has
// read, of any partition.
func (r *round) unread() (next uint64, err error) {
	if r.server != nil {
		if err := r.server.start(); err != nil {
			return 0, err
		}
		defer r.server.kill()
	}
	err = r.open(func(ctx context.Context, js jetstream.JetStream) error {
		j, err := journal.Open(ctx, js, journal.Config{ReadOnly: true})
		if err != nil {
			return err
		}
		for p := range r.partitions {
			last, err := j.Last(ctx, p)
			if err != nil && !errors.Is(err, journal.ErrCorrupt) {
				return err
			}
			next = max(next, last.Pos.Seq)
		}
		return nil
	})
	return next, err
}

// notRead is how many messages at the end of the events no partition has read.
func (r *round) notRead() (n int, err error) {
	next, err := r.unread()
	if err != nil {
		return 0, err
	}
	b, err := lastBlock(r.data(), journal.EventsStream)
	if err != nil {
		return 0, err
	}
	for i := len(b.records) - 1; i >= 0 && b.records[i].seq >= next; i-- {
		n++
	}
	return n, nil
}

func untold(known map[string]event, ids []string) bool {
	for _, id := range ids {
		if e, ours := known[id]; !ours || e.acked {
			return false
		}
	}
	return len(ids) > 0
}

// eventIDs are those in a message of the events stream; none for a tick.
func eventIDs(data []byte) (ids []string) {
	_ = intake.Messages(data, func(_ int, raw []byte, _ int64) { // a damaged one has none
		var e struct{ MessageID string }
		if json.Unmarshal(raw, &e) == nil && e.MessageID != "" {
			ids = append(ids, e.MessageID)
		}
	})
	return ids
}

// powerLossUnsynced is a power loss of a server that syncs now and then: the
// ends of both streams are gone, each up to a place of its own. Producers send
// again what they can tell to be lost.
func powerLossUnsynced(r *round, _ *fault) error {
	return loseUnsynced(r, false)
}

// powerLossAhead is one that takes events which the journal has read, and
// nothing of the journal.
func powerLossAhead(r *round, _ *fault) error {
	return loseUnsynced(r, true)
}

func loseUnsynced(r *round, ahead bool) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(150, 400)
	if ahead { // there is something that it has read
		if err := r.caughtUp(nil); err != nil {
			return err
		}
	}
	r.down("engine at a power loss")
	defer r.load.gate.Unlock()
	n := 1 + r.rnd.IntN(12)
	if ahead {
		more, err := r.notRead()
		if err != nil {
			return err
		}
		n += more
	}
	lost, err := r.cutTail(journal.EventsStream, n)
	if err != nil {
		return err
	}
	if !ahead && r.rnd.IntN(2) == 0 {
		gone, err := r.cutTail(journal.JournalStream, 1+r.rnd.IntN(40))
		if err != nil {
			return err
		}
		if len(gone) > 0 { // decisions may come again
			for p := range r.partitions {
				r.repeats[p] = true
			}
		}
	}
	early := r.rnd.IntN(2) == 0
	if early { // where the lost messages were there are others when the engine comes
		if err := r.storeAgain(lost); err != nil {
			return err
		}
	}
	if err := r.up(); err != nil {
		return err
	}
	if r.engine.says("reading again from the newest", 0) {
		r.tally.row(RowPowerUnsynced)
	}
	if early {
		return nil
	}
	return r.sendAgain(lost)
}

// storeAgain puts new events where the lost messages were, and behind them what
// those held, straight into the stream, before an engine runs: one that went on
// at its recorded position would never see the new ones.
func (r *round) storeAgain(lost [][]byte) error {
	var list []*event
	for range lost {
		who := r.canary(r.rnd.IntN(r.partitions))
		r.excused[who] = true // how late it is depends on a tick that is lost
		list = append(list, &event{id: who + "-1", lead: who, n: 1, at: epoch, line: line(`"type":"track","event":"Canary Seen"`, who+"-1", who, epoch)})
	}
	r.load.note(list)
	r.load.ack(list)
	list = append(list, r.lostInputs(lost)...)
	r.note("%d new events, and the events and ticks of the lost messages, are stored before the engine comes: %d messages", len(lost), len(list))
	return r.open(func(ctx context.Context, js jetstream.JetStream) error {
		for _, e := range list {
			subject, data := journal.EventSubject(lead.Partition(e.lead, r.partitions)), e.line
			if e.id == "tick" {
				subject, data = journal.ControlSubject, fmt.Sprintf(`{"type":"tick","at":%d}`, e.at.UnixMilli())
			}
			if _, err := js.Publish(ctx, subject, []byte(data)); err != nil {
				return err
			}
		}
		return nil
	})
}

// lostInputs are the events and ticks of lost messages, in their order. Their
// leads are excused from then on.
func (r *round) lostInputs(lost [][]byte) (list []*event) {
	known := r.load.all()
	for _, data := range lost {
		_ = intake.Messages(data, func(_ int, raw []byte, _ int64) { // only whole messages are here
			if e := again(raw, known); e != nil {
				list = append(list, e)
				r.excused[e.lead] = true
			}
		})
	}
	return list
}

// cutTail cuts n messages off a stream, and a part of the one before.
func (r *round) cutTail(stream string, n int) (lost [][]byte, err error) {
	b, err := lastBlock(r.data(), stream)
	if err != nil {
		return nil, err
	}
	n = min(n, len(b.records)-1)
	if n <= 0 {
		return nil, nil
	}
	from := len(b.records) - n
	for i := from; i < len(b.records); i++ {
		lost = append(lost, slices.Clone(b.bytes(&b.records[i])))
	}
	first := b.records[from]
	r.note("cut the last %d messages of %s, from sequence %d on", n, stream, first.seq)
	return lost, b.cut(first.from + r.rnd.IntN(first.to-first.from))
}

// sendAgain sends what lost messages held, in their order: events as producers
// do who notice, and the ticks between them. The journal may have seen a tick
// that the stream has lost; without it offline could not know what was late.
func (r *round) sendAgain(lost [][]byte) error {
	nc, err := r.client("again")
	if err != nil {
		return err
	}
	defer nc.Close()
	for _, e := range r.lostInputs(lost) {
		if err := insist(&producer{l: r.load, nc: nc}, e); err != nil {
			return err
		}
	}
	r.note("sent what was in %d messages again", len(lost))
	return nil
}

// again makes a lost event or tick one to send; nil for poison, which nobody
// would miss.
func again(raw []byte, known map[string]event) *event {
	var head struct {
		MessageID, UserID, Type string
		At                      int64
	}
	if json.Unmarshal(raw, &head) != nil {
		return nil
	}
	if head.Type == "tick" {
		return &event{id: "tick", at: time.UnixMilli(head.At), line: tickLine(time.UnixMilli(head.At))}
	}
	if known[head.MessageID].poison {
		return nil
	}
	return &event{id: head.MessageID, lead: head.UserID, line: string(raw)}
}

func insist(w *producer, e *event) error {
	var err error
	for range 100 {
		if err = w.request([]*event{e}); err == nil {
			return nil
		}
		w.l.r.pause(10, 30)
	}
	return fmt.Errorf("event %s is not accepted again: %w", e.id, err)
}
