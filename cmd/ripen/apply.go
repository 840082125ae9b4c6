package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/workflow"
)

type applyFlags struct {
	changeFlags
	message, author          string
	noRescore, dryRun, isNew bool
	goOn, abort              bool
}

func (a *app) applyCommand() *cobra.Command {
	var f applyFlags
	cmd := &cobra.Command{
		Use:   "apply [flags] [DIR]",
		Short: "Make the workflow in a folder the live release of a running engine",
		Long: `Makes the workflow in a folder a new release and switches to it while leads flow:

  1. the workflow is checked, with its lock file, golden leads and tests;
  2. its files and plugins go to the engine's server;
  3. every engine compiles it and plays its tests;
  4. it is built from the history of events beside the live release, which goes
     on; with --no-rescore it takes the ledgers as they are instead;
  5. leads for which a route becomes true by the switch alone are counted; more
     than --max-new-handoffs is refused;
  6. one switch point is written: all partitions switch at that position. No
     event is lost, none is scored by a mix of both.

A workflow of another name needs --new and then runs beside those that do, each
released on its own. It too is built from history, and history has told nobody of
it: all leads for which one of its routes holds at its switch point are newly
true. They are counted, and --on-release and --max-new-handoffs say what happens
to them; with --on-release mark their episodes open silently.

What fails before the switch point leaves the live release untouched. The
replaced release goes on as a shadow for --keep, so that ripen rollback is as
quick as the switch. An apply that was interrupted is continued or given up with
--continue or --abort. ripen plan shows beforehand what an apply will do.

Exit code 0 if the release is live, or was already; 1 if it is refused or was
given up; 2 for everything else.`,
		Example: `  ripen apply -m "pricing page counts twice" .
  ripen apply --on-release "drip 50/day" --yes workflows/letter-and-number
  ripen apply --continue --max-new-handoffs 500`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.apply(cmd, &f, list) },
	}
	bindChange(cmd, &f.changeFlags)
	fl := cmd.Flags()
	fl.StringVarP(&f.message, "message", "m", "", "why, for the list of releases")
	fl.StringVar(&f.author, "author", author(), "who")
	fl.BoolVar(&f.noRescore, "no-rescore", false, "keep the ledgers: what was scored stays, only what comes is scored by the new release")
	fl.BoolVar(&f.dryRun, "dry-run", false, "check and compare with the live release, change nothing")
	fl.BoolVar(&f.isNew, "new", false, "the workflow is a new one beside those that run")
	fl.BoolVar(&f.goOn, "continue", false, "go on with an apply that was interrupted")
	fl.BoolVar(&f.abort, "abort", false, "give up an apply that was interrupted; what is live goes on")
	return cmd
}

func (a *app) apply(cmd *cobra.Command, f *applyFlags, list []string) error {
	if f.goOn && f.abort {
		return errors.New("--continue and --abort contradict each other")
	}
	terms, err := f.terms()
	if err != nil {
		return err
	}
	terms.NoRescore = f.noRescore
	if !f.yes && !f.dryRun && !f.abort && !a.mayAsk() {
		return errors.New("there is no terminal to ask on: say --yes to switch without being asked, or --dry-run to change nothing")
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	op, err := a.operate(ctx, cmd)
	if err != nil {
		return err
	}
	defer op.Close()
	if err := needEngine(op); err != nil {
		return err
	}
	switch {
	case f.abort:
		return a.abortChange(ctx, op, f)
	case f.goOn:
		return a.continueChange(ctx, cmd, op, f)
	}
	return a.applyFolder(ctx, cmd, op, f, terms, list)
}

func (a *app) applyFolder(ctx context.Context, cmd *cobra.Command, op *engine.Operator, f *applyFlags, terms release.Terms, list []string) error {
	w, err := a.candidate(ctx, cmd, list)
	if err != nil {
		return err
	}
	defer w.Close()
	now, _, err := release.Statuses(ctx, op.Conn())
	if err != nil {
		return err
	}
	before := live(now, w.Model.Name)
	switch {
	case before == nil && !f.isNew:
		return no("the engine runs no workflow %q but %s; apply the folder of that one, or say --new to run this one beside it", w.Model.Name, strings.Join(workflowsOf(now), ", "))
	case before == nil && f.noRescore:
		return noLedgers(w.Model.Name)
	case before != nil && before.Digest == w.Bundle.Digest():
		return a.unchanged(f, before)
	case before != nil && f.isNew:
		return no("workflow %s is not new: its release %d is live; apply the folder without --new to replace that", w.Model.Name, before.Release)
	}
	if err := a.compare(ctx, op, f, before, w); err != nil || f.dryRun {
		return err
	}
	h, err := a.hold(ctx, op, f, terms, before, w)
	if err != nil {
		return err
	}
	out, err := a.carry(ctx, op, &f.changeFlags, h)
	if err != nil {
		return err
	}
	return a.tellSwitch(&f.changeFlags, out, &h.Terms, before, h.Verb != release.VerbRollback, nil)
}

// noLedgers refuses to go on with what a new workflow does not have.
func noLedgers(name string) error {
	return no("--no-rescore: workflow %s is new, there are no ledgers that it could go on with; it is built from history", name)
}

// candidate loads a folder and plays its tests.
func (a *app) candidate(ctx context.Context, cmd *cobra.Command, list []string) (*engine.Workflow, error) {
	c, err := a.configure(cmd)
	if err != nil {
		return nil, err
	}
	dir := c.text("workflow")
	if len(list) > 0 {
		dir = list[0]
	}
	w, err := a.load(ctx, dir, c.cache())
	if err != nil {
		return nil, err
	}
	if err := w.SelfTest(ctx); err != nil {
		w.Close()
		return nil, no("workflow %s fails its own tests: %v; see ripen test %s", dir, err, dir)
	}
	return w, nil
}

func (a *app) unchanged(f *applyFlags, before *release.LineageStatus) error {
	if f.json {
		return json.NewEncoder(a.stdout).Encode(changed{Result: "unchanged", Outcome: release.Outcome{Workflow: before.Workflow, Release: before.Release}})
	}
	a.say("nothing changes: release %d of %s is live and is exactly this", before.Release, before.Workflow)
	return nil
}

// compare shows what the candidate changes of the live release.
func (a *app) compare(ctx context.Context, op *engine.Operator, f *applyFlags, before *release.LineageStatus, w *engine.Workflow) error {
	if before == nil || f.json && !f.dryRun {
		return nil
	}
	def, err := op.Definition(ctx, release.Entry{Workflow: before.Workflow, Number: before.Release, Digest: before.Digest})
	if errors.Is(err, release.ErrNoFiles) {
		return nil
	}
	if err != nil {
		return err
	}
	changes := workflow.Diff(def, w.Def)
	if f.json {
		return a.diffJSON(changes)
	}
	a.say("%s: what changes of release %d", w.Model.Name, before.Release)
	a.printDiff(changes)
	if f.dryRun {
		a.say("dry run: nothing was changed; see ripen plan for what it would do to leads")
	}
	return a.stdout.Flush()
}

// hold takes the lease for an apply, and stores the release.
func (a *app) hold(ctx context.Context, op *engine.Operator, f *applyFlags, terms release.Terms, before *release.LineageStatus, w *engine.Workflow) (*release.Held, error) {
	now := time.Now().UnixMilli()
	r := lineage.Release{Digest: w.Bundle.Digest(), Model: w.Model.Digest}
	entry := release.Entry{Workflow: w.Model.Name, Digest: r.Digest, Model: r.Model, Author: f.author, Message: f.message, Made: now}
	if before != nil {
		entry.Parent = before.Release
	}
	return heldOrNo(op.Store().HoldNew(ctx, op.Conn(), release.Change{Verb: release.VerbApply, Owner: holder(), Since: now, Workflow: w.Model.Name,
		Step: release.Begun, Release: r, Entry: entry, Terms: terms}, w.Bundle, w.Modules()))
}

// heldOrNo makes a change that is under way the answer "no".
func heldOrNo(h *release.Held, err error) (*release.Held, error) {
	if errors.Is(err, release.ErrBusy) || errors.Is(err, release.ErrLeft) || errors.Is(err, release.ErrNoChange) {
		return nil, no("%v", err)
	}
	return h, err
}

func (a *app) abortChange(ctx context.Context, op *engine.Operator, f *applyFlags) error {
	h, err := heldOrNo(op.Store().TakeOver(ctx, op.Conn(), holder()))
	if err != nil {
		return err
	}
	if err := a.conductor(op, &f.changeFlags, h).Abort(ctx, h); err != nil {
		h.Leave()
		return no("%v", err)
	}
	if f.json {
		return json.NewEncoder(a.stdout).Encode(changed{Result: "given up", Outcome: release.Outcome{Workflow: h.Workflow, Release: h.Release.Number}})
	}
	a.say("given up: the %s of workflow %s; what is live goes on", h.Verb, h.Workflow)
	return nil
}

// continueChange goes on with a change that was left; flags that are given
// replace its terms.
func (a *app) continueChange(ctx context.Context, cmd *cobra.Command, op *engine.Operator, f *applyFlags) error {
	now, _, err := release.Statuses(ctx, op.Conn())
	if err != nil {
		return err
	}
	h, err := heldOrNo(op.Store().TakeOver(ctx, op.Conn(), holder()))
	if err != nil {
		return err
	}
	terms, err := f.terms()
	if err != nil {
		return err
	}
	fl := cmd.Flags()
	if fl.Changed("max-new-handoffs") {
		h.Terms.MaxNew = terms.MaxNew
	}
	if fl.Changed("on-release") {
		h.Terms.OnRelease, h.Terms.PerDay = terms.OnRelease, terms.PerDay
	}
	if fl.Changed("keep") && !h.Terms.InPlace() && (terms.Keep > 0 || !h.Terms.NoRescore) {
		h.Terms.Keep = terms.Keep
	}
	before := live(now, h.Workflow)
	out, err := a.carry(ctx, op, &f.changeFlags, h)
	if err != nil {
		return err
	}
	if h.Terms.NoSwitch {
		return a.tellShadow(&f.changeFlags, out)
	}
	return a.tellSwitch(&f.changeFlags, out, &h.Terms, before, h.Verb != release.VerbRollback, nil)
}
