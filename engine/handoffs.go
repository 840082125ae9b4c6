package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/workflow"
)

// Definition reads the files of a listed release without compiling it: for what
// people see of it.
func (o *Operator) Definition(ctx context.Context, e release.Entry) (*workflow.Definition, error) {
	b, plugins, err := o.e.catalog.Fetch(ctx, e.Digest)
	if err != nil {
		return nil, fmt.Errorf("release %d of workflow %q: %w", e.Number, e.Workflow, err)
	}
	def, diags, err := define(fmt.Sprintf("release-%d", e.Number), b.FS(), registry.Of(plugins...))
	if err == nil && diags.HasErrors() {
		err = errors.New(firstError(diags))
	}
	if err != nil {
		return nil, fmt.Errorf("release %d of workflow %q: %w", e.Number, e.Workflow, err)
	}
	return def, nil
}

// ReadDefinition is Definition for a folder; it obeys the lock file.
func ReadDefinition(dir string) (*workflow.Definition, hcl.Diagnostics, error) {
	fsys, set, done, err := openFolder(dir)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	def, diags, err := define(dir, fsys, set)
	if err != nil || diags.HasErrors() {
		return def, diags, err
	}
	w := &Workflow{Def: def}
	return def, append(diags, w.checkLock(fsys, set, dir)...), nil
}

// Decided are the decisions of a workflow that were published behind a position
// of the events stream, such as a switch point, in their order. Empty actions
// are all.
func (o *Operator) Decided(ctx context.Context, name string, actions []string, behind uint64) (list []lead.Decision, err error) {
	since, err := o.timeOf(ctx, behind)
	if err != nil {
		return nil, err
	}
	cfg := jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy}
	if !since.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
	}
	for _, action := range actions {
		cfg.FilterSubjects = append(cfg.FilterSubjects, journal.DecisionSubject(name, action))
	}
	if len(actions) == 0 {
		cfg.FilterSubjects = []string{journal.DecisionSubject(name, "*")}
	}
	consumer, err := o.e.js.OrderedConsumer(ctx, journal.JournalStream, cfg)
	if err != nil {
		return nil, fmt.Errorf("decisions: %w", err)
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("decisions: %w", err)
	}
	for left := int(info.NumPending); left > 0; { //nolint:gosec // messages of a stream
		batch, err := consumer.Fetch(min(left, decidedBatch), jetstream.FetchMaxWait(decidedPatience))
		if err != nil {
			return nil, fmt.Errorf("decisions: %w", err)
		}
		before := len(list)
		for m := range batch.Messages() {
			var d lead.Decision
			if err := json.Unmarshal(m.Data(), &d); err != nil {
				return nil, fmt.Errorf("decision on %s cannot be read: %w", m.Subject(), err)
			}
			list = append(list, d)
		}
		if left -= len(list) - before; len(list) == before {
			return nil, fmt.Errorf("decisions: %d of %d did not come within %s: %w", left, info.NumPending, decidedPatience, batch.Error())
		}
	}
	return list, nil
}

const decidedBatch = 500

const decidedPatience = 10 * time.Second

// timeOf is when a message of the events stream was stored; zero if it is gone.
func (o *Operator) timeOf(ctx context.Context, seq uint64) (time.Time, error) {
	s, err := o.e.js.Stream(ctx, journal.EventsStream)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", journal.EventsStream, err)
	}
	m, err := s.GetMsg(ctx, max(seq, 1))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("message %d of %s: %w", seq, journal.EventsStream, err)
	}
	return m.Time, nil
}
