package torture

import (
	"encoding/json"
	"fmt"
)

// samples is how many decisions of a round are explained one by one.
const samples = 3

// explain makes every decision of the round again, in one pass, and some of them
// alone, from their lead's own events; and the lines of every lead must sum to
// its scores. Where streams have lost what was read there is nothing that could
// be made again.
func (r *round) explain(t *Tally, d *dump) error {
	if !r.opts.verifies || len(r.excused) > 0 {
		return nil
	}
	out, err := r.ripen(r.explainArgs("--check-all", "--json")...)
	if err != nil {
		return err
	}
	var all struct{ Decisions, Same, Repeated, Leads int }
	if err := json.Unmarshal(out, &all); err != nil {
		return fmt.Errorf("ripen explain --check-all said %.200q: %w", out, err)
	}
	if all.Same+all.Repeated != all.Decisions || all.Decisions != len(d.decisions) {
		return fmt.Errorf("ripen explain --check-all made %d of %d decisions again, the stream holds %d", all.Same, all.Decisions, len(d.decisions))
	}
	for i := range min(samples, len(d.decisions)) {
		one := &d.decisions[(i+1)*len(d.decisions)/samples-1]
		if _, err := r.ripen(r.explainArgs(one.ID)...); err != nil {
			return err
		}
	}
	t.rows[RowExplained]++
	r.note("explained: %d decisions again, bit for bit; the lines of %d leads sum to their scores", all.Same, all.Leads)
	return nil
}

func (r *round) explainArgs(what ...string) []string {
	args := append([]string{"explain"}, what...)
	return append(append(args, "-w", r.flow(), "--cache", r.opts.cache, "--clock", "stream"), r.where()...)
}
