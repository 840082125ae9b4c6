package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

type promoteFlags struct {
	changeFlags
	workflow string
}

func (a *app) promoteCommand() *cobra.Command {
	var f promoteFlags
	cmd := &cobra.Command{
		Use:   "promote [flags] NUMBER",
		Short: "Make a release that runs as a shadow the live one",
		Long: `Makes a shadow live at one switch point, by the same rules as ripen apply: what it
has scored counts from then on, open episodes go on, and leads for which a route
becomes true by the switch alone are counted first.`,
		Example: `  ripen promote 14
  ripen promote 14 --on-release mark --yes`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.promote(cmd, &f, list[0]) },
	}
	bindChange(cmd, &f.changeFlags)
	cmd.Flags().StringVar(&f.workflow, "of", "", "the workflow, if there are several")
	return cmd
}

// changing connects a command that changes what runs, and checks that somebody
// can be asked.
func (a *app) changing(cmd *cobra.Command, f *changeFlags) (context.Context, *engine.Operator, func(), error) {
	if !f.yes && !a.mayAsk() {
		return nil, nil, nil, errors.New("there is no terminal to ask on: say --yes to switch without being asked")
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	op, err := a.operate(ctx, cmd)
	if err == nil {
		if err = needEngine(op); err != nil {
			op.Close()
		}
	}
	if err != nil {
		stop()
		return nil, nil, nil, err
	}
	return ctx, op, func() { op.Close(); stop() }, nil
}

func (a *app) promote(cmd *cobra.Command, f *promoteFlags, number string) error {
	terms, err := f.terms()
	if err != nil {
		return err
	}
	ctx, op, done, err := a.changing(cmd, &f.changeFlags)
	if err != nil {
		return err
	}
	defer done()
	e, err := a.find(ctx, op, f.workflow, number)
	if err != nil {
		return err
	}
	now, partitions, err := release.Statuses(ctx, op.Conn())
	if err != nil {
		return err
	}
	before := live(now, e.Workflow)
	if before != nil && before.Release == e.Number {
		return no("release %d of workflow %s is live already", e.Number, e.Workflow)
	}
	shadow := inStep(now, partitions, &e)
	if shadow == nil {
		return no("release %d of workflow %s does not run as a shadow in step; start it with ripen shadow start, or go back to it with ripen rollback %d", e.Number, e.Workflow, e.Number)
	}
	return a.switchTo(ctx, op, &f.changeFlags, &target{verb: release.VerbPromote, entry: e, shadow: shadow, terms: terms, before: before})
}

// find is findRelease; a release that does not exist is the answer "no".
func (a *app) find(ctx context.Context, op *engine.Operator, name, number string) (release.Entry, error) {
	e, err := findRelease(ctx, op, name, number)
	if errors.Is(err, release.ErrNoRelease) {
		return e, no("%v", err)
	}
	return e, err
}

// inStep is a lineage of a release that could become live at once: it is in
// step in all partitions. nil if there is none.
func inStep(list []release.LineageStatus, partitions int, e *release.Entry) *release.LineageStatus {
	ready := map[uint64]int{}
	var found *release.LineageStatus
	for i := range list {
		l := &list[i]
		if l.Workflow != e.Workflow || l.Release != e.Number || l.Digest != e.Digest || l.Role != lineage.Shadow.String() || !l.Ready {
			continue
		}
		if ready[l.ID]++; ready[l.ID] == partitions {
			found = l
		}
	}
	return found
}

// target is a listed release that is to become live.
type target struct {
	verb     string
	entry    release.Entry
	shadow   *release.LineageStatus // in step; nil = it is built first
	terms    release.Terms
	before   *release.LineageStatus
	handOffs []handOffJSON
}

// switchTo makes a listed release live.
func (a *app) switchTo(ctx context.Context, op *engine.Operator, f *changeFlags, t *target) error {
	c := release.Change{Verb: t.verb, Owner: holder(), Since: time.Now().UnixMilli(), Workflow: t.entry.Workflow, Step: release.Begun, Entry: t.entry, Terms: t.terms,
		Release: lineage.Release{Number: t.entry.Number, Digest: t.entry.Digest, Model: t.entry.Model}}
	if t.shadow != nil {
		c.Step, c.Lineage = release.Ready, lineage.ID(t.shadow.ID)
		c.Kept = true
	}
	h, err := heldOrNo(op.Store().Hold(ctx, op.Conn(), c))
	if err != nil {
		return err
	}
	out, err := a.carry(ctx, op, f, h)
	if err != nil {
		return err
	}
	return a.tellSwitch(f, out, &h.Terms, t.before, returns(ctx, op, t), t.handOffs)
}

// returns says whether a rollback would go back to what a target replaced.
func returns(ctx context.Context, op *engine.Operator, t *target) bool {
	if t.before == nil {
		return false
	}
	n, err := op.Before(ctx, t.entry.Workflow, t.entry.Number)
	return err == nil && n == t.before.Release
}
