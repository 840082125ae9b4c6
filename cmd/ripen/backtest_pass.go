package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
	"github.com/ripenhq/ripen/engine/workflow"
)

// guard refuses an outcome that the mapping scores: it would predict itself.
func (b *backtesting) guard() error {
	f := b.flags
	f.inputs.beside = nil
	columns := []struct{ flag, name string }{{"outcome-column", f.column}, {"outcome-time-column", f.timeColumn}}
	for _, s := range b.sources {
		if !s.csv {
			continue
		}
		m, _, err := findMapping(s.name, f.inputs.mapping, b.dir)
		if err != nil {
			return b.app.explain(err)
		}
		for _, c := range columns {
			if at, used := m.Uses(c.name); used && c.name != "" {
				return fmt.Errorf("--%s %q: %s:%d makes a fact or an event of this column, so the score would know the outcome; take it out there, and list it under never", c.flag, c.name, at.Filename, at.Start.Line)
			}
		}
		for _, name := range f.compare {
			if at, used := m.Uses(name); used {
				return fmt.Errorf("--compare %q: %s:%d makes a fact or an event of this column; a scoring that is part of ours cannot be compared with it", name, at.Filename, at.Start.Line)
			}
		}
	}
	for _, c := range columns {
		if c.name != "" {
			f.inputs.beside = append(f.inputs.beside, c.name)
		}
	}
	f.inputs.beside = append(append(f.inputs.beside, f.having...), f.compare...)
	return nil
}

func (b *backtesting) readOutcomes() error {
	name := b.flags.outcomes
	if name == "" {
		return nil
	}
	file, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("--outcomes: %w", err)
	}
	defer func() { _ = file.Close() }()
	if b.outcomes, b.bad, err = backtest.ReadOutcomes(file); err != nil {
		return fmt.Errorf("--outcomes %s: %w", name, err)
	}
	for i, x := range b.bad {
		if i == 5 {
			b.app.note("… and %d lines more", len(b.bad)-i)
			break
		}
		b.app.note("%s:%d: %s", name, x.Line, clean(x.Why))
	}
	if len(b.outcomes) == 0 {
		return no("%s holds no outcome that can be used (%s cannot be read)", name, plural(len(b.bad), "line"))
	}
	return nil
}

// pass scores the inputs once and looks at each lead at its moment.
func (b *backtesting) pass(ctx context.Context, w *engine.Workflow, o backtest.Options) (g *backtest.Gatherer, done func(), err error) {
	h, err := b.app.start(ctx, w, &b.flags.inputs, positional(b.sources, &b.flags.inputs), b.dir, replay.Options{Partitions: b.flags.partitions, Batch: b.flags.batch})
	if err != nil {
		return nil, nil, err
	}
	p := &onePass{b: b, history: h, gather: backtest.NewGatherer(h.replay, w.Model.Book, w.Model.Policy, b.outcomes, o)}
	if err := p.play(); err != nil {
		h.close()
		return nil, nil, err
	}
	return p.gather, h.close, nil
}

// positional are the sources that flags do not name.
func positional(all []source, f *inputFlags) (names []string) {
	for _, s := range all[len(f.leads)+len(f.events):] {
		names = append(names, s.name)
	}
	return names
}

// onePass reads the inputs for a gatherer.
type onePass struct {
	b       *backtesting
	history *history
	gather  *backtest.Gatherer
	skipped int    // rows without what --having names
	skip    string // lead of the row that is passed over
	badRows int
}

func (p *onePass) play() error {
	h := p.history
	bar := h.app.progress("scoring", size(h.sources), true)
	defer bar.done()
	for i, s := range h.sources {
		if err := p.playOne(i, s, bar); err != nil {
			return err
		}
	}
	if err := p.gather.Finish(); err != nil {
		return err
	}
	if !p.b.first {
		return nil
	}
	p.b.first = false
	for _, r := range h.replay.Refused() {
		if err := h.rejects.add(r.File, r.Place.Line, &r.Rejected); err != nil {
			return err
		}
	}
	h.asOf = p.gather.AsOf()
	if p.skipped > 0 {
		h.app.note("rows without the columns of --having, passed over: %s", thousands(p.skipped))
	}
	return h.summary(-1)
}

func (p *onePass) playOne(i int, s source, bar *progress) error {
	h := p.history
	rd, closer, err := h.app.open(s, h.flags, h.dir, bar)
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }()
	for {
		it, err := rd.Next()
		switch {
		case errors.Is(err, io.EOF):
			h.read.Add(rd.Counts())
			return nil
		case err != nil:
			return fmt.Errorf("input %s: %w", s.name, err)
		case it.Rejected != nil:
			if p.b.first {
				err = h.rejects.add(i, it.Line, it.Rejected)
			}
		case len(it.Beside) > 0:
			err = p.row(s, &it)
		}
		if err != nil {
			return err
		}
		if it.Rejected == nil && (p.skip == "" || it.Event.Lead != p.skip || !s.csv) {
			p.gather.Event(&it.Event, replay.Place{File: i, Line: it.Line})
		}
	}
}

// row takes what a row of a CSV file says beside its events.
func (p *onePass) row(s source, it *replay.Item) error {
	f := p.b.flags
	p.skip = ""
	rest := it.Beside
	what, when := "", ""
	if f.column != "" {
		what, rest = rest[0], rest[1:]
	}
	if f.timeColumn != "" {
		when, rest = rest[0], rest[1:]
	}
	for i := range f.having {
		if rest[i] == "" {
			p.skip = it.Event.Lead
			p.skipped++
			return nil
		}
	}
	key := it.Event.Lead
	if !p.gather.Wants(key) {
		return nil // counted there, with each of its events
	}
	o := backtest.Outcome{Lead: key, Line: it.Line}
	var ok bool
	if o.Fate, ok = backtest.ParseFate(what); !ok {
		return p.bad(s, it.Line, fmt.Sprintf("column %q: found %q, expected won or lost (or yes or no, 1 or 0)", f.column, what))
	}
	if when != "" {
		if o.At, o.Timed = backtest.ParseMoment(when); !o.Timed {
			return p.bad(s, it.Line, fmt.Sprintf("column %q: found %q, expected a day such as 2026-03-01 or a time with its zone", f.timeColumn, when))
		}
	}
	if o.Fate != measure.Open {
		p.gather.Outcome(o)
	}
	p.rival(key, rest[len(f.having):])
	return nil
}

func (p *onePass) bad(s source, line int, why string) error {
	if p.b.first {
		p.b.bad = append(p.b.bad, backtest.BadOutcome{Line: line, Why: why})
		if len(p.b.bad) <= 5 {
			p.b.app.note("%s:%d: %s", s.name, line, clean(why))
		}
	}
	return nil
}

// rival adds up the other scoring's numbers, if the row has all of them.
func (p *onePass) rival(key string, texts []string) {
	var sum lead.Points
	for _, text := range texts {
		n, err := lead.ParsePoints(text)
		if err != nil {
			return
		}
		sum += n
	}
	if len(texts) > 0 {
		p.gather.Rival(key, sum)
	}
}

// writeDraft writes the suggested workflow. It writes over an earlier draft and
// over nothing else.
func writeDraft(dir string, src []byte) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("--suggest: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("--suggest: %w", err)
	}
	for _, e := range entries {
		if !workflow.IsWorkflowFile(e.Name()) {
			continue
		}
		old, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || e.Name() != draftFile || !backtest.IsDraft(old) {
			return fmt.Errorf("--suggest: folder %s holds a workflow (%s), which would be written over or become part of the draft; name another folder", dir, e.Name())
		}
	}
	if err := os.WriteFile(filepath.Join(dir, draftFile), src, 0o644); err != nil {
		return fmt.Errorf("--suggest: %w", err)
	}
	return nil
}

const draftFile = "workflow.hcl"
