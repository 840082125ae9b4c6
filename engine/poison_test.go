package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// An order that cannot be carried out is told and passed over by every
// partition, whoever wrote it: the live release goes on, also behind a restart
// that reads the order again, and journal verify sees the same.
func TestOrder_WhatCannotBeObeyedIsPassedOver(t *testing.T) {
	log := &lockedText{}
	s := newStage(t, engine.Options{Partitions: 2, Logger: hclog.New(&hclog.LoggerOptions{Output: log, Level: hclog.Debug})}, 25, 15)
	other := loadWorkflow(t, strings.Replace(smallWorkflow, `{ display =`, "{\n age_step = \"12h\"\n}\n#", 1))
	s.works = append(s.works, other)
	require.NoError(t, stopEngine(s.e))
	s.opts.Releases = engine.Given(s.works...)
	s.start()
	s.downloads(0, 10, "2026-01-01T00:00:00Z")
	s.downloads(0, 5, "2026-01-02T00:00:00Z")
	live := lineage.ID(s.e.Lineages()[0].ID)
	shadow := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory})
	day := int64(86_400_000)
	defer func() {
		if t.Failed() {
			t.Log(log.String())
		}
	}()
	for name, o := range map[string]struct {
		order lineage.Order
		told  string
	}{
		"in place, with ledgers of another age step": {lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(3)}, "the length of an age step changes"},
		"a fork, with ledgers of another age step":   {lineage.Order{Op: lineage.Start, Release: s.release(3), Origin: lineage.FromFork}, "the length of an age step changes"},
		"a cut within an age step":                   {lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory, Cut: 7*day + 1}, "is not where an age step"},
		"a cut within an age step of the new":        {lineage.Order{Op: lineage.Start, Release: s.release(3), Origin: lineage.FromHistory, Cut: 7*day + day/4}, "is not where an age step"},
		"the end of the live release":                {lineage.Order{Op: lineage.Stop, Lineage: live}, "is the live one"},
		"a switch to nobody":                         {lineage.Order{Op: lineage.Switch, Lineage: 999}, "there is no lineage 999"},
		"a switch to who is live":                    {lineage.Order{Op: lineage.Switch, Lineage: live}, "is the live one already"},
		"the live release in place":                  {lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(1)}, "is the live one already"},
		"another beginning":                          {lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromEmpty}, "has a live lineage"},
		"a lineage of another workflow":              {lineage.Order{Op: lineage.Switch, Workflow: "big", Lineage: shadow}, "belongs to workflow"},
		"a fork of nobody":                           {lineage.Order{Op: lineage.Start, Workflow: "big", Release: s.release(2), Origin: lineage.FromFork}, "has no live lineage"},
		"nobody in place":                            {lineage.Order{Op: lineage.Switch, Workflow: "big", InPlace: true, Release: s.release(2)}, "has no live lineage"},
	} {
		before := log.String()
		if o.order.Workflow == "" {
			s.order(o.order)
		} else {
			_, err := s.e.Order(t.Context(), o.order)
			require.NoError(t, err)
			s.settled()
		}
		require.Equal(t, "1 live, 2 shadow", s.roles(), name)
		assert.Equal(t, s.opts.Partitions, strings.Count(log.String()[len(before):], o.told), "%s: told by each partition", name)
	}
	for i, body := range []string{`"nonsense"`, `{"op":"explode","workflow":"small"}`, `{"op":"switch","workflow":"small","lineage":2,"total":-1}`,
		`{"op":"switch","workflow":"small","lineage":2,"keep":9223372036854775807}`, `{"op":"start","workflow":"small","release":{"number":2,"model":"a"},"origin":"history","cut":-5}`} {
		before := log.String()
		require.NoError(t, s.e.Control(t.Context(), journal.Control{Type: journal.ControlRelease, Body: []byte(body)}))
		s.settled()
		require.Equal(t, "1 live, 2 shadow", s.roles(), body)
		assert.Equal(t, s.opts.Partitions, strings.Count(log.String()[len(before):], "an order in the stream is passed over"), "%d: %s", i, body)
	}
	s.downloads(5, 10, "2026-01-03T00:00:00Z")
	assert.Equal(t, 10, many(s.decisions(), "sales-handoff 1 event"), "the live release goes on")
	before := s.state()
	s.crash()
	s.start()
	s.settled()
	assert.Equal(t, "1 live, 2 shadow", s.roles())
	assert.Equal(t, before, s.state())
	s.verified()
	s.order(lineage.Order{Op: lineage.Switch, Lineage: shadow})
	assert.Equal(t, "2 live", s.roles(), "an order that makes sense is obeyed")
	s.verified()
}

// A release that its engine cannot start is waited for, as one that is not
// there yet: no event is scored by another, and none is lost.
func TestOrder_AReleaseThatDoesNotStartIsWaitedFor(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2}, 25, 15)
	shop := &shop{Releases: s.opts.Releases}
	require.NoError(t, stopEngine(s.e))
	s.opts.Releases = shop
	s.start()
	s.downloads(0, 10, "2026-01-01T00:00:00Z")
	for i, broken := range []error{engine.ErrNotPrepared, fmt.Errorf("%w: no memory", engine.ErrNotPrepared)} {
		shop.refuse(2, broken)
		_, err := s.e.Order(t.Context(), lineage.Order{Op: lineage.Switch, Workflow: "small", InPlace: true, Release: s.release(2), OnRelease: lineage.Mark})
		require.NoError(t, err)
		s.one(0)
		shop.asked(t, 2)
		select {
		case <-s.e.Done():
			t.Fatalf("the engine ended: %v", s.e.Err())
		default:
		}
		assert.Equal(t, i, many(s.decisions(), " 2 "))
		shop.refuse(2, nil)
		s.settled()
		assert.Equal(t, "2 live", s.roles())
		s.order(lineage.Order{Op: lineage.Switch, InPlace: true, Release: s.release(1), OnRelease: lineage.Mark})
		s.restart() // without crews at rest
	}
	assert.Equal(t, 2, many(s.decisions(), "sales-handoff 2 event"), "what came behind the order is scored by its release")
}
