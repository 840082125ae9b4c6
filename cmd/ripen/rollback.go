package main

import (
	"context"
	"errors"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/release"
)

type rollbackFlags struct {
	changeFlags
	workflow  string
	recall    bool
	noRescore bool
}

func (a *app) rollbackCommand() *cobra.Command {
	var f rollbackFlags
	cmd := &cobra.Command{
		Use:   "rollback [flags] [NUMBER]",
		Short: "Go back to a former release, with its scores",
		Long: `Goes back to the release that the live one replaced, or to the one named, at one
switch point. One that was itself gone back from is passed over, unless it is
named. A release that was kept as a shadow has gone on scoring: it is live again
at once, with its own scores. An older one is built from history first.

Lists the hand-offs to sales that were made since the present release became
live; --recall takes those back that the restored release would not have made
(decisions with the action "recall") and closes their episodes. Episodes belong
to the workflow: no lead is handed over a second time by going back.`,
		Example: `  ripen rollback
  ripen rollback 12 --recall --yes`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.rollback(cmd, &f, list) },
	}
	bindChange(cmd, &f.changeFlags)
	fl := cmd.Flags()
	fl.StringVar(&f.workflow, "of", "", "the workflow, if there are several")
	fl.BoolVar(&f.recall, "recall", false, "recall hand-offs that the restored release would not have made")
	fl.BoolVar(&f.noRescore, "no-rescore", false, "a release that is not kept takes the ledgers as they are instead of history")
	return cmd
}

func (a *app) rollback(cmd *cobra.Command, f *rollbackFlags, list []string) error {
	terms, err := f.terms()
	if err != nil {
		return err
	}
	ctx, op, done, err := a.changing(cmd, &f.changeFlags)
	if err != nil {
		return err
	}
	defer done()
	name := f.workflow
	if name == "" {
		if name, err = onlyWorkflow(ctx, op); err != nil {
			return err
		}
	}
	now, partitions, err := release.Statuses(ctx, op.Conn())
	if err != nil {
		return err
	}
	before := live(now, name)
	if before == nil {
		return no("the engine runs no workflow %q", name)
	}
	number := ""
	if len(list) > 0 {
		number = list[0]
	} else if number, err = formerRelease(ctx, op, before); err != nil {
		return err
	}
	e, err := a.find(ctx, op, name, number)
	switch {
	case err != nil:
		return err
	case e.Number == before.Release:
		return no("release %d of workflow %s is live already", e.Number, name)
	}
	shadow := inStep(now, partitions, &e)
	if e.Purged != 0 && shadow == nil {
		return no("release %d of workflow %s was purged at %s: its files are gone, so it cannot be built again; apply its folder as a new release", e.Number, name, stamp(e.Purged)[:16])
	}
	offs, err := handOffs(ctx, op, before)
	if err != nil {
		return err
	}
	if !f.json {
		a.printHandOffs(offs, before.Release)
		if err := a.stdout.Flush(); err != nil {
			return err
		}
	}
	terms.Recall, terms.NoRescore = f.recall, f.noRescore && shadow == nil
	if f.recall {
		terms.Since = since(before.SwitchAt, offs)
	}
	return a.switchTo(ctx, op, &f.changeFlags, &target{verb: release.VerbRollback, entry: e, shadow: shadow, terms: terms, before: before, handOffs: offs})
}

// since is the time from which on hand-offs are recalled, ms: a decision bears
// the time of its lead, which may be before the switch that led to it.
func since(switched int64, offs []handOffJSON) int64 {
	for i := range offs {
		switched = min(switched, offs[i].At)
	}
	return switched
}

// formerRelease is the release that the live one replaced, as the stream has it,
// or where that is gone by age, as the list of releases has it.
func formerRelease(ctx context.Context, op *engine.Operator, now *release.LineageStatus) (string, error) {
	n, err := op.Before(ctx, now.Workflow, now.Release)
	if errors.Is(err, engine.ErrUnknownLive) {
		var e release.Entry
		if e, err = op.Store().Entry(ctx, now.Workflow, now.Release); errors.Is(err, release.ErrNoRelease) {
			err = nil
		}
		n = e.Parent
	}
	if err == nil && n == 0 {
		err = no("release %d of workflow %s is the first one: there is none to go back to", now.Release, now.Workflow)
	}
	return strconv.FormatUint(uint64(n), 10), err
}
