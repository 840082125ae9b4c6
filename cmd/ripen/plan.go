package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/plan/page"
	"github.com/ripenhq/ripen/engine/replay"
)

type planFlags struct {
	inputs            inputFlags
	against           string
	noRescore         bool
	onRelease, keep   string
	most              int
	asOf              string
	json, exitCode    bool
	html              string
	limit             int
	batch, partitions int
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [flags] DIR [INPUT...]",
		Short: "What a release would change, before anything changes",
		Long: `Runs the workflow in DIR and the one that is live over the same history and says
what would be different: which leads change score, grade and label and by how
much, who would newly be handed to sales and who no longer, when and why, what
each rule gives before and after, what happens at the switch itself, and what
both cost.

The live one is that of a running engine, with its own history: its data folder
(--data) or its server (--nats) is read, and it goes on undisturbed. With
--against OLD it is the workflow in another folder, and the history comes from
files, as for ripen score.

A workflow of another name would be a new one beside those that run (ripen apply
--new): what it makes of the history is told, and which leads would stand true at
its switch.

What apply is asked to do, plan predicts: by default all leads are scored again
from history; with --no-rescore they go on from today's points. --on-release says
what happens to leads for which a route becomes true by the switch: fire (a decision
each, at once), mark (their episode opens silently) or "drip 20/day". The flags
mean what they mean for apply.

Exit code 0; with --detailed-exitcode 1 if something would change.

--json prints one object, whose form is stable. Points are in milli-points and
times in ms since 1970 UTC:
  workflow, before, after     the releases: number, digest, from
  begins                      true for a new workflow: before is empty
  mode, history, cautions     what was compared, and what to be careful with
  changed, diff               whether anything changes; the files' differences
  leads, scores               counts; per score spread before, after, histogram
  grades, labels              matrix: leads[i][k] went from names[i] to names[k]
  sales                       newly, no_longer, sooner, later: count and list of
                              lead, action, before, after (at, route, cause), why
  switch                      newly_true, to_sales, by_route, list
  routes, rules, most_changed decisions by route, points by rule, leads
  cost                        fuel_per_event and ns_per_event of both

` + inputHelp,
		Example: `  ripen plan workflows/next --data ripen-data
  ripen plan . --no-rescore --on-release mark --html plan.html
  ripen plan next/ --against live/ --events history.ndjson
  ripen plan next/ --against live/ history.ndjson --json | jq -r '.sales.newly.list[].lead'`,
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			return a.plan(cmd, &f, list[0], list[1:])
		},
	}
	bindOperator(cmd, "cache", "clock", "skew", "dedupe")
	f.inputs.bind(cmd)
	f.bind(cmd)
	return cmd
}

func (f *planFlags) bind(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.against, "against", "", "folder of the workflow to compare with, on events from files")
	fl.BoolVar(&f.noRescore, "no-rescore", false, "the new release goes on from today's points")
	fl.StringVar(&f.onRelease, "on-release", plan.Fire, `what happens to leads for which a route becomes true by the switch alone: fire, mark (known, not sent) or "drip 200/day"`)
	fl.StringVar(&f.keep, "keep", defaultKeep, "how long apply would keep the replaced release as a shadow")
	fl.IntVar(&f.most, "max-new-handoffs", defaultMaxNew, "how many hand-offs by the switch alone apply would accept; -1 = any number")
	fl.StringVar(&f.asOf, "as-of", "", "with --against: the time of the switch (default: the latest in the inputs)")
	fl.BoolVar(&f.json, "json", false, "print the plan as one JSON object")
	fl.BoolVar(&f.exitCode, "detailed-exitcode", false, "exit with 1 if something would change")
	fl.StringVar(&f.html, "html", "", "write the plan with plots to this file: one page that needs no network")
	fl.IntVar(&f.limit, "limit", 10, "rows of long lists; 0 = all that the plan names")
	fl.IntVar(&f.batch, "batch", replay.DefaultBatch, "inputs that a partition takes at once")
	fl.IntVar(&f.partitions, "partitions", runtime.GOMAXPROCS(0), "leads are spread over so many workers")
}

// mode is the way in which apply would do it, read from the flags as there.
func (f *planFlags) mode() (m plan.Mode, err error) {
	if f.batch < 1 || f.partitions < 1 || f.partitions > 1024 || f.limit < 0 {
		return m, fmt.Errorf("found --batch %d --partitions %d --limit %d, expected at least 1, at most 1024 partitions, and --limit 0 or more", f.batch, f.partitions, f.limit)
	}
	terms, err := (&changeFlags{onRelease: f.onRelease, keep: f.keep, maxNew: f.most}).terms()
	terms.NoRescore = f.noRescore
	return plan.Mode{Rescore: !f.noRescore, InPlace: terms.InPlace(), OnRelease: terms.OnRelease, PerDay: terms.PerDay, Most: max(terms.MaxNew, -1)}, err
}

func (a *app) plan(cmd *cobra.Command, f *planFlags, dir string, list []string) error {
	mode, err := f.mode()
	if err != nil {
		return err
	}
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	if f.against == "" {
		return a.planOnEngine(cmd.Context(), c, f, &mode, dir, list)
	}
	was, err := a.load(cmd.Context(), f.against, c.cache())
	if err != nil {
		return err
	}
	defer was.Close()
	is, err := a.load(cmd.Context(), dir, c.cache())
	if err != nil {
		return err
	}
	defer is.Close()
	if a, b := was.Model.Name, is.Model.Name; a != b {
		return fmt.Errorf("found the workflows %q and %q: a release follows one of the same workflow; give both one name", a, b)
	}
	r, err := a.planFiles(cmd.Context(), &filePlan{flags: f, was: was, is: is, dir: dir, mode: mode, inputs: list})
	if err != nil {
		return err
	}
	return a.answerPlan(f, r)
}

// planOnEngine plans on the history of a running engine.
func (a *app) planOnEngine(ctx context.Context, c *config, f *planFlags, mode *plan.Mode, dir string, list []string) error {
	if err := f.checkLive(list); err != nil {
		return err
	}
	is, err := a.load(ctx, dir, c.cache())
	if err != nil {
		return err
	}
	defer is.Close()
	r, err := a.planLive(ctx, c, &livePlan{app: a, flags: f, is: is, dir: dir, mode: *mode})
	if err != nil {
		return err
	}
	return a.answerPlan(f, r)
}

// answerPlan prints the report and writes what was asked for.
func (a *app) answerPlan(f *planFlags, r *plan.Report) error {
	if f.html != "" {
		text, err := page.Page(r, 0)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.html, text, 0o644); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	if f.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			return err
		}
	} else {
		a.printPlan(r, f.limit)
	}
	if err := a.stdout.Flush(); err != nil {
		return err
	}
	if f.exitCode && r.Changed {
		return &answer{code: exitNo}
	}
	return nil
}
