package torture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

// most bounds how many findings are told one by one.
const most = 12

// findings are broken promises of a round.
type findings struct {
	r     *round
	lines []string
	count map[*int]int
}

func (f *findings) add(what *int, format string, args ...any) {
	f.count[what]++
	*what++
	if len(f.lines) < most {
		f.lines = append(f.lines, fmt.Sprintf(format, args...))
	}
}

func (f *findings) err() error {
	if len(f.count) == 0 {
		return nil
	}
	total := 0
	for _, n := range f.count {
		total += n
	}
	return fmt.Errorf("%d broken promises:\n  %s", total, strings.Join(f.lines, "\n  "))
}

// check compares what the round has left with what was acknowledged, and with
// the same events scored offline.
func (r *round) check() error {
	d, err := r.read()
	if err != nil {
		return fmt.Errorf("read the streams: %w", err)
	}
	sent := r.load.all()
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	t := r.tally
	f := &findings{r: r, count: map[*int]int{}}
	ids := f.events(t, d, sent)
	f.rejections(t, d, sent)
	want, wantDecisions, err := r.offline(d, sent)
	if err != nil {
		return err
	}
	got, err := r.views("leads")
	if err != nil {
		return err
	}
	f.leads(t, ids, want, got)
	f.decisions(t, d, wantDecisions)
	f.heard(t, d)
	if err := r.explain(t, d); err != nil {
		f.add(&t.Other, "ripen explain: %v", err)
	}
	if err := r.verify(t); err != nil {
		f.add(&t.Other, "ripen journal verify: %v", err)
	}
	t.Sent += len(sent)
	t.Events += len(ids)
	t.Decisions += len(wantDecisions)
	t.Leads += len(want)
	r.note("checked: %d events in the stream (%d different), %d decisions, %d leads, %d records", len(d.inputs), len(ids), len(d.decisions), len(got), d.records)
	return f.err()
}

// events checks that each acknowledged event is there and that a lead's come in
// the order in which they were sent. It returns the ids by lead.
func (f *findings) events(t *Tally, d *dump, sent map[string]event) map[string]string {
	ids := map[string]string{}
	last := map[string]int{}
	for _, in := range d.inputs {
		e, ours := sent[in.id]
		if in.id == "" || !ours || e.poison {
			continue
		}
		if _, again := ids[in.id]; again {
			continue
		}
		ids[in.id] = e.lead
		if e.n == 0 { // redriven: behind all others, whatever its number was
			continue
		}
		if e.n <= last[e.lead] {
			f.add(&t.Reordered, "event %s is behind number %d of its lead (sequence %d)", in.id, last[e.lead], in.seq)
		}
		last[e.lead] = max(last[e.lead], e.n)
	}
	for id := range sent {
		if e := sent[id]; e.acked && !e.poison && ids[id] == "" {
			f.add(&t.Lost, "event %s was acknowledged and is not in the stream", id)
		}
	}
	return ids
}

// rejections checks that poison is kept: each that was acknowledged, and each
// that got into the stream as often as it stands there.
func (f *findings) rejections(t *Tally, d *dump, sent map[string]event) {
	loose := len(f.r.repeats) > 0 || f.r.durability == "process"
	stands := map[string]int{}
	for _, in := range d.inputs {
		stands[in.line]++
	}
	for id := range sent {
		e := sent[id]
		if !e.poison || loose {
			continue
		}
		n := d.rejected[e.line]
		switch {
		case e.acked && n == 0:
			f.add(&t.Lost, "poison %s was answered and is not kept", id)
		case n < stands[e.line]:
			f.add(&t.Lost, "poison %s stands %d times in the stream and was rejected %d times", id, stands[e.line], n)
		}
		if n > 0 {
			t.rows[RowPoison]++
		}
	}
}

// offline scores the events of the stream, in its order, with `ripen score`.
func (r *round) offline(d *dump, sent map[string]event) ([]replay.View, map[string]lead.Decision, error) {
	var text bytes.Buffer
	for _, in := range d.inputs {
		if e, ours := sent[in.id]; in.id != "" && (!ours || e.poison) || in.id == "" && !strings.HasPrefix(in.line, `{"type":"tick"`) {
			continue
		}
		text.WriteString(in.line + "\n")
	}
	events, decisions := r.path("events.ndjson"), r.path("decisions.ndjson")
	if err := os.WriteFile(events, text.Bytes(), 0o600); err != nil {
		return nil, nil, err
	}
	views, err := r.views("score", "--decisions", decisions, events)
	if err != nil {
		return nil, nil, err
	}
	lines, err := os.ReadFile(decisions)
	if err != nil {
		return nil, nil, err
	}
	byID := map[string]lead.Decision{}
	for line := range bytes.Lines(lines) {
		var one lead.Decision
		if err := json.Unmarshal(line, &one); err != nil {
			return nil, nil, err
		}
		byID[one.ID] = one
	}
	return views, byID, nil
}

// views runs a command that prints leads as JSON.
func (r *round) views(command string, more ...string) (list []replay.View, err error) {
	args := append([]string{command, "--json", "-w", r.flow(), "--cache", r.opts.cache}, more...)
	if command == "leads" {
		args = append(args, r.where()...)
	}
	out, err := r.ripen(args...)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(out) {
		var v replay.View
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, fmt.Errorf("ripen %s: %q: %w", command, line, err)
		}
		slices.SortFunc(v.Decisions, func(a, b replay.Brief) int { return strings.Compare(a.ID, b.ID) })
		v.Decisions = slices.Compact(v.Decisions) // repeats are judged elsewhere
		list = append(list, v)
	}
	return list, nil
}

// ripen runs a command of the binary.
func (r *round) ripen(args ...string) ([]byte, error) {
	ctx, cancel := within()
	defer cancel()
	cmd := exec.CommandContext(ctx, r.opts.binary, args...) //nolint:gosec // built for this
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("ripen %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return out, nil
}

// leads compares the leads of the engine with those scored offline, and both
// with the number of events.
func (f *findings) leads(t *Tally, ids map[string]string, want, got []replay.View) {
	count := map[string]int64{}
	for _, who := range ids {
		count[who]++
	}
	have := map[string]*replay.View{}
	for i := range got {
		have[got[i].Lead] = &got[i]
	}
	for i := range want {
		w := &want[i]
		g := have[w.Lead]
		if g == nil {
			f.add(&t.Lost, "lead %s is missing, it has %d events", w.Lead, count[w.Lead])
			continue
		}
		delete(have, w.Lead)
		switch n := int64(tally(g)) / 1000; {
		case n < count[w.Lead]:
			f.add(&t.Lost, "lead %s counts %d of %d events", w.Lead, n, count[w.Lead])
		case n > count[w.Lead]:
			f.add(&t.Double, "lead %s counts %d, it has %d events", w.Lead, n, count[w.Lead])
		case !f.r.excused[w.Lead] && !reflect.DeepEqual(w, g):
			f.add(&t.Other, "lead %s differs from offline:\n    want %+v\n    got  %+v", w.Lead, *w, *g)
		}
	}
	for who := range have {
		f.add(&t.Double, "lead %s is unknown offline", who)
	}
}

func tally(v *replay.View) lead.Points {
	for i := range v.Scores {
		if v.Scores[i].Name == "tally" {
			return v.Scores[i].Milli
		}
	}
	return 0
}

// decisions checks that each is there once, with one content, in the lead's
// order, and that it is the one made offline.
func (f *findings) decisions(t *Tally, d *dump, want map[string]lead.Decision) {
	body := map[string]string{}
	last := map[string]uint64{}
	for i := range d.decisions {
		one := &d.decisions[i]
		if before, again := body[one.ID]; again {
			if before != d.bodies[i] {
				f.add(&t.Other, "decision %s of %s came again with another content", one.ID, one.Lead)
			} else if !f.r.repeats[lead.Partition(one.Lead, f.r.partitions)] {
				f.add(&t.Double, "decision %s of %s stands twice in the journal", one.ID, one.Lead)
			}
			continue
		}
		body[one.ID] = d.bodies[i]
		if one.Seq != last[one.Lead]+1 {
			f.add(&t.Reordered, "decision %s is number %d of %s, behind number %d", one.ID, one.Seq, one.Lead, last[one.Lead])
		}
		last[one.Lead] = one.Seq
		w, known := want[one.ID]
		w.Release = one.Release // both say the same
		switch {
		case f.r.excused[one.Lead]:
		case !known:
			f.add(&t.Double, "decision %s (%s, number %d of %s) is not made offline", one.ID, one.Action, one.Seq, one.Lead)
		case !reflect.DeepEqual(w, *one):
			f.add(&t.Other, "decision %s of %s differs from offline:\n    want %+v\n    got  %+v", one.ID, one.Lead, w, *one)
		}
	}
	for id := range want {
		if w := want[id]; body[id] == "" && !f.r.excused[w.Lead] {
			f.add(&t.Lost, "decision %s (%s, number %d of %s) is missing", id, w.Action, w.Seq, w.Lead)
		}
	}
}

// heard checks what the live subscriber got against the journal.
func (f *findings) heard(t *Tally, d *dump) {
	v := f.r.live
	v.mu.Lock()
	defer v.mu.Unlock()
	for who, w := range v.wrong {
		if !f.r.excused[who] {
			f.add(&t.Other, "%s", w)
		}
	}
	body := map[string]string{}
	for i := range d.decisions {
		body[d.decisions[i].ID] = d.bodies[i]
	}
	last := map[string]uint64{}
	for _, id := range v.order {
		var one struct {
			Lead string
			Seq  uint64
		}
		if err := json.Unmarshal([]byte(v.body[id]), &one); err != nil || f.r.excused[one.Lead] {
			continue
		}
		if v.body[id] != body[id] {
			f.add(&t.Other, "decision %s was heard and the journal has another content for it, or none", id)
		}
		// One that it missed may come again when a journal is made anew.
		if one.Seq <= last[one.Lead] && !f.r.repeats[lead.Partition(one.Lead, f.r.partitions)] {
			f.add(&t.Reordered, "decision %s, number %d of %s, was heard behind number %d", id, one.Seq, one.Lead, last[one.Lead])
		}
		last[one.Lead] = one.Seq
	}
}
