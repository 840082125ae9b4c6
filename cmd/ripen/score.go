package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

type scoreFlags struct {
	inputs     inputFlags
	json       bool
	decisions  string
	asOf       string
	explain    string
	batch      int
	partitions int
	top        int
}

func (a *app) scoreCommand() *cobra.Command {
	var f scoreFlags
	cmd := &cobra.Command{
		Use:   "score [flags] INPUT...",
		Short: "Score leads from files, without an engine",
		Long: `Runs a workflow over events and leads in files and prints the leads, ranked: best
grade first, then the highest primary score, then by name. With --json each lead
is one JSON object: lead, grade, scores (in milli-points and as displayed),
label, display and decisions.

Time is that of the inputs. At the end time passes up to --as-of, by default the
latest time in the inputs; later events are left out and counted, so that
nothing leaks from after that time. --batch and --partitions change how fast it
goes, never what comes out.

` + inputHelp,
		Example: `  ripen score -w workflows/letter-and-number events.ndjson
  ripen score -w . --leads leads.csv --mapping mapping.hcl --json > scores.ndjson
  ripen score -w . events.ndjson --as-of 2026-03-01 --explain lead_0042
  ripen score -w . events.ndjson --decisions decisions.ndjson --json | jq -r 'select(.label == "hot") | .lead'`,
		RunE: func(cmd *cobra.Command, list []string) error {
			return a.score(cmd, &f, list)
		},
	}
	bindSettings(cmd, "workflow", "cache")
	f.inputs.bind(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.json, "json", false, "print one JSON object per lead")
	fl.StringVar(&f.decisions, "decisions", "", "write all decisions to this file, as NDJSON in order of time")
	fl.StringVar(&f.asOf, "as-of", "", "the time of the answer, e.g. 2026-03-01 or 2026-03-01T12:00:00Z (default: the latest in the inputs)")
	fl.StringVar(&f.explain, "explain", "", "show one lead with the lines that its scores consist of")
	fl.IntVar(&f.batch, "batch", replay.DefaultBatch, "inputs that a partition takes at once")
	fl.IntVar(&f.partitions, "partitions", runtime.GOMAXPROCS(0), "leads are spread over so many workers")
	fl.IntVar(&f.top, "top", 0, "print the best only; 0 = all")
	return cmd
}

func (f *scoreFlags) check() (asOf int64, err error) {
	if f.batch < 1 || f.partitions < 1 || f.partitions > 1024 {
		return 0, fmt.Errorf("found --batch %d --partitions %d, expected at least 1, and at most 1024 partitions", f.batch, f.partitions)
	}
	if f.asOf == "" {
		return 0, nil
	}
	if asOf, err = parseTime(f.asOf); err != nil {
		err = fmt.Errorf("--as-of: %w", err)
	}
	return asOf, err
}

func (a *app) score(cmd *cobra.Command, f *scoreFlags, list []string) error {
	asOf, err := f.check()
	if err != nil {
		return err
	}
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	w, err := a.load(cmd.Context(), c.text("workflow"), c.cache())
	if err != nil {
		return err
	}
	defer w.Close()
	h, err := a.start(cmd.Context(), w, &f.inputs, list, c.text("workflow"), replay.Options{Partitions: f.partitions, Batch: f.batch})
	if err != nil {
		return err
	}
	defer h.close()
	h.asOf, h.only = asOf, f.explain
	if err := h.play(); err != nil {
		return err
	}
	return a.answerScore(f, h, w)
}

func (a *app) answerScore(f *scoreFlags, h *history, w *engine.Workflow) error {
	decisions := h.replay.Decisions()
	if f.decisions != "" {
		if err := writeDecisions(f.decisions, h.sources, decisions); err != nil {
			return err
		}
	}
	keys := h.replay.Leads()
	views, err := h.replay.Views(keys, h.asOf, decisions, f.explain != "")
	if err != nil {
		return err
	}
	if f.top > 0 && len(views) > f.top {
		views = views[:f.top]
	}
	switch {
	case f.explain != "" && len(views) == 0:
		err = no("lead %q has no event in the inputs up to %s", f.explain, stamp(h.asOf))
	case f.json:
		err = a.printJSON(views)
	case f.explain != "":
		err = a.printExplained(&views[0])
	default:
		a.printRanked(views, w)
	}
	if err != nil {
		return err
	}
	if err := a.stdout.Flush(); err != nil {
		return err
	}
	return h.summary(len(keys))
}

func (a *app) printJSON(views []replay.View) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	for i := range views {
		if err := enc.Encode(&views[i]); err != nil {
			return err
		}
	}
	return nil
}

func writeDecisions(name string, inputs []source, list []lead.Decision) (err error) {
	if err := spare(name, inputs); err != nil {
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("file for decisions: %w", err)
	}
	defer func() {
		if cerr := file.Close(); err == nil {
			err = cerr
		}
	}()
	out := bufio.NewWriter(file)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i := range list {
		if err := enc.Encode(&list[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}
