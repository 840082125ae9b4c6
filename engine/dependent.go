package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/release"
)

// Dependent counts the decisions in the journal that nobody but a release could
// make again.
func (o *Operator) Dependent(ctx context.Context, e *release.Entry) (n int, err error) {
	err = o.e.allowed(ctx, func(ctx context.Context) error {
		list, err := o.e.catalog.List(ctx, e.Workflow)
		if err != nil {
			return err
		}
		for i := range list {
			if l := &list[i]; l.Number != e.Number && l.Model == e.Model && l.Purged == 0 {
				return nil
			}
		}
		n = 0
		return o.e.journal.Scan(ctx, journal.JournalStream, []string{journal.DecisionSubject(e.Workflow, "*")}, 1, func(m journal.Message) error {
			var d struct {
				Release string `json:"release"`
			}
			if err := json.Unmarshal(m.Data, &d); err != nil {
				return fmt.Errorf("decision at sequence %d cannot be read: %w", m.Seq, err)
			}
			if d.Release != "" && strings.HasPrefix(e.Model, d.Release) {
				n++
			}
			return nil
		})
	})
	return n, err
}
