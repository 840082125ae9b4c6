package page

import (
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/sheet"
)

// Summary says in a few sentences what the release would change.
func Summary(of *plan.Report) []string {
	r := report{of}
	out := []string{r.what(), r.history()}
	if !r.Changed {
		return append(out, "Nothing changes: the files say the same, and every "+r.LeadWord+" stands as before.")
	}
	return append(append(out, r.leads(), r.sales()), r.atTheSwitch())
}

// begins says what a workflow is that nothing runs of so far.
func (r report) begins() string {
	return fmt.Sprintf("Workflow %s is a new one beside those that run: %s; it is built from history (ripen apply --new).", r.Workflow, nameOf(&r.After))
}

func (r report) what() string {
	if r.Begins {
		return r.begins()
	}
	mode := "goes on from today's scores without a re-score (--no-rescore)"
	if r.Mode.Rescore {
		mode = "re-scores all " + r.LeadWord + "s from history"
	}
	diff := "the files say the same"
	if n := len(r.Diff); n > 0 {
		counts := map[string]int{}
		var kinds []string
		for _, d := range r.Diff {
			if counts[d.Kind]++; counts[d.Kind] == 1 {
				kinds = append(kinds, d.Kind)
			}
		}
		for i, k := range kinds {
			kinds[i] = fmt.Sprintf("%s %d", k, counts[k])
		}
		diff = fmt.Sprintf("%s in the files (%s)", plural(n, "change"), strings.Join(kinds, ", "))
	}
	return fmt.Sprintf("Workflow %s, release %s → %s: %s; it %s.", r.Workflow, nameOf(&r.Before), nameOf(&r.After), diff, mode)
}

func nameOf(v *plan.Release) string {
	text := v.Digest
	if v.Number > 0 {
		text = fmt.Sprintf("%d (%s)", v.Number, v.Digest)
	}
	if v.From != "" {
		text = v.From + " " + text
	}
	return text
}

func (r report) history() string {
	h := &r.History
	if h.Events == 0 {
		return "The history holds no event that counts: no " + r.LeadWord + " can change by it."
	}
	read := "Compared on"
	if r.Begins {
		read = "Read"
	}
	text := fmt.Sprintf(read+" %s of %s, %s to %s.", plural(h.Events, "event"), plural(r.Leads.All, r.LeadWord), day(h.From), day(h.To))
	switch {
	case h.Whole:
	case r.Begins:
		text += fmt.Sprintf(" Older events are gone: it begins with those from %s on.", sheet.Stamp(h.Cut))
	default:
		text += fmt.Sprintf(" Older events are gone: what the live release knows from before %s is carried over.", sheet.Stamp(h.Cut))
	}
	return text
}

func (r report) leads() string {
	l := &r.Leads
	if r.Begins {
		return fmt.Sprintf("%s known to it.", areIs(l.All, r.LeadWord))
	}
	if l.Changed == 0 {
		return "No " + r.LeadWord + " changes its score, grade or label."
	}
	text := fmt.Sprintf("%s of %s change (%s): %s another score", count(l.Changed), plural(l.All, r.LeadWord), sheet.Mille(mille(l.Changed, l.All), 1), count(l.Score))
	if r.Grades != nil {
		text += fmt.Sprintf(", %s another grade", count(l.Grade))
	}
	if r.Labels != nil {
		text += fmt.Sprintf(", %s another label", count(l.Label))
	}
	if l.New+l.Gone > 0 {
		text += fmt.Sprintf(", %s known only to the new release, %s only to the old one", count(l.New), count(l.Gone))
	}
	return text + "."
}

func (r report) sales() string {
	if !r.Mode.Rescore {
		return "The past stays as it was decided: without a re-score the new release has no history of its own."
	}
	s := &r.Sales
	if r.Begins {
		return fmt.Sprintf("Over the history %s would have gone to sales; what is past is not published.", plural(s.After, r.LeadWord))
	}
	if s.Gained.Count+s.Lost.Count+s.Sooner.Count+s.Later.Count == 0 {
		return fmt.Sprintf("Over the history the same %s would have gone to sales, at the same times.", plural(s.After, r.LeadWord))
	}
	var parts []string
	for _, x := range []struct {
		n    int
		what string
	}{{s.Gained.Count, "newly"}, {s.Lost.Count, "no longer"}, {s.Sooner.Count, "sooner"}, {s.Later.Count, "later"}} {
		if x.n > 0 {
			parts = append(parts, count(x.n)+" "+x.what)
		}
	}
	return fmt.Sprintf("Over the history %s would have gone to sales instead of %s: %s.", plural(s.After, r.LeadWord), count(s.Before), strings.Join(parts, ", "))
}

func (r report) atTheSwitch() string {
	s := &r.Switch
	if s.Newly == 0 {
		return "The switch itself hands nothing over: no " + r.LeadWord + " is newly true."
	}
	text := fmt.Sprintf("At the switch %s newly true, %s of them for sales", areIs(s.Newly, r.LeadWord), count(s.Sales))
	switch r.Mode.OnRelease {
	case "mark":
		text += "; their episodes open silently (on_release = mark)"
	case "drip":
		text += fmt.Sprintf("; %d a day are handed on (on_release = drip)", r.Mode.PerDay)
	default:
		text += fmt.Sprintf("; %s published at once (on_release = fire)", areIs(s.Decisions, "decision"))
	}
	if s.Refused {
		text += fmt.Sprintf(". apply would refuse: max_new_handoffs is %d", r.Mode.Most)
	}
	return text + "."
}

func areIs(n int, word string) string {
	if n == 1 {
		return "1 " + word + " is"
	}
	return plural(n, word) + " are"
}

func count(n int) string { return sheet.Count(n) }

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return count(n) + " " + word + "s"
}

func mille(n, of int) int {
	if of == 0 {
		return 0
	}
	return (n*1000 + of/2) / of
}

func day(ms int64) string { return sheet.Stamp(ms)[:10] }

func minute(ms int64) string { return day(ms) + " " + sheet.Stamp(ms)[11:16] }

func signed(p lead.Points) string {
	if p > 0 {
		return "+" + p.String()
	}
	return p.String()
}

func signedCount(n int) string {
	if n > 0 {
		return "+" + count(n)
	}
	return count(n)
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

func change(r *plan.Rule) lead.Points {
	d := r.After.Remaining - r.Before.Remaining
	return max(d, -d)
}

func more(all, top int) []string {
	if top > 0 && all > top {
		return []string{fmt.Sprintf("%s more", count(all-top))}
	}
	return nil
}
