package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/release"
)

type purgeFlags struct {
	workflow string
	unlisted bool
	yes      bool
}

func (a *app) purgeReleaseCommand() *cobra.Command {
	var f purgeFlags
	cmd := &cobra.Command{
		Use:   "purge NUMBER",
		Short: "Take away the files of a release that nobody will need again",
		Long: `Takes away the files of a release, and those of its plugins that no other release
names. It stays listed, but cannot be compared, planned with or rolled back to
any more, and what it decided cannot be made again, nor what was decided at the
switch away from it: of these decisions, and of leads as of a time when it was
live, ripen explain says that they are out of reach. How many they are is found
by making all decisions again, as ripen explain --check-all does, and told before.
A release that is live, kept or being built is refused.

--unlisted takes away what belongs to no release: files that an apply left which
was killed before its release got a number.`,
		Example: `  ripen releases purge 3
  ripen releases purge --unlisted --yes`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			switch {
			case f.unlisted && len(list) > 0, !f.unlisted && len(list) == 0:
				return errors.New("what is to be purged? Name a release by its number, or say --unlisted")
			case f.unlisted:
				return a.purgeUnlisted(cmd, &f)
			}
			return a.purgeRelease(cmd, &f, list[0])
		},
	}
	bindOperator(cmd, "cache", "clock", "skew", "dedupe")
	bindOf(cmd, &f.workflow)
	cmd.Flags().BoolVar(&f.unlisted, "unlisted", false, "instead of a release: the files that no listed release has")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return cmd
}

// operateRunning connects a command to the releases of an engine that runs.
func (a *app) operateRunning(cmd *cobra.Command) (*engine.Operator, error) {
	op, err := a.operate(cmd.Context(), cmd)
	if err == nil && !op.Running() {
		op.Close()
		err = fmt.Errorf("no engine runs on the data folder, so it is not known which release is live; start it first")
	}
	return op, err
}

func (a *app) purgeRelease(cmd *cobra.Command, f *purgeFlags, number string) error {
	ctx := cmd.Context()
	op, err := a.operateRunning(cmd)
	if err != nil {
		return err
	}
	defer op.Close()
	e, err := a.find(ctx, op, f.workflow, number)
	if err != nil {
		return err
	}
	if e.Purged != 0 {
		a.say("release %d of workflow %s was purged at %s", e.Number, e.Workflow, stamp(e.Purged)[:16])
		return nil
	}
	now, _, err := release.Statuses(ctx, op.Conn())
	if err != nil {
		return err
	}
	used := map[string]string{}
	for i := range now {
		used[now[i].Digest] = now[i].Role
	}
	if why := used[e.Digest]; why != "" {
		return no("release %d of workflow %s is not purged: it runs as %s", e.Number, e.Workflow, why)
	}
	if err := a.warnOfPurge(cmd, &e); err != nil {
		return err
	}
	if yes, err := a.agreed(f.yes, "Purge it?"); err != nil {
		return err
	} else if !yes {
		return no("release %d of workflow %s is not purged", e.Number, e.Workflow)
	}
	if err := op.Store().Purge(ctx, e, used, time.Now().UnixMilli()); err != nil {
		return err
	}
	a.say("release %d of workflow %s is purged; it stays listed", e.Number, e.Workflow)
	return nil
}

// warnOfPurge says what cannot be done any more without a release.
func (a *app) warnOfPurge(cmd *cobra.Command, e *release.Entry) error {
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	lost, err := engine.LostWithout(cmd.Context(), c.engineOptions(nil, a.logger(c)), c.clocks(), e)
	switch {
	case err != nil:
		return err
	case lost.Own+lost.Others == 0:
		a.note("release %d of workflow %s is needed to make no decision again; it cannot be compared or rolled back to without its files", e.Number, e.Workflow)
	default:
		a.note("without the files of release %d of workflow %s, %s that it made and %s that others made, at the switch away from it or on what it left, cannot be made again: %s out of reach; "+
			"nor can leads be explained as of then, and it cannot be compared or rolled back to", e.Number, e.Workflow, plural(lost.Own, "decision"), plural(lost.Others, "decision"), thousands(lost.Own+lost.Others))
	}
	if lost.Already > 0 {
		a.note("not among them: %s that cannot be made again as it is; see ripen explain --check-all", plural(lost.Already, "decision"))
	}
	return nil
}

func (a *app) purgeUnlisted(cmd *cobra.Command, f *purgeFlags) error {
	ctx := cmd.Context()
	op, err := a.operateRunning(cmd)
	if err != nil {
		return err
	}
	defer op.Close()
	list, err := op.Store().Unlisted(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		a.say("every file belongs to a release")
		return nil
	}
	for i := range list {
		x := &list[i]
		a.say("%s%s  %s bytes", x.Name, after("  ", clean(x.About)), thousands(int(x.Bytes))) //nolint:gosec // of a file
	}
	if err := a.stdout.Flush(); err != nil {
		return err
	}
	if yes, err := a.agreed(f.yes, "Take them away?"); err != nil {
		return err
	} else if !yes {
		return no("nothing is taken away")
	}
	if err := op.Store().Remove(ctx, list); err != nil {
		return err
	}
	a.say("%s taken away", plural(len(list), "file"))
	return nil
}
