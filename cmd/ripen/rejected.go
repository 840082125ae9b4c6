package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/workflow"
)

func (a *app) rejectedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rejected",
		Short: "Events that changed nothing: list, show, redrive, purge",
		Long: `What the engine could not use it keeps, with the reason and the original bytes.
These commands work on the engine's data folder, whether it runs or not, or with
--nats on an external server.`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("name what to do: %s list, show, redrive or purge", cmd.CommandPath())
		},
	}
	cmd.AddCommand(a.rejectedListCommand(), a.rejectedShowCommand(), a.redriveCommand(), a.rejectedPurgeCommand())
	return cmd
}

// rejectedFlags choose rejected events.
type rejectedFlags struct {
	code, step, lead     string
	since, until, oldest string
	partition            int
	json                 bool
}

func (f *rejectedFlags) bind(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.code, "code", "", "only those with this code, e.g. too-old")
	fl.StringVar(&f.step, "step", "", "only those that this step refused")
	fl.StringVar(&f.lead, "lead", "", "only those of this lead")
	fl.StringVar(&f.since, "since", "", "only those kept since this time, or for at most this long: 2026-03-01, 24h")
	fl.IntVar(&f.partition, "partition", -1, "only those of this partition; -1 = all")
	fl.BoolVar(&f.json, "json", false, "print one JSON object per event")
}

// chosen says whether any filter is set.
func (f *rejectedFlags) chosen() bool {
	return f.code != "" || f.step != "" || f.lead != "" || f.since != "" || f.oldest != "" || f.partition >= 0
}

func (f *rejectedFlags) filter(now time.Time) (engine.RejectedFilter, error) {
	out := engine.RejectedFilter{Code: f.code, Step: f.step, Lead: f.lead}
	var err error
	if out.Since, err = timeOrAge(f.since, now); err != nil {
		return out, fmt.Errorf("--since: %w", err)
	}
	if out.Until, err = timeOrAge(f.oldest, now); err != nil {
		return out, fmt.Errorf("--older-than: %w", err)
	}
	if f.partition >= 0 {
		out.Partition = &f.partition
	}
	return out, nil
}

// timeOrAge reads a time, or a duration before now; empty is 0.
func timeOrAge(text string, now time.Time) (int64, error) {
	if text == "" {
		return 0, nil
	}
	if age, err := workflow.ParseDuration(text); err == nil {
		return now.UnixMilli() - age, nil
	}
	at, err := parseTime(text)
	if err != nil {
		return 0, fmt.Errorf("found %q, expected a duration such as 30d, a time such as 2026-03-01T09:00:00Z, or a day such as 2026-03-01", text)
	}
	return at, nil
}

// rejected opens the rejected events for a command.
func (a *app) rejected(cmd *cobra.Command, fn func(context.Context, *engine.RejectedLog) error) error {
	o, err := a.operator(cmd)
	if err != nil {
		return err
	}
	l, err := engine.OpenRejected(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer l.Close()
	return fn(cmd.Context(), l)
}

func (a *app) rejectedListCommand() *cobra.Command {
	var f rejectedFlags
	var open bool
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List rejected events, oldest first",
		Example: `  ripen rejected list --since 24h
  ripen rejected list --code too-old --json | jq -r .lead | sort | uniq -c`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.rejected(cmd, func(ctx context.Context, l *engine.RejectedLog) error {
				flt, err := f.filter(time.Now())
				if err != nil {
					return err
				}
				flt.Open = open
				list, err := l.List(ctx, flt)
				if err != nil {
					return err
				}
				if f.json {
					return printEach(a, list)
				}
				a.printRejected(list)
				return nil
			})
		},
	}
	bindOperator(cmd)
	f.bind(cmd)
	cmd.Flags().BoolVar(&open, "open", false, "only those that were not redriven so far")
	return cmd
}

func printEach[T any](a *app, list []T) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	for i := range list {
		if err := enc.Encode(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printRejected(list []engine.RejectedEvent) {
	rows := [][]string{{"sequence", "kept", "partition", "lead", "event", "code", "step", "redriven", "reason"}}
	for i := range list {
		r := &list[i]
		again := ""
		if r.Redriven > 0 {
			again = fmt.Sprintf("attempt %d", r.Redriven)
		}
		rows = append(rows, []string{fmt.Sprint(r.Sequence), stamp(r.Kept), fmt.Sprint(r.Partition), short(r.Lead, 24), short(r.Event, 64), r.Code, r.Step, again, short(r.Reason, 80)})
	}
	a.printTable(rows, map[int]bool{0: true, 2: true})
}

// short cuts a text for a table.
func short(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

func (a *app) rejectedShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "show SEQUENCE...",
		Short:   "Show rejected events with their reason and original bytes",
		Example: `  ripen rejected show 1042`,
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			return a.rejected(cmd, func(ctx context.Context, l *engine.RejectedLog) error {
				found, err := bySequence(ctx, l, list)
				if err != nil {
					return err
				}
				if asJSON {
					return printEach(a, found)
				}
				for i := range found {
					a.showRejected(&found[i])
				}
				return nil
			})
		},
	}
	bindOperator(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per event; raw is base64")
	return cmd
}

func (a *app) showRejected(r *engine.RejectedEvent) {
	a.say("sequence %d  partition %d  kept %s", r.Sequence, r.Partition, stamp(r.Kept))
	for _, f := range [][2]string{{"lead", r.Lead}, {"event", r.Event}, {"code", r.Code}, {"reason", r.Reason}, {"step", r.Step}, {"release", r.Release}} {
		if f[1] != "" {
			a.say("  %-8s %s", f[0], clean(f[1]))
		}
	}
	if r.At != 0 {
		a.say("  %-8s %s", "time", stamp(r.At))
	}
	if r.Redriven > 0 {
		a.say("  %-8s attempt %d, %s", "redriven", r.Redriven, stamp(r.RedrivenAt))
	}
	a.say("  %-8s %s", "bytes", clean(string(r.Raw)))
}

// bySequence finds the events that are named. One that is not there is the
// answer "no".
func bySequence(ctx context.Context, l *engine.RejectedLog, names []string) (list []engine.RejectedEvent, err error) {
	for _, name := range names {
		seq, err := strconv.ParseUint(name, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("found %q, expected the sequence of a rejected event, as ripen rejected list shows it", name)
		}
		r, err := l.Get(ctx, seq)
		if errors.Is(err, engine.ErrNotRejected) {
			return nil, no("%v", err)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

func (a *app) rejectedPurgeCommand() *cobra.Command {
	var f rejectedFlags
	var yes, all bool
	cmd := &cobra.Command{
		Use:   "purge [flags]",
		Short: "Delete rejected events for good",
		Long: `Deletes the rejected events that the filters choose. Without --yes it only says how
many there are.`,
		Example: `  ripen rejected purge --older-than 90d          # how many?
  ripen rejected purge --older-than 90d --yes`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !f.chosen() && !all {
				return errors.New("choose by --older-than, --code, --step, --lead, --since, --partition, or --all")
			}
			return a.rejected(cmd, func(ctx context.Context, l *engine.RejectedLog) error { return a.purgeRejected(ctx, l, &f, yes) })
		},
	}
	bindOperator(cmd)
	f.bind(cmd)
	cmd.Flags().StringVar(&f.oldest, "older-than", "", "only those kept before this time, or longer ago: 2026-01-01, 90d")
	cmd.Flags().BoolVar(&yes, "yes", false, "delete them")
	cmd.Flags().BoolVar(&all, "all", false, "all there are")
	return cmd
}

func (a *app) purgeRejected(ctx context.Context, l *engine.RejectedLog, f *rejectedFlags, yes bool) error {
	flt, err := f.filter(time.Now())
	if err != nil {
		return err
	}
	list, err := l.List(ctx, flt)
	if err != nil {
		return err
	}
	if len(list) == 0 && !f.json {
		a.say("no rejected event is chosen; nothing was deleted")
		return nil
	}
	if !yes && len(list) > 0 {
		return no("%s would be deleted for good; say --yes", plural(len(list), "rejected event"))
	}
	if err := l.Purge(ctx, list); err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(a.stdout).Encode(map[string]int{"purged": len(list)})
	}
	a.say("deleted %s", plural(len(list), "rejected event"))
	return nil
}
