package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// PurgeRecords deletes the records of partition p below a sequence, but none
// that a known reader has not read yet. The record at below stays, and with it
// always the partition's last one. It returns the sequence below which nothing
// is left.
func (j *Journal) PurgeRecords(ctx context.Context, p int, below uint64) (uint64, error) {
	subject := RecordSubject(p)
	last, err := j.lastRecord(ctx, subject)
	if err != nil {
		return 0, err
	}
	below = min(below, last.Seq)
	return j.purge(ctx, subject, below)
}

// PurgeBefore deletes the messages under a filter (decisions, rejected inputs,
// differences of shadows) that are older than a time, but none that a known reader has not read yet.
func (j *Journal) PurgeBefore(ctx context.Context, filter string, before time.Time) (uint64, error) {
	if !strings.HasPrefix(filter, decisionPrefix) && !strings.HasPrefix(filter, rejectedPrefix) && !strings.HasPrefix(filter, shadowPrefix) {
		return 0, fmt.Errorf("purge of %s by age: expected decisions, rejected inputs or differences of shadows", filter)
	}
	first, err := j.firstAfter(ctx, filter, before)
	if err != nil {
		return 0, err
	}
	return j.purge(ctx, filter, first)
}

// PurgeHistory deletes the rejected inputs of partition p that are older than
// history, and for partition 0 also the decisions of all, and the differences of
// shadows.
func (j *Journal) PurgeHistory(ctx context.Context, p int, history time.Duration) error {
	before := time.Now().Add(-history)
	_, err := j.PurgeBefore(ctx, RejectedSubject(p), before)
	if err == nil && p == 0 {
		if _, err = j.PurgeBefore(ctx, decisionPrefix+">", before); err == nil {
			_, err = j.PurgeBefore(ctx, shadowPrefix+"*", before)
		}
	}
	return err
}

// purge deletes the messages under a filter below a sequence. It never purges
// without a subject: after a purge of the whole stream a stale claim succeeds.
// And it purges subject by subject: for one the server stops looking where the
// first message stays, for a wildcard it reads the whole stream, and lets nobody
// else in meanwhile.
func (j *Journal) purge(ctx context.Context, filter string, below uint64) (uint64, error) {
	slowest, err := j.slowest(ctx, filter)
	if err != nil {
		return 0, err
	}
	if below = min(below, slowest); below <= 1 {
		return 0, nil
	}
	attempt, cancel := context.WithTimeout(ctx, partTime)
	defer cancel()
	subjects := []string{filter}
	if strings.ContainsAny(filter, "*>") {
		counts, err := j.counts(attempt, JournalStream, filter)
		if err != nil {
			return 0, err
		}
		subjects = slices.Sorted(maps.Keys(counts))
	}
	for _, s := range subjects {
		if err := j.records.Purge(attempt, jetstream.WithPurgeSubject(s), jetstream.WithPurgeSequence(below)); err != nil {
			return 0, wrap(s, err)
		}
	}
	return below, nil
}

// slowest is the first sequence that a reader of messages under the filter may
// still want: of a durable consumer the first one not acknowledged, of a
// running scan the next one.
func (j *Journal) slowest(ctx context.Context, filter string) (uint64, error) {
	list := j.records.ListConsumers(ctx)
	first := ^uint64(0)
	for c := range list.Info() {
		filters := c.Config.FilterSubjects
		if c.Config.FilterSubject != "" {
			filters = append(filters, c.Config.FilterSubject)
		}
		if !overlap(filters, filter) {
			continue
		}
		at := max(c.AckFloor.Stream, c.Config.OptStartSeq-min(c.Config.OptStartSeq, 1))
		if c.Config.AckPolicy == jetstream.AckNonePolicy {
			at = max(at, c.Delivered.Stream)
		}
		first = min(first, at+1)
	}
	return first, wrap("consumers of "+JournalStream, list.Err())
}

// overlap says whether a subject can match one of the filters and the other;
// no filters match all.
func overlap(filters []string, other string) bool {
	for _, f := range filters {
		if subjectsMeet(strings.Split(f, "."), strings.Split(other, ".")) {
			return true
		}
	}
	return len(filters) == 0
}

func subjectsMeet(a, b []string) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch {
		case a[i] == ">" || b[i] == ">":
			return true
		case a[i] != b[i] && a[i] != "*" && b[i] != "*":
			return false
		}
	}
	return len(a) == len(b)
}

// firstAfter is the sequence of the first message under a filter that was
// stored at a time or later. Without one it is the one behind the newest.
func (j *Journal) firstAfter(ctx context.Context, filter string, at time.Time) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
	defer cancel()
	name := "age-" + nuid.Next()
	c, err := j.js.CreateConsumer(ctx, JournalStream, jetstream.ConsumerConfig{Name: name, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at, FilterSubject: filter, HeadersOnly: true, InactiveThreshold: inactive})
	if err != nil {
		return 0, wrap(filter, err)
	}
	defer func() { _ = j.js.DeleteConsumer(context.WithoutCancel(ctx), JournalStream, name) }()
	if c.CachedInfo().NumPending == 0 {
		end, err := j.end(ctx, JournalStream, []string{filter})
		return end + 1, err
	}
	batch, err := c.Fetch(1, jetstream.FetchMaxWait(j.cfg.CommitTimeout))
	if err != nil {
		return 0, wrap(filter, err)
	}
	for m := range batch.Messages() {
		meta, err := m.Metadata()
		if err != nil {
			return 0, wrap(filter, err)
		}
		return meta.Sequence.Stream, nil
	}
	return 0, errors.Join(fmt.Errorf("%s: no message came", filter), batch.Error())
}
