package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// Types of control messages.
const (
	ControlTick    = "tick"    // time passes: At
	ControlRelease = "release" // a switch point: Body names the release
)

// Control is a message of the engine to all partitions, at one position of the
// events stream.
type Control struct {
	Type string          `json:"type"`
	At   int64           `json:"at"` // ms since 1970 UTC, never before the one in front
	Body json.RawMessage `json:"body,omitempty"`
}

// DecodeControl reads a message of ripen.ctl.
func DecodeControl(data []byte) (Control, error) {
	var c Control
	if err := json.Unmarshal(data, &c); err != nil {
		return Control{}, fmt.Errorf("control message: %w", err)
	}
	if c.Type == "" {
		return Control{}, errors.New("control message without a type")
	}
	return c, nil
}

// ControlLine writes control messages, fenced: of two engines that write behind
// the same message one succeeds. It belongs to one goroutine.
type ControlLine struct {
	j    *Journal
	seq  uint64 // of the newest control message, 0 without
	last Control
}

// OpenControl reads the newest control message.
func (j *Journal) OpenControl(ctx context.Context) (*ControlLine, error) {
	l := &ControlLine{j: j}
	return l, j.patiently(ctx, "last message of "+ControlSubject, l.refresh)
}

func (l *ControlLine) refresh(ctx context.Context) error {
	m, err := l.j.events.GetLastMsgForSubject(ctx, ControlSubject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		l.seq, l.last = 0, Control{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("last message of %s: %w", ControlSubject, err)
	}
	l.seq = m.Sequence
	if l.last, err = DecodeControl(m.Data); err != nil {
		l.j.cfg.Logger.Warn("a control message cannot be read and is passed over", "sequence", m.Sequence, "error", err)
		l.last = Control{}
	}
	return nil
}

// Refresh reads what other engines have written.
func (l *ControlLine) Refresh(ctx context.Context) error {
	seq, last := l.seq, l.last
	err := l.j.patiently(ctx, "last message of "+ControlSubject, l.refresh)
	if err != nil || l.seq < seq { // a server of several that is behind
		l.seq, l.last = seq, last
	}
	return err
}

// Last is the newest control message known.
func (l *ControlLine) Last() Control { return l.last }

// Seq is its position in the events stream, 0 without.
func (l *ControlLine) Seq() uint64 { return l.seq }

// Publish writes a control message and returns its position in the events
// stream. ErrFenced says that another engine wrote first: Last is then its
// message. A time before Last's is moved up to it, so that time never runs
// backwards in the stream.
func (l *ControlLine) Publish(ctx context.Context, c Control) (uint64, error) {
	c.At = max(c.At, l.last.At)
	data, err := json.Marshal(c)
	if err != nil {
		return 0, fmt.Errorf("control message: %w", err)
	}
	attempt, cancel := context.WithTimeout(ctx, l.j.cfg.CommitTimeout)
	defer cancel()
	failpoint.Hit("tick.before")
	failpoint.Soon("tick.sent")
	seq, err := request(attempt, l.j.nc, &nats.Msg{Subject: ControlSubject, Data: data,
		Header: nats.Header{headerExpectLast: {strconv.FormatUint(l.seq, 10)}}})
	if err == nil {
		err = failpoint.Err("tick.acked")
	}
	if err == nil {
		l.seq, l.last = seq, c
		return seq, nil
	}
	return l.resolve(ctx, c, data, err)
}

// resolve reads what became of a control message whose publish failed.
func (l *ControlLine) resolve(ctx context.Context, c Control, data []byte, cause error) (uint64, error) {
	before := l.seq
	if err := l.refresh(ctx); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnresolved, err)
	}
	if l.seq == before {
		return 0, fmt.Errorf("control message is not stored: %w", cause)
	}
	// An equal message of another engine is as good as ours.
	if got, err := json.Marshal(l.last); err == nil && string(got) == string(data) {
		return l.seq, nil
	}
	return 0, fmt.Errorf("%w: %s has a newer message (%s at %d ms)", ErrFenced, ControlSubject, l.last.Type, l.last.At)
}

// Tick lets time pass up to at (ms). It does nothing if the newest control
// message is as late, which is how several engines share the duty: whoever
// comes first writes.
func (l *ControlLine) Tick(ctx context.Context, at int64) error {
	if at <= l.last.At {
		return nil
	}
	_, err := l.Publish(ctx, Control{Type: ControlTick, At: at})
	if errors.Is(err, ErrFenced) && l.last.At >= at {
		return nil
	}
	return err
}
