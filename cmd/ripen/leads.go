package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/replay"
)

type leadsFlags struct {
	json, csv bool
	asOf      string
	of        string
	explain   string
	top       int
	sort      string
	filter    leadFilter
}

func (a *app) leadsCommand() *cobra.Command {
	var f leadsFlags
	cmd := &cobra.Command{
		Use:   "leads [flags] [DIR]",
		Short: "The work list: all leads of an engine, ranked",
		Long: `Reads the leads of an engine from its journal and prints them as ripen score does:
best grade first, then the highest primary score, then by name. The order is the
same each time. The release that is live is shown. Where several workflows are,
--of names one, or DIR, or -w, its folder.

Filters narrow the list: a lead must pass all of them, and of one that is given
several times (or as a,b) one value will do. --action and --route look at open
episodes: who is with sales right now, and by which route. --min and --max
compare exact points. --search looks into the lead's name and its traits.

By default the data folder of an engine with an embedded server is read, whether
that engine runs or not; with --nats an external server is asked. A running
engine goes on undisturbed. Without the data folder nobody reads the journal of
the server inside an engine.`,
		Example: `  ripen leads workflows/letter-and-number --data ripen-data
  ripen leads -w . --action sales-handoff --sort activity --limit 20
  ripen leads -w . --grade A,B --min recent=10 --max recent=24.999
  ripen leads -w . --label hot --search acme.com --csv > hot.csv
  ripen leads -w . --nats nats://nats.internal:4222 --creds ripen.creds --json | jq -r '.lead'`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.leads(cmd, &f, list) },
	}
	bindOperator(cmd, "workflow", "cache")
	bindOf(cmd, &f.of)
	fl := cmd.Flags()
	fl.BoolVar(&f.json, "json", false, "print one JSON object per lead")
	fl.BoolVar(&f.csv, "csv", false, "print a CSV file")
	fl.StringVar(&f.asOf, "as-of", "", "the time of the answer (default: the latest that the engine knows); not before it")
	fl.StringVar(&f.explain, "explain", "", "show one lead with the lines that its scores consist of; ripen explain says more")
	fl.StringVar(&f.sort, "sort", "rank", "rank, lead, activity, decision or the name of a score; a - in front turns it around")
	fl.IntVar(&f.top, "limit", 0, "print so many at most; 0 = all")
	fl.IntVar(&f.top, "top", 0, "the same as --limit")
	f.filter.bind(fl)
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
	of := whose{name: f.of}
	if len(list) > 0 {
		of.dir = list[0]
	}
	w, name, err := a.theirs(cmd.Context(), c, of)
	if err != nil {
		return err
	}
	defer w.Close()
	o := c.engineOptions(w, a.logger(c))
	if err := needData(&o); err != nil {
		return err
	}
	s, err := engine.InspectNamed(cmd.Context(), o, name)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := f.check(s.Work); err != nil {
		return err
	}
	if err := a.answerLeads(f, s.Work, s, max(asOf, s.Clock())); err != nil || !s.Damaged {
		return err
	}
	return errors.New("decisions are missing above: the server's files are damaged and some cannot be read; see ripen journal verify, look at the disk, and restore a backup")
}

func (a *app) answerLeads(f *leadsFlags, w *engine.Workflow, s *engine.Snapshot, asOf int64) error {
	if f.explain != "" {
		return a.explainOne(f, w, s, asOf)
	}
	list, err := workList(s, w.Model.Policy, s.Leads(), asOf, s.Decisions)
	if err != nil {
		return err
	}
	list = f.filter.pick(list)
	sortList(list, f.sort)
	if f.top > 0 && len(list) > f.top {
		list = list[:f.top]
	}
	switch {
	case f.json:
		for i := range list {
			if err := a.encode(&list[i]); err != nil {
				return err
			}
		}
		return nil
	case f.csv:
		return a.printCSV(list, w)
	}
	views := make([]replay.View, len(list))
	for i := range list {
		views[i] = list[i].View
	}
	a.printRanked(views, w)
	return nil
}

// explainOne shows one lead with its lines.
func (a *app) explainOne(f *leadsFlags, w *engine.Workflow, s *engine.Snapshot, asOf int64) error {
	views, err := replay.Views(s, w.Model.Policy, []string{f.explain}, asOf, s.Decisions, true)
	switch {
	case err != nil:
		return err
	case len(views) == 0:
		return no("%s %q is unknown to the engine", w.Model.LeadWord, f.explain)
	case f.json:
		return a.printJSON(views)
	}
	return a.printExplained(&views[0])
}
