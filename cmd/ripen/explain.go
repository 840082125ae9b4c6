package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/explain"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

type explainFlags struct {
	inputs inputFlags
	json   bool
	asOf   string
	all    bool
	clocks []engine.Clock
}

// clocks are those that an engine may have gone by: the one that is set, or, if
// none is, both, the default first.
func (c *config) clocks() []engine.Clock {
	if own := engine.Clock(c.text("clock")); c.origin["clock"] != "default" {
		return []engine.Clock{own}
	}
	return []engine.Clock{engine.ClockWall, engine.ClockStream}
}

func (a *app) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain LEAD|DECISION [flags] [INPUT...]",
		Short: "Why a lead is where it is, or why a decision was made",
		Long: `Of a lead: every score with the lines that sum to it, to the milli-point; the
grade with its reason; every route in the order in which they are tried, with
what its condition read, and why it fired or did not; the episodes and their
decisions; and what comes next if nothing but time happens.

Of a decision (its id, 32 hexadecimal digits): what it says of itself, the
release that decided, and whether the lead's inputs, run again from history,
lead to the same decision, bit for bit. If not, the answer is "no" (exit code 1).

Without INPUT an engine is asked: a data folder, whether its engine runs or not,
or with --nats an external server. --as-of, and a decision, run the lead's
history again: then --skew and --dedupe must be those of the engine.

--check-all does so for all decisions of the journal in one pass, and checks for
all leads that the lines sum to the score.

` + inputHelp,
		Example: `  ripen explain lead_0042 -w workflows/letter-and-number --data ripen-data
  ripen explain lead_0042 -w . --as-of 2026-03-01 --json | jq '.routes[] | {name, turn}'
  ripen explain e38e9cb579741ad1c28a9ff365475f0d -w . --data ripen-data
  ripen explain lead_0042 -w . events.ndjson
  ripen explain --check-all -w . --data ripen-data`,
		Args: args(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, list []string) error { return a.explainThis(cmd, &f, list) },
	}
	bindOperator(cmd, "workflow", "cache", "clock", "skew", "dedupe")
	f.inputs.bind(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
	fl.StringVar(&f.asOf, "as-of", "", "the time of the answer, e.g. 2026-03-01 (default: the latest that is known)")
	fl.BoolVar(&f.all, "check-all", false, "make all decisions of the journal again and check the sums of all leads")
	return cmd
}

// explainThis finds out what is asked: of files or of an engine, a lead or a
// decision.
func (a *app) explainThis(cmd *cobra.Command, f *explainFlags, list []string) error {
	asOf, err := f.check(list)
	if err != nil {
		return err
	}
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	w, err := a.load(cmd.Context(), c.text("workflow"), c.cache())
	if err != nil {
		return err
	}
	defer w.Close()
	if !f.all && (len(list) > 1 || len(f.inputs.events)+len(f.inputs.leads) > 0) {
		return a.explainFiles(cmd.Context(), f, w, c.text("workflow"), list, asOf)
	}
	o := c.engineOptions(w, a.logger(c))
	if err := needData(&o); err != nil {
		return err
	}
	f.clocks = c.clocks()
	if f.all {
		return a.explainAll(cmd.Context(), f, w, o)
	}
	x, err := engine.OpenExplainer(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer x.Close()
	if isDecision(list[0]) {
		if found, err := a.explainDecision(cmd.Context(), f, x, list[0]); found || err != nil {
			return err
		}
	}
	return a.explainLead(cmd.Context(), f, w, x, list[0], asOf)
}

func (f *explainFlags) check(list []string) (asOf int64, err error) {
	switch {
	case f.all && (len(list) > 0 || len(f.inputs.events)+len(f.inputs.leads) > 0):
		return 0, errors.New("--check-all takes the journal of an engine, and neither a lead nor files")
	case !f.all && len(list) == 0:
		return 0, errors.New("who is to be explained? Name a lead or the id of a decision")
	case f.asOf == "":
		return 0, nil
	}
	if asOf, err = parseTime(f.asOf); err != nil {
		err = fmt.Errorf("--as-of: %w", err)
	}
	return asOf, err
}

var decisionID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func isDecision(text string) bool { return decisionID.MatchString(text) }

// about is the workflow as explanations name it.
func about(w *engine.Workflow) explain.About {
	return explain.About{Policy: w.Model.Policy, Release: w.Model.Policy.Release, Model: w.Model.Digest, LeadWord: w.Model.LeadWord}
}

// explainFiles plays files and explains a lead, or a decision, of theirs.
func (a *app) explainFiles(ctx context.Context, f *explainFlags, w *engine.Workflow, dir string, list []string, asOf int64) error {
	h, err := a.start(ctx, w, &f.inputs, list[1:], dir, replay.Options{})
	if err != nil {
		return err
	}
	defer h.close()
	h.asOf = asOf
	if !isDecision(list[0]) {
		h.only = list[0]
	}
	if err := h.play(); err != nil {
		return err
	}
	decisions := h.replay.Decisions()
	for i := range decisions {
		if d := &decisions[i]; d.ID == list[0] {
			return a.answerDecision(f, &decisionAnswer{Decision: *d})
		}
	}
	l, err := explain.Of(h.replay, about(w), list[0], h.asOf, decisions)
	if err != nil {
		return err
	}
	if l == nil {
		return no("%s %q has no event in the inputs up to %s", w.Model.LeadWord, list[0], stamp(h.asOf))
	}
	return a.answerLead(f, l)
}

// explainLead explains a lead of an engine. As long as nothing happened behind
// the time that is asked for, the newest state is the answer; else the lead's
// history is run again.
func (a *app) explainLead(ctx context.Context, f *explainFlags, w *engine.Workflow, x *engine.Explainer, key string, asOf int64) error {
	s, err := x.Now(ctx, key)
	if err != nil {
		return err
	}
	if asOf != 0 && asOf < s.Clock {
		stored := s.Decisions
		s.Close()
		if s, err = past(ctx, f, x, key, asOf, stored); err != nil {
			return err
		}
		if s.First > 1 {
			a.note("the history begins at sequence %d of the events; what came before is gone by age, and is missing here", s.First)
		}
	}
	defer s.Close()
	l, err := explain.Of(s, about(w), key, max(asOf, s.Clock), s.Decisions)
	if err != nil {
		return err
	}
	if l == nil {
		return no("%s %q is unknown to the engine%s", w.Model.LeadWord, key, after(" at ", f.asOf))
	}
	return a.answerLead(f, l)
}

// past runs a lead's history again, by the clock that leads to the decisions
// that were stored.
func past(ctx context.Context, f *explainFlags, x *engine.Explainer, key string, asOf int64, stored []lead.Decision) (first *engine.Story, err error) {
	for _, clock := range f.clocks {
		x.UseClock(clock)
		s, err := x.Past(ctx, key, asOf)
		switch {
		case err != nil:
			first.Close()
			return nil, err
		case sameDecisions(s.Decisions, stored, asOf):
			first.Close()
			return s, nil
		case first == nil:
			first = s
		default:
			s.Close()
		}
	}
	return first, nil
}

func sameDecisions(made, stored []lead.Decision, asOf int64) bool {
	ids := make(map[string]bool, len(made))
	for i := range made {
		ids[made[i].ID] = true
	}
	for i := range stored {
		if stored[i].At <= asOf && !ids[stored[i].ID] {
			return false
		}
	}
	return true
}

func (a *app) answerLead(f *explainFlags, l *explain.Lead) error {
	if f.json {
		return a.encode(l)
	}
	return a.printLead(l)
}

// encode prints one JSON value.
func (a *app) encode(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// decisionAnswer is a decision with what is known of how it was made.
type decisionAnswer struct {
	Decision   lead.Decision      `json:"decision"`
	Model      string             `json:"model,omitempty"` // name@digest
	Partition  int                `json:"partition"`
	Sequence   uint64             `json:"sequence,omitempty"` // in the journal
	Record     uint64             `json:"record,omitempty"`
	Input      uint64             `json:"input,omitempty"` // sequence of the newest input of the record
	Reproduced *engine.Reproduced `json:"reproduced,omitempty"`
}

// explainDecision explains a decision of an engine; found is false if the
// journal has none of that id.
func (a *app) explainDecision(ctx context.Context, f *explainFlags, x *engine.Explainer, id string) (found bool, err error) {
	s, err := x.Find(ctx, id)
	if s == nil || err != nil {
		return false, err
	}
	var r *engine.Reproduced
	for i, clock := range f.clocks {
		x.UseClock(clock)
		again, err := x.Reproduce(ctx, s)
		if err != nil {
			return true, err
		}
		if i == 0 || again.Same {
			r = again
		}
		if again.Same {
			break
		}
	}
	return true, a.answerDecision(f, &decisionAnswer{s.Decision, s.Model, s.Partition, s.Sequence, s.Record, s.Input, r})
}

func (a *app) answerDecision(f *explainFlags, d *decisionAnswer) error {
	if f.json {
		if err := a.encode(d); err != nil {
			return err
		}
	} else if err := a.printDecision(d); err != nil {
		return err
	}
	if d.Reproduced != nil && !d.Reproduced.Same {
		return no("decision %s was not reproduced: %s", d.Decision.ID, d.Reproduced.Why)
	}
	return nil
}
