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
	inputs  inputFlags
	json    bool
	asOf    string
	of      string
	all     bool
	release uint32
	clocks  []engine.Clock
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
or with --nats an external server. The release that is live answers; of several
workflows --of names one; a decision names its own. --as-of, --release and a
decision run the lead's history again, under the releases that were live at each
position of the stream: then --skew and --dedupe must be those of the engine.

--check-all does so for all decisions of the journal in one pass, and checks for
all leads that the lines sum to the score.

` + inputHelp,
		Example: `  ripen explain lead_0042 --data ripen-data
  ripen explain lead_0042 --as-of 2026-03-01 --json | jq '.routes[] | {name, turn}'
  ripen explain lead_0042 --release 3
  ripen explain e38e9cb579741ad1c28a9ff365475f0d
  ripen explain lead_0042 -w workflows/letter-and-number events.ndjson
  ripen explain --check-all`,
		Args: args(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, list []string) error { return a.explainThis(cmd, &f, list) },
	}
	bindOperator(cmd, "workflow", "cache", "clock", "skew", "dedupe")
	f.inputs.bind(cmd)
	bindOf(cmd, &f.of)
	fl := cmd.Flags()
	fl.BoolVar(&f.json, "json", false, "print one JSON object")
	fl.StringVar(&f.asOf, "as-of", "", "the time of the answer, e.g. 2026-03-01 (default: the latest that is known)")
	fl.Uint32Var(&f.release, "release", 0, "what this release would make of the lead's whole history (default: the one that is live)")
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
	if !f.all && (len(list) > 1 || len(f.inputs.events)+len(f.inputs.leads) > 0) {
		return a.explainFiles(cmd.Context(), f, c, list, asOf)
	}
	f.clocks = c.clocks()
	if f.all {
		return a.explainAll(cmd.Context(), f, c)
	}
	x, w, err := a.explainer(cmd.Context(), c, f.of)
	if err != nil {
		return err
	}
	defer w.Close()
	defer x.Close()
	if isDecision(list[0]) {
		if found, err := a.explainDecision(cmd.Context(), f, x, list[0]); found || err != nil {
			return err
		}
	}
	return a.explainLead(cmd.Context(), f, x, list[0], asOf)
}

// explainer reaches the streams of an engine. The workflow, which may be nil, is
// to be closed behind it.
func (a *app) explainer(ctx context.Context, c *config, of string) (*engine.Explainer, *engine.Workflow, error) {
	w, name, err := a.theirs(ctx, c, whose{name: of})
	if err != nil {
		return nil, nil, err
	}
	o := c.engineOptions(w, a.logger(c))
	err = needData(&o)
	var x *engine.Explainer
	if err == nil {
		x, err = engine.OpenExplainer(ctx, o, name)
	}
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return x, w, nil
}

func (f *explainFlags) check(list []string) (asOf int64, err error) {
	switch {
	case f.release > 0 && (f.all || len(list) != 1 || len(f.inputs.events)+len(f.inputs.leads) > 0 || isDecision(list[0])):
		return 0, errors.New("--release is about a lead of an engine")
	case f.all && (len(list) > 0 || len(f.inputs.events)+len(f.inputs.leads) > 0):
		return 0, errors.New("--check-all takes the journal of an engine, and neither a lead nor files")
	case f.of != "" && (f.all || len(list) > 1 || len(f.inputs.events)+len(f.inputs.leads) > 0):
		return 0, errors.New("--of is about a lead of an engine: --check-all looks at all workflows, and files are scored by the folder of -w")
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

// about is the workflow as explanations name it; number is that of its release,
// 0 = none.
func about(w *engine.Workflow, number uint32) explain.About {
	x := explain.About{Policy: w.Model.Policy, Release: w.Model.Policy.Release, Model: w.Model.Digest, LeadWord: w.Model.LeadWord}
	if number > 0 {
		x.Release = fmt.Sprintf("%d (%s)", number, x.Release)
	}
	return x
}

// explainFiles plays files and explains a lead, or a decision, of theirs.
func (a *app) explainFiles(ctx context.Context, f *explainFlags, c *config, list []string, asOf int64) error {
	dir := c.text("workflow")
	w, err := a.load(ctx, dir, c.cache())
	if err != nil {
		return err
	}
	defer w.Close()
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
	l, err := explain.Of(h.replay, about(w, 0), list[0], h.asOf, decisions)
	if err != nil {
		return err
	}
	if l == nil {
		return no("%s %q has no event in the inputs up to %s", w.Model.LeadWord, list[0], stamp(h.asOf))
	}
	return a.answerLead(f, l)
}

// explainLead explains a lead of an engine. As long as nothing happened behind
// the time that is asked for, the newest state is the answer; else, and for
// another release, the lead's history is run again.
func (a *app) explainLead(ctx context.Context, f *explainFlags, x *engine.Explainer, key string, asOf int64) error {
	s, err := x.Now(ctx, key)
	if err != nil {
		return err
	}
	if word := s.Work.Model.LeadWord; f.release > 0 || asOf != 0 && asOf < s.Clock {
		if asOf == 0 {
			asOf = s.Clock
		}
		stored := s.Decisions
		s.Close()
		switch s, err = past(ctx, f, x, key, asOf, stored); {
		case f.release == 0:
		case err == nil:
			s.Close()
			s, err = under(ctx, f, x, key, asOf, nil)
		case errors.Is(err, engine.ErrOutOfReach):
			s, err = under(ctx, f, x, key, asOf, f.clocks)
		}
		if errors.Is(err, engine.ErrOutOfReach) {
			return no("%v", err)
		}
		if err != nil {
			return err
		}
		if s.First > 1 {
			a.note("the history begins at sequence %d of the events; what came before is gone by age, and is missing here of the %s", s.First, word)
		}
	}
	defer s.Close()
	l, err := explain.Of(s, about(s.Work, s.Release.Number), key, max(asOf, s.Clock), s.Decisions)
	if err != nil {
		return err
	}
	if l == nil && decisionID.MatchString(key) {
		return no("%q is no decision in the journal, and no %s is called so%s", key, s.Work.Model.LeadWord, after(" at ", f.asOf))
	}
	if l == nil {
		return no("%s %q is unknown to the engine%s", s.Work.Model.LeadWord, key, after(" at ", f.asOf))
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
			return s, nil // by this clock
		case first == nil:
			first = s
		default:
			s.Close()
		}
	}
	return first, nil
}

// under runs a lead's history under one release, by the clock that past found,
// or, where the past is out of reach, by the first one that leads to anything.
func under(ctx context.Context, f *explainFlags, x *engine.Explainer, key string, asOf int64, clocks []engine.Clock) (s *engine.Story, err error) {
	r, err := x.Release(ctx, f.release)
	if err != nil || len(clocks) == 0 {
		if err == nil {
			s, err = x.Under(ctx, key, r, asOf)
		}
		return s, err
	}
	for _, clock := range clocks {
		s.Close()
		x.UseClock(clock)
		if s, err = x.Under(ctx, key, r, asOf); err != nil || s.Knows(key) {
			break
		}
	}
	return s, err
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
