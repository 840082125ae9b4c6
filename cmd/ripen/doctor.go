package main

import (
	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check an engine's data folder, server, streams and partitions",
		Long: `Looks at an engine from outside, while it runs or not, and changes nothing: version,
lock and permissions of the data folder, free space, the server and the settings
of its streams, whether the plugins of running releases are trusted, clocks, and
for each partition its chain of records, snapshots and lag. One line per check: ok, warn or fail, and what to do. Exit code 1 if a check
fails.

ripen journal verify looks deeper: whether the journal is what its events make.`,
		Example: `  ripen doctor --data /var/lib/ripen
  ripen doctor --nats nats://nats.internal:4222 --creds ripen.creds --json | jq -c 'select(.health != "ok")'`,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.configure(cmd)
			if err != nil {
				return err
			}
			policy, err := c.trust()
			if err != nil {
				return err
			}
			o := c.engineOptions(nil, a.logger(c))
			o.Trust = strict(policy)
			bar := a.progress("checking partitions", -1, false)
			list := engine.Doctor(cmd.Context(), o, func(int, int) { bar.add(1) })
			bar.done()
			if asJSON {
				if err := printEach(a, list); err != nil {
					return err
				}
			} else {
				a.printFindings(list)
			}
			failed := 0
			for i := range list {
				if list[i].Health == engine.Failing {
					failed++
				}
			}
			if failed > 0 {
				return no("failed: %s", plural(failed, "check"))
			}
			return nil
		},
	}
	bindOperator(cmd, "allow_unsigned")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per check")
	return cmd
}

// printFindings aligns the checks; verdicts are coloured on a terminal.
func (a *app) printFindings(list []engine.Finding) {
	width := 0
	for i := range list {
		width = max(width, len(list[i].Check))
	}
	for i := range list {
		f := &list[i]
		verdict := string(f.Health)
		for len(verdict) < 4 {
			verdict += " "
		}
		if colors(a.out) {
			verdict = map[engine.Health]string{engine.Well: "\x1b[32m", engine.Warning: "\x1b[33m", engine.Failing: "\x1b[31m"}[f.Health] + verdict + "\x1b[0m"
		}
		a.say("%s  %-*s  %s%s", verdict, width, f.Check, clean(f.Text), after("; ", f.Todo))
	}
}
