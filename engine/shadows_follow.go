package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// ShadowDifference is a moment in which a shadow decided otherwise than the live
// release: lead, input, both decisions, and why.
type ShadowDifference = lineage.Difference

// FollowShadow hands the differences of a shadow to fn as the engine publishes
// them, in the order of the journal, until the context ends; with past also
// those that the journal still holds, first. Without an engine on a data folder
// it ends behind those. It tells what was decided otherwise and when;
// CompareShadow tells where leads stand now. An empty workflow is any.
func FollowShadow(ctx context.Context, o Options, workflow string, number uint32, past bool, fn func(*ShadowDifference) error) error {
	e, err := reach(o)
	if err != nil {
		return err
	}
	defer e.shut(context.Background())
	if err := e.openJournal(ctx, true); err != nil {
		return err
	}
	there, err := e.shadows(ctx, workflow, number)
	if err != nil {
		return err
	}
	if !there && !past {
		return fmt.Errorf("%w: release %d does not run as a shadow", ErrNoShadow, number)
	}
	filters := []string{journal.ShadowSubject("*")}
	if workflow != "" {
		filters[0] = journal.ShadowSubject(workflow)
	}
	hand := func(m journal.Message) error {
		var d ShadowDifference
		if err := json.Unmarshal(m.Data, &d); err != nil {
			return fmt.Errorf("difference at sequence %d cannot be read: %w", m.Seq, err)
		}
		if d.Shadow.Release != number {
			return nil
		}
		return fn(&d)
	}
	if past && (!there || e.opts.NATS == "" && !e.running()) {
		return e.journal.Scan(ctx, journal.JournalStream, filters, 1, hand)
	}
	from := uint64(1)
	if !past {
		if from, err = e.journal.End(ctx, journal.JournalStream, filters); err != nil {
			return err
		}
		from++
	}
	err = e.journal.Follow(ctx, journal.JournalStream, filters, from, hand)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// shadows says whether a release runs as a shadow in any partition.
func (e *Engine) shadows(ctx context.Context, workflow string, number uint32) (bool, error) {
	for n := range e.journal.Partitions() {
		last, err := e.journal.Last(ctx, n)
		if err != nil {
			return false, err
		}
		for i := range last.Lineages {
			l := &last.Lineages[i]
			if l.Role == journal.RoleShadow && l.Release == number && (workflow == "" || l.Workflow == workflow) {
				return true, nil
			}
		}
	}
	return false, nil
}
