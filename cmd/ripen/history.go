package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

// history is a replay of input files up to a time.
type history struct {
	app    *app
	flags  *inputFlags
	dir    string // of the workflow
	only   string // replay this lead alone; empty = all
	asOf   int64  // ms; 0 = the latest time in the inputs
	replay *replay.Replay

	sources []source
	rejects *rejects
	read    replay.ReadCounts
	newest  int64 // latest time taken, ms
	oldest  int64 // earliest time of an event taken, ms; 0 = none
	later   int   // events behind asOf, left out
}

// start makes a history over the inputs; close it.
func (a *app) start(ctx context.Context, w *engine.Workflow, f *inputFlags, positional []string, dir string, o replay.Options) (*history, error) {
	return a.startBeside([]replay.Programs{programs(ctx, w)}, f, positional, dir, o)
}

// startBeside makes a history that several releases see.
func (a *app) startBeside(releases []replay.Programs, f *inputFlags, positional []string, dir string, o replay.Options) (*history, error) {
	list, err := f.sources(positional)
	if err != nil {
		return nil, err
	}
	r, err := replay.NewBeside(releases, o)
	if err != nil {
		return nil, err
	}
	return &history{app: a, flags: f, dir: dir, replay: r, sources: list, rejects: newRejects(f.rejected, list)}, nil
}

func (h *history) close() { h.replay.Close() }

// play runs all inputs, and then lets time pass up to asOf.
func (h *history) play() error {
	bar := h.app.progress("scoring", size(h.sources), true)
	defer bar.done()
	for i, s := range h.sources {
		if err := h.playOne(i, s, bar); err != nil {
			return err
		}
	}
	if h.asOf == 0 {
		h.asOf = h.newest
	}
	if h.asOf != 0 {
		h.replay.Tick(h.asOf)
	}
	if err := h.replay.Drain(); err != nil {
		return err
	}
	for _, r := range h.replay.Refused() {
		if err := h.rejects.add(r.File, r.Place.Line, &r.Rejected); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) playOne(i int, s source, bar *progress) error {
	rd, closer, err := h.app.open(s, h.flags, h.dir, bar)
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }()
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			h.read.Add(rd.Counts())
			return nil
		}
		if err != nil {
			return fmt.Errorf("input %s: %w", s.name, err)
		}
		if it.Rejected != nil {
			err = h.rejects.add(i, it.Line, it.Rejected)
		} else {
			h.take(&it, replay.Place{File: i, Line: it.Line})
		}
		if err != nil {
			return err
		}
	}
}

// take hands an event or a tick over, unless it lies behind asOf: what was not
// known then must not leak into the answer.
func (h *history) take(it *replay.Item, at replay.Place) {
	e := &it.Event
	switch {
	case h.asOf != 0 && e.At > h.asOf:
		if e.Kind != lead.Tick {
			h.later++
		}
		return
	case e.Kind == lead.Tick:
		h.replay.Tick(e.At)
	case h.only == "" || e.Lead == h.only:
		h.replay.Event(*e, at)
		if h.oldest == 0 || e.At < h.oldest {
			h.oldest = e.At
		}
	}
	h.newest = max(h.newest, e.At)
}

// summary accounts for every row on stderr.
func (h *history) summary(leads int) error {
	names, err := h.rejects.close()
	if err != nil {
		return err
	}
	c := h.replay.Counts()
	h.app.note("rows %s: accepted %s, repaired %s, rejected %s", thousands(h.read.Rows), thousands(h.read.Accepted), thousands(h.read.Repaired), thousands(h.read.Rejected))
	of := ""
	if h.only != "" {
		of = " of " + clean(h.only)
	}
	text := fmt.Sprintf("events %s: scored%s %s, duplicates %s, refused %s", thousands(h.read.Events), of, thousands(c.Accepted-c.Refused), thousands(c.Duplicates), thousands(c.Refused))
	if h.later > 0 {
		text += fmt.Sprintf(", later than --as-of and left out %s", thousands(h.later))
	}
	h.app.note("%s", text)
	switch {
	case leads == 0 && h.asOf == 0:
		h.app.note("leads 0: there is no event to score")
	case leads >= 0:
		h.app.note("leads %s, as of %s", thousands(leads), stamp(h.asOf))
	}
	if len(names) > 0 {
		h.app.note("what was rejected is in %s", strings.Join(names, ", "))
	}
	return useless(h.read)
}

// useless is the answer "no" to inputs of which nothing could be used.
func useless(c replay.ReadCounts) error {
	if c.Rows == 0 || c.Accepted+c.Repaired > 0 {
		return nil
	}
	return no("nothing in the inputs could be used: %s rejected", plural(c.Rejected, "row"))
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z07:00") }

// parseTime reads a time with its zone, or a day, which begins at midnight UTC.
func parseTime(text string) (int64, error) {
	if t, err := time.ParseInLocation("2006-01-02", text, time.UTC); err == nil {
		return t.UnixMilli(), nil
	}
	ms, _, why := intake.ParseTime(text)
	if why != "" {
		return 0, fmt.Errorf("%s, or a day such as 2026-03-01 (midnight UTC)", why)
	}
	return ms, nil
}
