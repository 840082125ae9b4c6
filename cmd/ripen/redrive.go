package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
)

type redriveFlags struct {
	rejectedFlags
	all     bool
	attempt uint32
	with    string
}

func (a *app) redriveCommand() *cobra.Command {
	var f redriveFlags
	cmd := &cobra.Command{
		Use:   "redrive [flags] [SEQUENCE...]",
		Short: "Score rejected events after all",
		Long: `Stores rejected events again, as the newest events of their leads, each under the
name of an attempt: "redrive of <event id> for <workflow>, attempt <n>". An
attempt passes the set of known event ids and the horizon of --dedupe, and counts
once, however often it is asked for. What is wrong with an event itself must be
corrected first: --with FILE gives the bytes for one event.

The rejected event is kept and marked. Events that were redriven already are left
alone unless --attempt names a further attempt.`,
		Example: `  ripen rejected redrive 1042
  ripen rejected redrive --code too-old --since 7d
  ripen rejected show 1042 --json | jq -r '.raw | @base64d' > event.json   # correct it
  ripen rejected redrive 1042 --with event.json`,
		RunE: func(cmd *cobra.Command, list []string) error {
			return a.rejected(cmd, func(ctx context.Context, l *engine.RejectedLog) error { return a.redrive(ctx, l, &f, list) })
		},
	}
	bindOperator(cmd)
	f.bind(cmd)
	cmd.Flags().BoolVar(&f.all, "all", false, "all that were not redriven so far")
	cmd.Flags().Uint32Var(&f.attempt, "attempt", 0, "the attempt; 0 = the first that was not made")
	cmd.Flags().StringVar(&f.with, "with", "", "file with the corrected event")
	return cmd
}

func (a *app) redrive(ctx context.Context, l *engine.RejectedLog, f *redriveFlags, names []string) error {
	found, err := f.choose(ctx, l, names)
	if err != nil {
		return err
	}
	var with []byte
	if f.with != "" {
		if len(found) != 1 || len(names) != 1 {
			return fmt.Errorf("--with corrects one event; name one sequence")
		}
		if with, err = os.ReadFile(f.with); err != nil {
			return fmt.Errorf("--with: %w", err)
		}
	}
	var done []engine.Redriven
	failed := 0
	for i := range found {
		d, err := l.Redrive(ctx, &found[i], f.attempt, with)
		switch {
		case errors.Is(err, engine.ErrUnfit), errors.Is(err, engine.ErrRedriven):
			failed++
			a.note("not redriven: %v", err)
		case err != nil:
			return err
		default:
			done = append(done, d)
		}
	}
	if f.json {
		err = printEach(a, done)
	} else {
		for _, d := range done {
			a.say("%d: stored as %q, partition %d, sequence %d%s", d.Of, clean(d.Event), d.Partition, d.Sequence, after(" ", twice(d.Twice)))
		}
		a.say("redriven %s, not redriven %s", thousands(len(done)), thousands(failed))
	}
	if err == nil && failed > 0 {
		return no("not redriven: %s", plural(failed, "event"))
	}
	return err
}

func twice(t bool) string {
	if t {
		return "(was stored before; counts once)"
	}
	return ""
}

// choose finds the events to work on: those named, or those that the filter
// passes and that nobody has redriven.
func (f *redriveFlags) choose(ctx context.Context, l *engine.RejectedLog, names []string) ([]engine.RejectedEvent, error) {
	switch {
	case len(names) > 0 && (f.all || f.chosen()):
		return nil, errors.New("name sequences, or choose by --all, --code, --step, --lead, --since, --partition; not both")
	case len(names) > 0:
		return bySequence(ctx, l, names)
	case !f.all && !f.chosen():
		return nil, errors.New("name sequences, or choose by --all, --code, --step, --lead, --since, --partition")
	}
	flt, err := f.filter(time.Now())
	if err != nil {
		return nil, err
	}
	flt.Open = f.attempt == 0
	return l.List(ctx, flt)
}
