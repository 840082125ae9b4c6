package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/workflow"
)

type diffFlags struct {
	json     bool
	exitCode bool
	workflow string
}

// changeJSON is a change as scripts read it.
type changeJSON struct {
	Kind   string   `json:"kind"`
	Change string   `json:"change"` // "added", "removed", "changed"
	Path   []string `json:"path"`
	Before string   `json:"before,omitempty"`
	After  string   `json:"after,omitempty"`
	Was    string   `json:"was,omitempty"` // file:line
	Is     string   `json:"is,omitempty"`
}

func (a *app) diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff [flags] A B",
		Short: "What one workflow changes of another: rules, scores, thresholds, routes",
		Long: `Compares two workflows the way people talk about them: which rule, score,
threshold, route or table changed, and from what to what. Layout, comments and
the split into files make no difference. Each is a folder, or the number of a
release of an engine (ripen releases lists them).

Exit code 0, also if they differ; with --detailed-exitcode 1 if they differ.`,
		Example: `  ripen diff workflows/staged-fit-p1 workflows/staged-fit-p2
  ripen diff 12 14
  ripen diff 14 .
  ripen diff --json marketing/ sales/ | jq -r 'select(.kind == "threshold") | .path | join(" ")'`,
		Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.diff(cmd, &f, list[0], list[1]) },
	}
	bindOperator(cmd)
	cmd.Flags().StringVar(&f.workflow, "of", "", "the workflow of numbers, if the engine has several")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object per change")
	cmd.Flags().BoolVar(&f.exitCode, "detailed-exitcode", false, "exit with 1 if the workflows differ")
	return cmd
}

func (a *app) diff(cmd *cobra.Command, f *diffFlags, was, is string) error {
	ctx := cmd.Context()
	both, err := a.sides(ctx, cmd, f.workflow, []string{was, is})
	if err != nil {
		return err
	}
	defer both.close()
	before, after, err := both.read(ctx, was, is)
	if err != nil {
		return err
	}
	changes := workflow.Diff(before, after)
	if f.json {
		err = a.diffJSON(changes)
	} else {
		a.printDiff(changes)
	}
	if err == nil && f.exitCode && len(changes) > 0 {
		return &answer{code: exitNo}
	}
	return err
}

func (a *app) diffJSON(changes []workflow.Change) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	for i := range changes {
		c := &changes[i]
		if err := enc.Encode(changeJSON{Kind: string(c.Kind), Change: wordOf(c), Path: c.Path, Before: c.Before, After: c.After, Was: placeOf(c.Was), Is: placeOf(c.Is)}); err != nil {
			return err
		}
	}
	return nil
}

func wordOf(c *workflow.Change) string {
	switch {
	case c.Added():
		return "added"
	case c.Removed():
		return "removed"
	}
	return "changed"
}

func placeOf(r hcl.Range) string {
	if r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
}

// printDiff shows the changes for people: one below the other, grouped by the
// block that they are in, long ones on lines of their own.
func (a *app) printDiff(changes []workflow.Change) {
	if len(changes) == 0 {
		a.say("no difference: the same rules, scores, thresholds and routes")
		return
	}
	counts := map[workflow.ChangeKind]int{}
	for i := range changes {
		c := &changes[i]
		counts[c.Kind]++
		for _, line := range describe(c) {
			a.say("%s", clean(line))
		}
	}
	a.say("")
	a.say("%s: %s", plural(len(changes), "change"), countKinds(counts))
}

func describe(c *workflow.Change) []string {
	sign := map[string]string{"added": "+", "removed": "-", "changed": "~"}[wordOf(c)]
	head := fmt.Sprintf("%s %-9s  %s", sign, c.Kind, strings.Join(c.Path, " › "))
	const short = 24
	switch {
	case c.Kind == workflow.ChangeOrder && len(c.Path) == 0:
		head = fmt.Sprintf("~ %-9s  the first that fits wins, and they stand in another order now", c.Kind)
	case c.Before == "" && c.After == "":
		return []string{head + "  (" + placeOf(pick(c)) + ")"}
	case len(c.Before) <= short && len(c.After) <= short:
		return []string{fmt.Sprintf("%s: %s → %s", head, orNone(c.Before), orNone(c.After))}
	}
	out := []string{head}
	if c.Before != "" {
		out = append(out, "               - "+c.Before)
	}
	if c.After != "" {
		out = append(out, "               + "+c.After)
	}
	return out
}

func pick(c *workflow.Change) hcl.Range {
	if c.Added() {
		return c.Is
	}
	return c.Was
}

func orNone(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

func countKinds(counts map[workflow.ChangeKind]int) string {
	var parts []string
	for _, k := range []workflow.ChangeKind{workflow.ChangeRule, workflow.ChangeScore, workflow.ChangeThreshold, workflow.ChangeRoute, workflow.ChangeLabel,
		workflow.ChangeTable, workflow.ChangeCounter, workflow.ChangeOrder, workflow.ChangeWorkflow} {
		if counts[k] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", k, counts[k]))
		}
	}
	return strings.Join(parts, ", ")
}
