package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

type shadowFlags struct {
	changeFlags
	workflow, message, author string
	noRescore                 bool
}

func (a *app) shadowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shadow",
		Short: "Run a release beside the live one and see where it would decide otherwise",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("name what to do: %s start, list, diff or stop", cmd.CommandPath())
		},
	}
	cmd.AddCommand(a.shadowStart(), a.shadowList(), a.shadowDiff(), a.shadowStop())
	return cmd
}

func (a *app) shadowStart() *cobra.Command {
	var f shadowFlags
	cmd := &cobra.Command{
		Use:   "start [flags] DIR|NUMBER",
		Short: "Start a folder as a new release, or a listed one, as a shadow",
		Long: `Starts a release beside the live one: it is built from the history of events and
then scores every event as it comes, with a state of its own. It publishes no
decisions; ripen shadow diff shows where it decides otherwise than the live
release. ripen promote makes it live, ripen shadow stop ends it.`,
		Example: `  ripen shadow start -m "trial of the new window" .
  ripen shadow diff 15
  ripen promote 15`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.startShadow(cmd, &f, list[0]) },
	}
	bindOperator(cmd, "cache")
	bindAnswer(cmd, &f.changeFlags)
	_ = cmd.Flags().MarkHidden("yes") // nothing is asked
	fl := cmd.Flags()
	fl.StringVar(&f.workflow, "of", "", "the workflow of a number, if there are several")
	fl.StringVarP(&f.message, "message", "m", "", "why, for the list of releases")
	fl.StringVar(&f.author, "author", author(), "who")
	fl.BoolVar(&f.noRescore, "no-rescore", false, "begin with a copy of the ledgers instead of history")
	return cmd
}

func (a *app) startShadow(cmd *cobra.Command, f *shadowFlags, what string) error {
	f.yes = true
	ctx, op, done, err := a.changing(cmd, &f.changeFlags)
	if err != nil {
		return err
	}
	defer done()
	h, err := a.shadowChange(ctx, cmd, op, f, what)
	if err != nil {
		return err
	}
	out, err := a.carry(ctx, op, &f.changeFlags, h)
	if err != nil {
		return err
	}
	return a.tellShadow(&f.changeFlags, out)
}

// shadowChange begins the start of a folder's workflow, or of a listed release.
func (a *app) shadowChange(ctx context.Context, cmd *cobra.Command, op *engine.Operator, f *shadowFlags, what string) (*release.Held, error) {
	c := release.Change{Verb: release.VerbShadow, Owner: holder(), Since: time.Now().UnixMilli(), Step: release.Begun,
		Terms: release.Terms{NoRescore: f.noRescore, NoSwitch: true}}
	if _, err := strconv.ParseUint(what, 10, 32); err == nil {
		if _, err := os.Stat(what); errors.Is(err, fs.ErrNotExist) {
			return a.shadowListed(ctx, op, f, &c, what)
		}
	}
	w, err := a.candidate(ctx, cmd, []string{what})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	now, _, err := release.Statuses(ctx, op.Conn())
	if err != nil {
		return nil, err
	}
	before := live(now, w.Model.Name)
	if before == nil {
		return nil, no("the engine runs no workflow %q that it could shadow", w.Model.Name)
	}
	if before.Digest == w.Bundle.Digest() {
		return nil, no("release %d of workflow %s is live already and is exactly this: a shadow of it would show nothing", before.Release, w.Model.Name)
	}
	if err := beside(now, w.Model.Name, w.Bundle.Digest()); err != nil {
		return nil, err
	}
	c.Workflow, c.Release = w.Model.Name, lineage.Release{Digest: w.Bundle.Digest(), Model: w.Model.Digest}
	c.Entry = release.Entry{Workflow: c.Workflow, Digest: c.Release.Digest, Model: c.Release.Model, Author: f.author, Message: f.message, Made: c.Since, Parent: before.Release}
	return heldOrNo(op.Store().HoldNew(ctx, op.Conn(), c, w.Bundle, w.Modules()))
}

// shadowListed begins the start of a listed release.
func (a *app) shadowListed(ctx context.Context, op *engine.Operator, f *shadowFlags, c *release.Change, number string) (*release.Held, error) {
	e, err := a.find(ctx, op, f.workflow, number)
	if err == nil && e.Purged != 0 {
		err = no("release %d of workflow %s was purged at %s: its files are gone", e.Number, e.Workflow, stamp(e.Purged)[:16])
	}
	if err == nil {
		err = shadowable(ctx, op, &e)
	}
	if err != nil {
		return nil, err
	}
	c.Workflow, c.Entry, c.Release = e.Workflow, e, lineage.Release{Number: e.Number, Digest: e.Digest, Model: e.Model}
	return heldOrNo(op.Store().Hold(ctx, op.Conn(), *c))
}

// beside finds a release that runs beside the live one already.
func beside(list []release.LineageStatus, name, digest string) error {
	for i := range list {
		if l := &list[i]; l.Workflow == name && l.Digest == digest && l.Role != lineage.Live.String() {
			return no("release %d of workflow %s is exactly this and runs as a shadow already; see ripen shadow diff %d", l.Release, name, l.Release)
		}
	}
	return nil
}

// shadowable refuses a listed release that runs.
func shadowable(ctx context.Context, op *engine.Operator, e *release.Entry) error {
	now, _, err := release.Statuses(ctx, op.Conn())
	if err != nil {
		return err
	}
	if before := live(now, e.Workflow); before != nil && before.Release == e.Number {
		return no("release %d of workflow %s is live already: a shadow of it would show nothing", e.Number, e.Workflow)
	}
	return beside(now, e.Workflow, e.Digest)
}

func (a *app) tellShadow(f *changeFlags, out *release.Outcome) error {
	if f.json {
		return json.NewEncoder(a.stdout).Encode(changed{Result: lineage.Shadow.String(), Outcome: *out})
	}
	a.say("release %d of %s runs as a shadow: see ripen shadow diff %d, then ripen promote %d or ripen shadow stop %d", out.Release, out.Workflow, out.Release, out.Release, out.Release)
	return nil
}

// shadowOf is a lineage that is not live, over all partitions.
type shadowOf struct {
	Workflow string `json:"workflow"`
	Release  uint32 `json:"release"`
	Lineage  uint64 `json:"lineage"`
	Role     string `json:"role"`
	Lag      uint64 `json:"lag"`             // events behind, all partitions
	Until    int64  `json:"until,omitempty"` // ms: kept until then
}

// shadows are the lineages that are not live.
func shadows(list []release.LineageStatus) (out []shadowOf) {
	at := map[uint64]int{}
	for i := range list {
		l := &list[i]
		if l.Role == lineage.Live.String() {
			continue
		}
		n, there := at[l.ID]
		if !there {
			n = len(out)
			at[l.ID] = n
			out = append(out, shadowOf{Workflow: l.Workflow, Release: l.Release, Lineage: l.ID, Role: l.Role, Until: l.Until})
		}
		s := &out[n]
		s.Lag += l.Lag
		if l.Role == lineage.Building.String() {
			s.Role = l.Role
		}
	}
	return out
}

func (a *app) shadowList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what runs beside the live releases",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listShadows(cmd, asJSON) },
	}
	bindOperator(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per shadow")
	return cmd
}

func (a *app) listShadows(cmd *cobra.Command, asJSON bool) error {
	op, err := a.operate(cmd.Context(), cmd)
	if err != nil {
		return err
	}
	defer op.Close()
	if err := needEngine(op); err != nil {
		return err
	}
	now, _, err := release.Statuses(cmd.Context(), op.Conn())
	if err != nil {
		return err
	}
	list := shadows(now)
	if asJSON {
		for i := range list {
			if err := json.NewEncoder(a.stdout).Encode(&list[i]); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		a.say("no shadows: only the live releases run")
		return nil
	}
	rows := [][]string{{"workflow", "release", "runs as", "behind", "kept until"}}
	for i := range list {
		s := &list[i]
		until := ""
		if s.Until != 0 {
			until = stamp(s.Until)[:16]
		}
		rows = append(rows, []string{s.Workflow, strconv.FormatUint(uint64(s.Release), 10), s.Role, thousands(int(s.Lag)), until}) //nolint:gosec // events of a stream
	}
	a.printTable(rows, map[int]bool{1: true, 3: true})
	return nil
}

func (a *app) shadowStop() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "stop NUMBER",
		Short: "End a shadow; it stays listed as a release",
		Args:  args(cobra.ExactArgs(1)),
		RunE:  func(cmd *cobra.Command, list []string) error { return a.stopShadow(cmd, name, list[0]) },
	}
	bindOperator(cmd)
	cmd.Flags().StringVar(&name, "of", "", "the workflow, if there are several")
	return cmd
}

func (a *app) stopShadow(cmd *cobra.Command, name, number string) error {
	ctx := cmd.Context()
	op, err := a.operate(ctx, cmd)
	if err != nil {
		return err
	}
	defer op.Close()
	if err := needEngine(op); err != nil {
		return err
	}
	e, err := a.find(ctx, op, name, number)
	if err != nil {
		return err
	}
	now, _, err := release.Statuses(ctx, op.Conn())
	if err != nil {
		return err
	}
	stopped := 0
	for _, s := range shadows(now) {
		if s.Workflow != e.Workflow || s.Release != e.Number {
			continue
		}
		order := lineage.Order{Op: lineage.Stop, Workflow: s.Workflow, Lineage: lineage.ID(s.Lineage)}
		if _, err := op.Order(ctx, &order); err != nil {
			return err
		}
		stopped++
	}
	if stopped == 0 {
		return no("release %d of workflow %s does not run as a shadow", e.Number, e.Workflow)
	}
	a.say("release %d of %s runs no more as a shadow", e.Number, e.Workflow)
	return nil
}
