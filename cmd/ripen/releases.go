package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/release"
)

type releasesFlags struct {
	json     bool
	workflow string
}

// releaseJSON is a release as scripts read it.
type releaseJSON struct {
	release.Entry
	Roles []string `json:"roles,omitempty"` // live, shadow, building; none if it does not run
	Until int64    `json:"until,omitempty"` // ms: a shadow is kept until then
	// Doubts are its plugins that would be refused if they were loaded now.
	Doubts []release.Doubt `json:"doubts,omitempty"`
}

// releaseCommands are those that change scoring.
func (a *app) releaseCommands() []*cobra.Command {
	return []*cobra.Command{a.initCommand(), a.releasesCommand(), a.applyCommand(), a.shadowCommand(), a.promoteCommand(), a.rollbackCommand()}
}

func (a *app) releasesCommand() *cobra.Command {
	var f releasesFlags
	cmd := &cobra.Command{
		Use:   "releases",
		Short: "List the releases of an engine: which one is live, who made which, and why",
		Long: `Lists the releases of all workflows of an engine, the newest first: their numbers,
what runs (live, shadow, building), who made them and the message. If no engine
runs, what is live is not known and not shown.

A release has two digests: that of its bundle, which names it (files, lock file,
plugins), and that of its model, which is what the files compile to. Decisions,
plan, diff, explain and the engine's ready line name the model.`,
		Example: `  ripen releases
  ripen releases --of letter-and-number --json | jq -r 'select(.roles) | .number'
  ripen releases purge 3`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.releases(cmd, &f) },
	}
	bindOperator(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object per release")
	cmd.Flags().StringVar(&f.workflow, "of", "", "only those of this workflow")
	cmd.AddCommand(a.purgeReleaseCommand())
	return cmd
}

// operate connects a command to the releases of an engine.
func (a *app) operate(ctx context.Context, cmd *cobra.Command) (*engine.Operator, error) {
	o, err := a.operator(cmd)
	if err != nil {
		return nil, err
	}
	return engine.Operate(ctx, o)
}

// runs is what runs; nothing if no engine does.
func runs(ctx context.Context, op *engine.Operator) ([]release.LineageStatus, error) {
	list, _, err := known(ctx, op)
	return list, err
}

// known is what runs, and whether there is an engine that knows it.
func known(ctx context.Context, op *engine.Operator) (list []release.LineageStatus, ok bool, err error) {
	if !op.Running() {
		return nil, false, nil
	}
	list, _, err = release.Statuses(ctx, op.Conn())
	if errors.Is(err, release.ErrNoEngine) {
		return nil, false, nil
	}
	return list, true, err
}

func (a *app) releases(cmd *cobra.Command, f *releasesFlags) error {
	op, err := a.operate(cmd.Context(), cmd)
	if err != nil {
		return err
	}
	defer op.Close()
	list, err := op.Store().List(cmd.Context(), f.workflow)
	if err != nil {
		return err
	}
	now, ok, err := known(cmd.Context(), op)
	if err != nil {
		return err
	}
	if !ok {
		a.note("no engine runs there: which release is live is not known")
	}
	slices.Reverse(list)
	if f.json {
		for i := range list {
			roles, until := rolesOf(now, &list[i])
			if err := json.NewEncoder(a.stdout).Encode(releaseJSON{list[i], roles, until, doubtsOf(now, &list[i])}); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		a.say("no releases")
		return nil
	}
	rows := [][]string{{"workflow", "release", "runs as", "made", "by", "bundle", "model", "message"}}
	for i := range list {
		e := &list[i]
		rows = append(rows, []string{e.Workflow, strconv.FormatUint(uint64(e.Number), 10), runsAs(now, e), stamp(e.Made)[:16], e.Author, prefix(e.Digest), prefix(e.Model), firstLine(e.Message)})
	}
	a.printTable(rows, map[int]bool{1: true})
	for i := range list {
		for _, x := range doubtsOf(now, &list[i]) {
			a.note("release %d of %s runs with a plugin that would be refused if it were loaded now: %s", x.Release, x.Workflow, clean(x.Why))
		}
	}
	return nil
}

// prefix is the beginning of a digest, for people.
func prefix(digest string) string { return digest[:min(12, len(digest))] }

// rolesOf are what a release runs as, each once.
func rolesOf(list []release.LineageStatus, e *release.Entry) (roles []string, until int64) {
	for i := range list {
		l := &list[i]
		if l.Workflow != e.Workflow || l.Release != e.Number {
			continue
		}
		if !slices.Contains(roles, l.Role) {
			roles = append(roles, l.Role)
		}
		until = max(until, l.Until)
	}
	return roles, until
}

// doubtsOf are the plugins of a release that engines would not load any more, as
// one of them says it.
func doubtsOf(list []release.LineageStatus, e *release.Entry) (doubts []release.Doubt) {
	for i := range list {
		if l := &list[i]; l.Workflow == e.Workflow && l.Release == e.Number && len(l.Doubts) > len(doubts) {
			doubts = l.Doubts
		}
	}
	return doubts
}

func runsAs(list []release.LineageStatus, e *release.Entry) string {
	roles, until := rolesOf(list, e)
	text := strings.Join(roles, ", ")
	switch {
	case e.Purged != 0:
		return "purged"
	case until != 0:
		text += " until " + stamp(until)[:16]
	}
	return text
}

func firstLine(s string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if rest != "" {
		line += " …"
	}
	return line
}

// findRelease finds a release by its number; name may be empty if the engine
// has one workflow.
func findRelease(ctx context.Context, op *engine.Operator, name, number string) (release.Entry, error) {
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 {
		return release.Entry{}, fmt.Errorf("found %q, expected the number of a release; see ripen releases", number)
	}
	if name == "" {
		if name, err = onlyWorkflow(ctx, op); err != nil {
			return release.Entry{}, err
		}
	}
	return op.Store().Entry(ctx, name, uint32(n))
}

// onlyWorkflow is the workflow that is meant if none is named.
func onlyWorkflow(ctx context.Context, op *engine.Operator) (string, error) {
	list, err := op.Store().List(ctx, "")
	if err != nil {
		return "", err
	}
	var names []string
	for i := range list {
		if !slices.Contains(names, list[i].Workflow) {
			names = append(names, list[i].Workflow)
		}
	}
	switch len(names) {
	case 0:
		return "", errors.New("the engine has no releases")
	case 1:
		return names[0], nil
	}
	return "", fmt.Errorf("the engine has the workflows %s: name one with --of", strings.Join(names, ", "))
}
