package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
)

type shadowDiffFlags struct {
	json     bool
	scores   bool
	follow   bool
	past     bool
	workflow string
	top      int
}

func (a *app) shadowDiff() *cobra.Command {
	var f shadowDiffFlags
	cmd := &cobra.Command{
		Use:   "diff NUMBER",
		Short: "The leads that a shadow sees otherwise than the live release, and why",
		Long: `Compares each lead under the live release with the same lead under a shadow, as the
journal has them: who is handed over by one and not by the other, with grades and
scores of both. --scores lists also those whose scores, grade or label differ and
whose decisions do not.

With --follow it prints each decision that only one of the two makes, or that they
make otherwise, at the moment that it is made; --past begins with those that the
journal still holds.`,
		Example: `  ripen shadow diff 15
  ripen shadow diff 15 --follow --past
  ripen shadow diff 15 --json | jq -r 'select(.decision) | .lead'`,
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.diffShadow(cmd, &f, list[0]) },
	}
	bindOperator(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.json, "json", false, "print one JSON object per lead that differs")
	fl.BoolVar(&f.scores, "scores", false, "also leads for which nothing but scores, grade or label differ")
	fl.BoolVar(&f.follow, "follow", false, "print decisions that differ as they are made, until it is interrupted")
	fl.BoolVar(&f.past, "past", false, "with --follow: begin with those that were made already")
	fl.StringVar(&f.workflow, "of", "", "the workflow, if there are several")
	fl.IntVar(&f.top, "top", 50, "list so many leads, for people; 0 = all")
	return cmd
}

func (a *app) diffShadow(cmd *cobra.Command, f *shadowDiffFlags, number string) error {
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || n == 0 {
		return fmt.Errorf("found %q, expected the number of a release; see ripen shadow list", number)
	}
	o, err := a.operator(cmd)
	if err != nil {
		return err
	}
	if f.past && !f.follow {
		return errors.New("--past is for --follow")
	}
	if f.follow {
		return a.followShadow(cmd, f, o, uint32(n))
	}
	c, err := engine.CompareShadow(cmd.Context(), o, f.workflow, uint32(n))
	if errors.Is(err, engine.ErrNoShadow) {
		return no("%v; see ripen shadow list", err)
	}
	if err != nil {
		return err
	}
	shown := 0
	rows := [][]string{{"lead", fmt.Sprintf("release %d", c.Live), fmt.Sprintf("release %d", c.Shadow), "live", "shadow"}}
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	decisions := 0
	for i := range c.Differences {
		d := &c.Differences[i]
		if d.Decision {
			decisions++
		} else if !f.scores {
			continue
		}
		if f.json {
			if err := enc.Encode(d); err != nil {
				return err
			}
			continue
		}
		if shown++; f.top == 0 || shown <= f.top {
			rows = append(rows, []string{d.Lead, openText(d.Live.Open), openText(d.Shadow.Open), standingText(&d.Live), standingText(&d.Shadow)})
		}
	}
	if f.json {
		return nil
	}
	if len(rows) > 1 {
		a.printTable(rows, nil)
	}
	if more := shown - len(rows) + 1; more > 0 {
		a.say("… and %s more; --top 0 lists all", plural(more, "lead"))
	}
	a.say("%s of %s decided otherwise by release %d than by release %d, the live one; %s with other scores, grade or label only",
		plural(decisions, "lead"), thousands(c.Leads), c.Shadow, c.Live, thousands(len(c.Differences)-decisions))
	return nil
}

func openText(list []engine.OpenEpisode) string {
	if len(list) == 0 {
		return "–"
	}
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = e.Action + "/" + e.Route
	}
	return strings.Join(parts, ", ")
}

// standingText is why: grade and scores.
func standingText(s *engine.Standing) string {
	var parts []string
	if s.Grade != "" {
		parts = append(parts, s.Grade)
	}
	for _, v := range s.Scores {
		parts = append(parts, v.Name+" "+lead.Points(v.Milli).String())
	}
	return strings.Join(parts, ", ")
}
