package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

type tryFlags struct {
	inputs inputFlags
	json   bool
	with   []string
	asOf   string
	of     string
}

// trial is what some more events would do to a lead.
type trial struct {
	Lead      string          `json:"lead"`
	Before    *replay.View    `json:"before"` // null: the lead is unknown so far
	After     *replay.View    `json:"after"`
	Decisions []lead.Decision `json:"decisions"` // that the events would lead to
}

func (a *app) tryCommand() *cobra.Command {
	var f tryFlags
	cmd := &cobra.Command{
		Use:   "try LEAD --with EVENT [flags] [INPUT...]",
		Short: "See what one more event would do to a lead",
		Long: `Shows a lead as it stands, then lets it do something more and shows the
difference: display, label, grade, scores and new decisions. Nothing is changed
by it.

Without INPUT it is a lead of an engine, as its journal has it: of a data folder,
whether its engine runs or not, or with --nats of an external server; --of names
the workflow, if there are several. With INPUT the history in the files is played
first.

EVENT is the name of an event ("Demo Requested"), a page path ("/pricing"), or
an event as JSON in the Segment form; what is missing (time, lead, id) is filled
in. --with may be repeated: the events happen in that order, at --as-of.

` + inputHelp,
		Example: `  ripen try lead_0042 --with "Demo Requested" -w workflows/letter-and-number --data ripen-data
  ripen try lead_0042 --with "Demo Requested" -w workflows/letter-and-number events.ndjson
  ripen try lead_0042 --with /pricing --with /pricing -w . events.ndjson
  ripen try lead_0042 --with '{"type":"identify","traits":{"title":"Head of Sales"}}' -w . events.ndjson`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			return a.try(cmd, &f, list[0], list[1:])
		},
	}
	bindOperator(cmd, "workflow", "cache")
	f.inputs.bind(cmd)
	bindOf(cmd, &f.of)
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object: lead, before, after, decisions")
	cmd.Flags().StringArrayVar(&f.with, "with", nil, "the event to try (required, may be repeated)")
	cmd.Flags().StringVar(&f.asOf, "as-of", "", "when it happens (default: the latest time that is known)")
	return cmd
}

func (a *app) try(cmd *cobra.Command, f *tryFlags, who string, list []string) error {
	if len(f.with) == 0 {
		return errors.New("what should the lead do? Name an event, e.g. --with \"Demo Requested\"")
	}
	sf := scoreFlags{asOf: f.asOf, batch: 1, partitions: 1}
	asOf, err := sf.check()
	if err != nil {
		return err
	}
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	if len(list)+len(f.inputs.events)+len(f.inputs.leads) == 0 {
		return a.tryEngine(cmd.Context(), f, c, who, asOf)
	}
	if f.of != "" {
		return errors.New("--of is about a lead of an engine; files are scored by the folder of -w")
	}
	return a.tryFiles(cmd.Context(), f, c, who, list, asOf)
}

func (a *app) answerTrial(f *tryFlags, w *engine.Workflow, t *trial) error {
	if f.json {
		return a.encode(t)
	}
	a.printTrial(w, t)
	return nil
}

// tryFiles plays the history of the lead first.
func (a *app) tryFiles(ctx context.Context, f *tryFlags, c *config, who string, list []string, asOf int64) error {
	w, err := a.load(ctx, c.text("workflow"), c.cache())
	if err != nil {
		return err
	}
	defer w.Close()
	h, err := a.start(ctx, w, &f.inputs, list, c.text("workflow"), replay.Options{})
	if err != nil {
		return err
	}
	defer h.close()
	h.asOf, h.only = asOf, who
	if err := h.play(); err != nil {
		return err
	}
	t, err := h.try(who, f.with)
	if err != nil {
		return err
	}
	return a.answerTrial(f, w, t)
}

// tryEngine asks the journal of an engine for the lead.
func (a *app) tryEngine(ctx context.Context, f *tryFlags, c *config, who string, asOf int64) error {
	x, w, err := a.explainer(ctx, c, f.of)
	if err != nil {
		return err
	}
	defer w.Close()
	defer x.Close()
	s, err := x.Now(ctx, who)
	if err != nil {
		return err
	}
	defer s.Close()
	if asOf != 0 && asOf < s.Clock {
		return fmt.Errorf("--as-of %s is before %s, the latest time that the engine knows", stamp(asOf), stamp(s.Clock))
	}
	t, err := tryStory(s, who, f.with, max(asOf, s.Clock))
	if err != nil {
		return err
	}
	return a.answerTrial(f, s.Work, t)
}

func tryStory(s *engine.Story, who string, with []string, at int64) (*trial, error) {
	view := func(at int64) (*replay.View, error) {
		views, err := replay.Views(s, s.Work.Model.Policy, []string{who}, at, nil, true)
		if err != nil || len(views) == 0 {
			return nil, err
		}
		return &views[0], nil
	}
	before, err := view(at)
	if err != nil {
		return nil, err
	}
	var events []lead.Event
	end := at
	for i, text := range with {
		e, err := tried(text, who, i, at)
		if err != nil {
			return nil, err
		}
		end, events = max(end, e.At), append(events, e)
	}
	did, err := s.Try(events)
	switch {
	case err != nil:
		return nil, err
	case len(did.Refused) > 0:
		return nil, no("the workflow refuses the event: %s", did.Refused[0].Reason)
	case did.Duplicates > 0:
		return nil, no("an event with this messageId is in the history already; it would change nothing")
	}
	after, err := view(end)
	return &trial{Lead: who, Before: before, After: after, Decisions: append([]lead.Decision{}, did.Decisions...)}, err
}

// try lets the lead do something more.
func (h *history) try(who string, with []string) (*trial, error) {
	t := &trial{Lead: who, Decisions: []lead.Decision{}}
	var err error
	if t.Before, err = h.view(who, h.asOf); err != nil {
		return nil, err
	}
	had, decided := h.replay.Counts(), len(h.replay.Decisions())
	at, tries := h.asOf, map[string]bool{}
	for i, text := range with {
		e, err := tried(text, who, i, h.asOf)
		if err != nil {
			return nil, err
		}
		at, tries[e.ID] = max(at, e.At), true
		h.replay.Event(e, replay.Place{})
	}
	if err := h.replay.Drain(); err != nil {
		return nil, err
	}
	for _, r := range h.replay.Refused() {
		if tries[r.Event] {
			return nil, no("the workflow refuses the event: %s", r.Reason)
		}
	}
	if h.replay.Counts().Duplicates > had.Duplicates {
		return nil, no("an event with this messageId is in the history already; it would change nothing")
	}
	if t.After, err = h.view(who, at); err != nil {
		return nil, err
	}
	t.Decisions = append(t.Decisions, h.replay.Decisions()[decided:]...)
	return t, nil
}

// view shows a lead, nil if it is unknown.
func (h *history) view(who string, at int64) (*replay.View, error) {
	views, err := h.replay.Views([]string{who}, at, nil, true)
	if err != nil || len(views) == 0 {
		return nil, err
	}
	return &views[0], nil
}

// tried makes an event of what a person typed.
func tried(text, who string, n int, at int64) (lead.Event, error) {
	if at == 0 {
		return lead.Event{}, errors.New("the inputs hold no time; say when it happens with --as-of")
	}
	raw := []byte(text)
	switch {
	case strings.HasPrefix(text, "{"):
	case strings.HasPrefix(text, "/"):
		raw = append(intake.AppendQuoted([]byte(`{"type":"page","properties":{"path":`), text), "}}"...)
	default:
		raw = append(intake.AppendQuoted([]byte(`{"event":`), text), '}')
	}
	raw = intake.Fill(raw, intake.Members(lead.Track, "try-"+strconv.Itoa(n+1), who, stamp(at)))
	e, rejected := intake.NewDecoder(intake.Options{}).Decode(raw, 0)
	if rejected != nil {
		return e, fmt.Errorf("--with %s: %s", text, rejected.Reason)
	}
	if e.Lead != who {
		return e, fmt.Errorf("--with %s: the event is one of lead %q, not of %q", text, e.Lead, who)
	}
	return e, nil
}

func (a *app) printTrial(w *engine.Workflow, t *trial) {
	rows := [][]string{{clean(t.Lead), "before", "after", "change"}}
	add := func(name, before, after string) {
		change := ""
		if before != after {
			change = "*"
		}
		rows = append(rows, []string{name, before, after, change})
	}
	before := t.Before
	if before == nil {
		before = &replay.View{Display: "unknown", Scores: make([]lead.ScoreValue, len(t.After.Scores))}
	}
	add("display", before.Display, t.After.Display)
	if len(w.Model.Policy.Labels) > 0 {
		add("label", before.Label, t.After.Label)
	}
	if w.Model.Policy.Grading >= 0 {
		add("grade", before.Grade, t.After.Grade)
	}
	for i, s := range t.After.Scores {
		add(s.Name, before.Scores[i].Milli.String(), s.Milli.String())
		if d := s.Milli - before.Scores[i].Milli; d != 0 {
			rows[len(rows)-1][3] = signed(d)
		}
	}
	a.printTable(rows, map[int]bool{})
	a.say("")
	if len(t.Decisions) == 0 {
		a.say("no new decision")
	}
	for _, d := range t.Decisions {
		a.say("decision: %s (%s), episode %d%s", d.Action, d.Route, d.Episode, after("  ", clean(d.Say)))
	}
}
