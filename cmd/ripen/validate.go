package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/workflow"
)

func (a *app) validateCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "validate [DIR]",
		Short: "Check a workflow and show every mistake at its line",
		Long: `Reads the workflow in a folder, compiles it with its plugins, runs its lints and
scores its golden leads. Every mistake is shown with its line and what to do.

Exit code 0 if the workflow is valid (warnings allowed), 1 if it is not.`,
		Example: `  ripen validate workflows/letter-and-number
  ripen validate --json . | jq '.[] | select(.severity == "error")'`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			c, err := a.configure(cmd)
			if err != nil {
				return err
			}
			dir := c.text("workflow")
			if len(list) > 0 {
				dir = list[0]
			}
			return a.validate(cmd, dir, c.cache(), asJSON)
		},
	}
	bindSettings(cmd, "workflow", "cache")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the diagnostics as a JSON array on stdout")
	return cmd
}

func (a *app) validate(cmd *cobra.Command, dir, cache string, asJSON bool) error {
	w, diags, err := a.read(cmd.Context(), dir, cache)
	defer w.Close()
	if err != nil {
		return err
	}
	if asJSON {
		text, err := workflow.DiagnosticsJSON(diags)
		if err != nil {
			return err
		}
		a.say("%s", text)
	} else if len(diags) > 0 {
		if err := a.diagnose(w.Def.Files, diags); err != nil {
			return err
		}
	}
	switch {
	case diags.HasErrors() && asJSON:
		return &answer{code: exitNo}
	case diags.HasErrors():
		return no("workflow %s is not valid: %s", dir, countDiags(diags))
	case !asJSON:
		a.say("%s", summaryOf(w))
	}
	return nil
}

// summaryOf is a valid workflow in one line.
func summaryOf(w *engine.Workflow) string {
	m := w.Model
	parts := []string{plural(len(m.Steps), "step"), plural(len(m.Book.Scores), "score"), plural(len(m.Policy.Routes), "route"), plural(len(m.Goldens), "golden lead")}
	return "workflow " + m.Name + " is valid: " + strings.Join(parts, ", ") + " (release " + m.Policy.Release + ")"
}
