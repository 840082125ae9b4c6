package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/replay"
)

type leadsFlags struct {
	json    bool
	asOf    string
	explain string
	top     int
}

func (a *app) leadsCommand() *cobra.Command {
	var f leadsFlags
	cmd := &cobra.Command{
		Use:   "leads [flags] [DIR]",
		Short: "The work list: all leads of an engine, ranked",
		Long: `Reads the leads of an engine from its journal and prints them as ripen score does:
best grade first, then the highest primary score, then by name. DIR is the folder
of the workflow.

By default the data folder of an engine with an embedded server is read, whether
that engine runs or not; with --nats an external server is asked. A running
engine goes on undisturbed. Without the data folder nobody reads the journal of
the server inside an engine.`,
		Example: `  ripen leads workflows/letter-and-number --data ripen-data
  ripen leads -w . --explain lead_0042
  ripen leads -w . --nats nats://nats.internal:4222 --creds ripen.creds --json | jq -r '.lead'`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.leads(cmd, &f, list) },
	}
	bindOperator(cmd, "workflow", "cache")
	fl := cmd.Flags()
	fl.BoolVar(&f.json, "json", false, "print one JSON object per lead")
	fl.StringVar(&f.asOf, "as-of", "", "the time of the answer (default: the latest that the engine knows); not before it")
	fl.StringVar(&f.explain, "explain", "", "show one lead with the lines that its scores consist of")
	fl.IntVar(&f.top, "top", 0, "print the best only; 0 = all")
	return cmd
}

func (a *app) leads(cmd *cobra.Command, f *leadsFlags, list []string) (err error) {
	asOf := int64(0)
	if f.asOf != "" {
		if asOf, err = parseTime(f.asOf); err != nil {
			return fmt.Errorf("--as-of: %w", err)
		}
	}
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	dir := c.text("workflow")
	if len(list) > 0 {
		dir = list[0]
	}
	w, err := a.load(cmd.Context(), dir, c.cache())
	if err != nil {
		return err
	}
	defer w.Close()
	o := c.engineOptions(w, a.logger(c))
	if err := needData(&o); err != nil {
		return err
	}
	s, err := engine.Inspect(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer s.Close()
	return a.answerLeads(f, w, s, max(asOf, s.Clock()))
}

func (a *app) answerLeads(f *leadsFlags, w *engine.Workflow, s *engine.Snapshot, asOf int64) error {
	keys := s.Leads()
	if f.explain != "" {
		keys = []string{f.explain}
	}
	views, err := replay.Views(s, w.Model.Policy, keys, asOf, s.Decisions, f.explain != "")
	if err != nil {
		return err
	}
	if f.top > 0 && len(views) > f.top {
		views = views[:f.top]
	}
	switch {
	case f.explain != "" && len(views) == 0:
		return no("%s %q is unknown to the engine", w.Model.LeadWord, f.explain)
	case f.json:
		return a.printJSON(views)
	case f.explain != "":
		return a.printExplained(&views[0])
	}
	a.printRanked(views, w)
	return nil
}
