package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/lineage"
)

// poll is how often engines are asked how far they are.
const poll = 100 * time.Millisecond

// statuses is Statuses, patient with partitions that change hands.
func (c *Conductor) statuses(ctx context.Context) ([]LineageStatus, int, error) {
	list, partitions, err := Statuses(ctx, c.Conn)
	if ctx.Err() == nil && (errors.Is(err, ErrSilent) || errors.Is(err, ErrNoEngine)) {
		return nil, 0, nil
	}
	return list, partitions, err
}

// build waits until the candidate is in step in all partitions.
func (c *Conductor) build(ctx context.Context, h *Held, _ *Outcome) error {
	c.Say("building release %d from %s beside the live one", h.Release.Number, originWords(&h.Terms))
	var best, total uint64
	least := ^uint64(0)
	moved := time.Now()
	for {
		list, partitions, err := c.statuses(ctx)
		if err != nil {
			return err
		}
		lag, behind := lagOf(list, partitions, h)
		if partitions > 0 && len(behind) == 0 {
			return h.To(ctx, Ready)
		}
		if partitions > 0 && lag < least {
			least, moved = lag, time.Now()
			total = max(total, lag)
			best = total - lag
			c.Progress(best, total)
		}
		if time.Since(moved) > c.Patience.Build {
			return fmt.Errorf("%w: nothing moved for %s: %s", ErrNotReady, c.Patience.Build, orNobody(behind))
		}
		if err := pause(ctx, poll); err != nil {
			return err
		}
	}
}

func originWords(t *Terms) string {
	if t.NoRescore {
		return "a copy of the ledgers"
	}
	return "history"
}

func orNobody(list []string) string {
	if len(list) == 0 {
		return "no engine answers for all partitions"
	}
	return strings.Join(list, "; ")
}

// lagOf is how many events the candidate has still to read, and in which
// partitions it is not in step, with their engines.
func lagOf(list []LineageStatus, partitions int, h *Held) (lag uint64, behind []string) {
	for p := range partitions {
		text := fmt.Sprintf("partition %d does not have it", p)
		for i := range list {
			l := &list[i]
			if l.Partition != p {
				continue
			}
			if l.ID != uint64(h.Lineage) {
				if strings.HasSuffix(text, "have it") {
					text = fmt.Sprintf("partition %d (engine %s) does not have it", p, l.Host)
				}
				continue
			}
			lag += l.Lag
			text = ""
			if !l.Ready {
				text = fmt.Sprintf("partition %d (engine %s) is %s, %d events behind", p, l.Host, l.Role, l.Lag)
			}
			break
		}
		if text != "" {
			behind = append(behind, text)
		}
	}
	return lag, behind
}

// settle waits until all partitions are behind the switch point.
func (c *Conductor) settle(ctx context.Context, h *Held, out *Outcome) error {
	out.Switch, out.SwitchAt = h.Switch.Seq, h.Switch.At
	end := time.Now().Add(c.Patience.Switch)
	for {
		list, partitions, err := c.statuses(ctx)
		if err != nil {
			return err
		}
		behind := waiting(list, partitions, h, out)
		switch {
		case partitions > 0 && len(behind) == 0:
			return nil
		case passedOver(list, partitions, h):
			return fmt.Errorf("%w: at the switch point (position %d) release %d had ended already, by the time of the stream; ripen rollback %[3]d builds it again", ErrPassed, h.Switch.Seq, h.Release.Number)
		}
		if time.Now().After(end) {
			return fmt.Errorf("the switch point is written (position %d) and holds, but %s; the switch happens as soon as they get there", h.Switch.Seq, orNobody(behind))
		}
		if err := pause(ctx, poll/4); err != nil {
			return err
		}
	}
}

// waiting are the partitions that are not behind the switch point.
func waiting(list []LineageStatus, partitions int, h *Held, out *Outcome) (behind []string) {
	done := make([]bool, partitions)
	for i := range list {
		l := &list[i]
		if !h.madeLive(l) || l.Switch < h.Switch.Seq && l.At <= h.Switch.Seq {
			continue
		}
		done[l.Partition] = true
		out.Switch = l.Switch
		if l.First != 0 && (out.First == 0 || l.First < out.First) {
			out.First = l.First
		}
	}
	for p, ok := range done {
		if !ok {
			behind = append(behind, fmt.Sprintf("partition %d is not there", p))
		}
	}
	return behind
}

// passedOver says that every partition has read the order to switch and is still
// where it was. That happens where a lineage was kept for a time that ended
// between the order's writing and its place in the stream, which is the stream's
// to say: a tick or an event in front of it moved the clock.
func passedOver(list []LineageStatus, partitions int, h *Held) bool {
	behind, switched := make([]bool, partitions), false
	for i := range list {
		l := &list[i]
		behind[l.Partition] = behind[l.Partition] || l.Role != lineage.Building.String() && l.At > h.Switch.Seq
		switched = switched || h.madeLive(l)
	}
	return partitions > 0 && !switched && !slices.Contains(behind, false)
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
