package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/workflow"
)

// changeFlags are those of all commands that change what runs.
type changeFlags struct {
	onRelease string
	keep      string
	maxNew    int
	yes       bool
	json      bool
	timeout   time.Duration
}

// Defaults of changes.
const (
	defaultKeep   = "7d"
	defaultMaxNew = 100
	defaultReady  = 10 * time.Minute
	switchTime    = time.Minute
)

// bindChange adds the flags of a switch.
func bindChange(cmd *cobra.Command, f *changeFlags) {
	bindOperator(cmd, "workflow", "cache")
	fl := cmd.Flags()
	fl.StringVar(&f.onRelease, "on-release", "fire", `what happens to leads for which a route becomes true by the switch alone: fire, mark (known, not sent) or "drip 200/day"`)
	fl.StringVar(&f.keep, "keep", defaultKeep, "how long the replaced release goes on as a shadow, to be gone back to at once; 0s = not at all")
	fl.IntVar(&f.maxNew, "max-new-handoffs", defaultMaxNew, "refuse if more leads than this would be handed over by the switch alone; -1 = any number")
	bindAnswer(cmd, f)
}

// bindAnswer adds the flags of any change.
func bindAnswer(cmd *cobra.Command, f *changeFlags) {
	fl := cmd.Flags()
	fl.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	fl.BoolVar(&f.json, "json", false, "print the outcome as one JSON object")
	fl.DurationVar(&f.timeout, "timeout", defaultReady, "give up if engines do not get ready, or stop moving, for so long")
}

// terms are what the flags say of the switch.
func (f *changeFlags) terms() (t release.Terms, err error) {
	if t.Keep, err = workflow.ParseDuration(f.keep); err != nil || t.Keep < 0 {
		return t, fmt.Errorf("--keep: found %q, expected a duration such as 7d or 12h", f.keep)
	}
	t.MaxNew = f.maxNew
	t.OnRelease, t.PerDay, err = parseOnRelease(f.onRelease)
	return t, err
}

// parseOnRelease reads fire, mark or drip N/day.
func parseOnRelease(text string) (how string, perDay int64, err error) {
	word, rate, _ := strings.Cut(strings.TrimSpace(text), " ")
	switch {
	case rate == "" && (word == lineage.Fire || word == lineage.Mark):
		return word, 0, nil
	case word == lineage.Drip:
		digits, ok := strings.CutSuffix(strings.TrimSpace(rate), "/day")
		if perDay, err = strconv.ParseInt(strings.TrimSpace(digits), 10, 64); ok && err == nil && perDay > 0 {
			return word, perDay, nil
		}
	}
	return "", 0, fmt.Errorf("--on-release: found %q, expected fire, mark or \"drip N/day\"", text)
}

// author is who makes a change, for the list of releases.
func author() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return getenv("USER")
}

// holder names this process to other operators.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	return fmt.Sprintf("%s@%s/%d", author(), host, os.Getpid())
}

// needEngine refuses what only a running engine can do.
func needEngine(op *engine.Operator) error {
	if op.Running() {
		return nil
	}
	return errors.New("no engine runs on the data folder; start it with ripen run, or name a running one with --data or --nats")
}

// live is the release that runs as the live one of a workflow; nil if there is
// none.
func live(list []release.LineageStatus, name string) *release.LineageStatus {
	for i := range list {
		if list[i].Workflow == name && list[i].Role == lineage.Live.String() {
			return &list[i]
		}
	}
	return nil
}

// workflowsOf are the names of what runs, sorted.
func workflowsOf(list []release.LineageStatus) []string {
	names := map[string]bool{}
	for i := range list {
		names[list[i].Workflow] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// conductor carries a change of a command through its steps.
func (a *app) conductor(op *engine.Operator, f *changeFlags, h *release.Held) *release.Conductor {
	var bar *progress
	var last uint64
	return &release.Conductor{
		Conn: op.Conn(), Store: op.Store(),
		Patience: release.Patience{Prepare: f.timeout, Build: f.timeout, Switch: min(f.timeout, switchTime)},
		Say: func(format string, args ...any) {
			if bar != nil {
				bar.done()
				bar = nil
			}
			a.note(format, args...)
		},
		Progress: func(done, total uint64) {
			if total == 0 {
				return
			}
			if bar == nil {
				bar, last = a.progress("events", int64(total), false), 0 //nolint:gosec // events of a stream
			}
			bar.add(int(done - last)) //nolint:gosec // likewise
			last = done
		},
		Confirm: func(n release.Count) (bool, error) { return a.confirm(f, n, &h.Terms) },
	}
}

// confirm asks a person before the switch.
func (a *app) confirm(f *changeFlags, n release.Count, t *release.Terms) (bool, error) {
	a.note("%s", newlyText(n, t))
	return a.agreed(f.yes, "Switch now?")
}

// agreed asks a person, unless yes is said already.
func (a *app) agreed(yes bool, question string) (bool, error) {
	switch {
	case yes:
		return true, nil
	case !a.mayAsk():
		return false, errors.New("there is no terminal to ask on: say --yes to go on without being asked")
	}
	_, _ = fmt.Fprintf(a.err, "%s Only \"yes\" is taken for a yes: ", question)
	var answer string
	_, _ = fmt.Fscanln(a.in, &answer) // without an answer it stays empty
	return answer == "yes", nil
}

// newlyText says whom a switch finds newly true, and what happens to them.
func newlyText(n release.Count, t *release.Terms) string {
	recalls := ""
	if n.Recalls > 0 {
		recalls = fmt.Sprintf("; %s recalled", plural(n.Recalls, "hand-off"))
	}
	if n.Total == 0 {
		return "the switch itself makes no route newly true for any lead" + recalls
	}
	var parts []string
	for _, route := range slices.Sorted(maps.Keys(n.ByRoute)) {
		parts = append(parts, fmt.Sprintf("%s %d", route, n.ByRoute[route]))
	}
	then := ""
	switch t.OnRelease {
	case lineage.Mark:
		then = "; nobody is told, their episodes open silently"
	case lineage.Drip:
		then = fmt.Sprintf("; %s a day are handed on", thousands(int(t.PerDay)))
	}
	return fmt.Sprintf("newly true by the switch itself: %s (%s), %s to sales%s%s", plural(n.Total, "lead"), strings.Join(parts, ", "), thousands(n.Handoffs), then, recalls)
}

// mayAsk says whether there is somebody to ask.
func (a *app) mayAsk() bool {
	in, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(in.Fd())) && isTerminal(a.err)
}

// changed is the outcome of a change, for scripts.
type changed struct {
	Result string `json:"result"` // "live", "shadow", "unchanged", "given up"
	release.Outcome
	Before   uint32        `json:"before,omitempty"` // the release that was live
	HandOffs []handOffJSON `json:"handOffs,omitempty"`
}

// carry runs a held change to its end and says how to go on if it does not
// come to one.
func (a *app) carry(ctx context.Context, op *engine.Operator, f *changeFlags, h *release.Held) (*release.Outcome, error) {
	out, err := a.conductor(op, f, h).Run(ctx, h)
	switch {
	case err == nil:
		return out, nil
	case ctx.Err() != nil && h.Step == release.Switched:
		return out, fmt.Errorf("interrupted; the switch point is written already (position %d) and holds: ripen apply --continue waits for it", h.Switch.Seq)
	case ctx.Err() != nil && h.Step == release.Ready:
		return out, fmt.Errorf("interrupted at %q; the switch point may be written. ripen apply --continue finds out and goes on, ripen apply --abort gives it up if not", h.Step)
	case ctx.Err() != nil:
		return out, fmt.Errorf("interrupted at %q; what is live is untouched. Go on with ripen apply --continue, or give it up with ripen apply --abort", h.Step)
	case errors.Is(err, release.ErrTooMany):
		return out, no("%v. Release %d waits beside what is live: go on with ripen apply --continue --max-new-handoffs %d, or with --on-release mark; or give it up with ripen apply --abort",
			err, h.Release.Number, out.Newly.Handoffs)
	case errors.Is(err, release.ErrDeclined) && !errors.Is(err, release.ErrStays):
		return out, no("given up: %v; what is live is untouched", err)
	case errors.Is(err, release.ErrTaken):
		return out, err
	case errors.Is(err, release.ErrPassed) && !errors.Is(err, release.ErrStays):
		return out, no("given up: %v", err)
	case h.Step == release.Switched && errors.Is(err, release.ErrGone):
		return out, fmt.Errorf("%w. The switch point is written already (position %d) and holds: once an engine runs again, ripen apply --continue waits for it", err, h.Switch.Seq)
	case h.Step == release.Switched:
		return out, fmt.Errorf("%w. The switch point is written already (position %d) and holds: ripen apply --continue waits for it, with a running engine", err, h.Switch.Seq)
	case errors.Is(err, release.ErrStays) && h.Step == release.Ready:
		return out, fmt.Errorf("interrupted at %q: %w. The switch point may be written: once an engine runs again, ripen apply --continue finds out and goes on, ripen apply --abort gives it up if not", h.Step, err)
	case errors.Is(err, release.ErrStays):
		return out, fmt.Errorf("interrupted at %q: %w. What is live is untouched; once an engine runs again, go on with ripen apply --continue, or give it up with ripen apply --abort", h.Step, err)
	}
	return out, no("given up: %v; what is live is untouched", err)
}

// tellSwitch says what is live now; back is whether a rollback leads to what was
// before.
func (a *app) tellSwitch(f *changeFlags, out *release.Outcome, t *release.Terms, before *release.LineageStatus, back bool, offs []handOffJSON) error {
	if f.json {
		c := changed{Result: "live", Outcome: *out, HandOffs: offs}
		if before != nil {
			c.Before = before.Release
		}
		return json.NewEncoder(a.stdout).Encode(c)
	}
	first := "no event has come since"
	if out.First != 0 {
		first = fmt.Sprintf("the first event that it scored is %d", out.First)
	}
	a.say("release %d of %s is live: all partitions switched at position %d; %s", out.Release, out.Workflow, out.Switch, first)
	switch {
	case before == nil || before.Release == out.Release:
	case t.Keep > 0 && back:
		a.say("release %d goes on as a shadow until %s: ripen rollback goes back to it at once", before.Release, stamp(out.SwitchAt + t.Keep)[:16])
	case t.Keep > 0:
		a.say("release %d goes on as a shadow until %s: ripen promote %d makes it live again at once", before.Release, stamp(out.SwitchAt + t.Keep)[:16], before.Release)
	default:
		a.say("release %d is not kept: ripen rollback %d builds it again", before.Release, before.Release)
	}
	return nil
}
