package main

import "github.com/ripenhq/ripen/sdk"

// ignored counts deliveries without an answer (000-06). Memo n is the count,
// with punished set once it has cost the points; memo at is when the grace of
// the delivery that was one too many ends.
type ignored struct {
	memo      int
	delivered trigger
	answers   sdk.Enum
	moreThan  uint32
	within    int64 // ms
	line      line
}

const (
	punished = 1 << 31
	countMax = 1 << 16
)

func (g *ignored) score(in *sdk.Input, out *sdk.Output, m *memos) {
	v := &m.list[g.memo]
	if in.IsProbe() {
		return
	}
	if in.IsEvent() {
		answer, _ := in.Enum(g.answers)
		switch {
		case answer > 0:
			v.n, v.at = 0, 0
		case g.delivered.hit(in):
			if v.n&^punished < countMax {
				v.n++
			}
			if v.n == g.moreThan+1 {
				v.at = in.At() + g.within
			}
		}
	}
	if v.at != 0 && v.at <= in.Now() {
		v.n, v.at = v.n|punished, 0
		out.Award(g.line.rule, g.line.milli)
	}
	out.Wake(v.at)
}

// idle takes points after each period without activity (000-09). Memo at is
// the last activity, n how many periods since then have cost points.
type idle struct {
	memo  int
	last  sdk.Time
	after int64 // ms
	most  uint32
	line  line
}

func (d *idle) score(in *sdk.Input, out *sdk.Output, m *memos) {
	v := &m.list[d.memo]
	last, known := in.Time(d.last)
	if !known || in.IsProbe() {
		return
	}
	if last > v.at {
		v.at, v.n = last, 0
	}
	due := v.at + d.after*int64(v.n+1)
	if in.IsTimer() && v.n < d.most && due <= in.Now() {
		out.Award(d.line.rule, d.line.milli)
		v.n++
		due += d.after
	}
	if v.n < d.most {
		// The host fires timers in time; after a change of the configuration the
		// time may have passed unseen.
		out.Wake(max(due, in.Now()+1))
	}
}
