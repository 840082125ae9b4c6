package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/backtest/page"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
	"github.com/ripenhq/ripen/engine/sheet"
	"github.com/ripenhq/ripen/engine/workflow"
)

type backtestFlags struct {
	inputs             inputFlags
	outcomes           string
	column, timeColumn string
	having, compare    []string
	asOf, half, score  string
	old                string
	others             bool
	thresholds         []string
	whatIf             []string
	suggest            string
	without            []string
	attribution, html  string
	json               bool
	top                int
	batch, partitions  int
}

func (a *app) backtestCommand() *cobra.Command {
	var f backtestFlags
	cmd := &cobra.Command{
		Use:   "backtest [flags] INPUT...",
		Short: "Compare scores with what became of the leads",
		Long: `Runs a workflow over the history of leads whose outcome is known and says how
well it tells winners from losers: ranking (AUC), precision, recall and lift per
threshold, how many leads each threshold would hand off, what rules and actions
are worth and which points the outcomes suggest, engagement by month, inflation
by old events, and how fast hand-offs are.

Outcomes come from one of three places:
  --outcomes FILE.csv       columns lead, outcome (won or lost) and time; without
                            the column outcome, a list of winners
  --outcome-column NAME     a column of the CSV input that the mapping does not
                            read, with --outcome-time-column if there is one
  neither                   the events Lead Won and Lead Lost in the inputs

Each lead is looked at at the moment of its outcome, the others at the end. What
happened after that moment, or after --as-of, never counts. Outcomes after --as-of
(or after the end of the inputs), before a lead's first contact, of unknown leads
and second ones are counted and left out.
Ticks are passed over: time passes by itself up to each outcome.

--what-if window=30d,off scores the leads again with another decay window and
says what it costs: winners all of whose points had faded. --what-if
threshold=40,60 changes the number that sales routes compare the score with.

--suggest DIR learns points for traits and actions from one half of the leads
(by a hash of their ids; --half second or both for others), writes a workflow
with them and judges it on the other half. It never sees columns that the
mapping does not read, nor what sales answered.

Exit code 0, and 1 if no lead has an outcome or there is too little to learn
from; how good the scores are is for you to judge.

` + inputHelp,
		Example: `  ripen backtest -w workflows/letter-and-number events.ndjson --outcomes won.csv
  ripen backtest -w . events.ndjson --outcomes won.csv --others-lost --what-if window=30d,60d,off
  ripen backtest -w . --leads leads.csv --outcome-column Converted --html report.html
  ripen backtest -w . --leads leads.csv --outcome-column Converted --suggest draft/
  ripen backtest -w draft/ --leads leads.csv --mapping mapping.hcl --outcome-column Converted --half second`,
		RunE: func(cmd *cobra.Command, list []string) error {
			return a.backtest(cmd, &f, list)
		},
	}
	bindSettings(cmd, "workflow", "cache")
	f.inputs.bind(cmd)
	f.bind(cmd)
	return cmd
}

func (f *backtestFlags) bind(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.outcomes, "outcomes", "", "CSV file of outcomes: lead, outcome, time")
	fl.StringVar(&f.column, "outcome-column", "", "column of the CSV input that says what became of the lead")
	fl.StringVar(&f.timeColumn, "outcome-time-column", "", "column of the CSV input with the time of the outcome")
	fl.BoolVar(&f.others, "others-lost", false, "leads without an outcome count as lost")
	fl.StringArrayVar(&f.having, "having", nil, "only rows of the CSV input that say something in this column; may be repeated")
	fl.StringArrayVar(&f.compare, "compare", nil, "column of the CSV input with another scoring's number, to rank by beside ours; several are added up")
	fl.StringVar(&f.asOf, "as-of", "", "later events never count (default: the latest time in the inputs)")
	fl.StringVar(&f.half, "half", "both", "first, second or both: the leads to report on, by a hash of their ids")
	fl.StringVar(&f.score, "score", "", "the score to judge (default: the one that ranks leads)")
	fl.StringVar(&f.old, "old", "60d", "age from which on an event is old, for the report on inflation")
	fl.StringSliceVar(&f.thresholds, "thresholds", nil, "candidate thresholds of the table, e.g. 20,40,60 (default: those in use and round numbers)")
	fl.StringArrayVar(&f.whatIf, "what-if", nil, "score again with window=60d,off or threshold=40,60; may be repeated")
	fl.StringVar(&f.suggest, "suggest", "", "write a workflow with points learnt from the outcomes to this folder")
	fl.StringArrayVar(&f.without, "without", nil, "trait or action that suggested points must not use; may be repeated")
	fl.StringVar(&f.attribution, "attribution", "", "write the steps of each converted lead and their points to this file, as NDJSON")
	fl.StringVar(&f.html, "html", "", "write the report with plots to this file: one page that needs no network")
	fl.BoolVar(&f.json, "json", false, "print the report as one JSON object")
	fl.IntVar(&f.top, "top", 15, "rows of long lists; 0 = all")
	fl.IntVar(&f.batch, "batch", replay.DefaultBatch, "inputs that a partition takes at once")
	fl.IntVar(&f.partitions, "partitions", runtime.GOMAXPROCS(0), "leads are spread over so many workers")
}

// backtesting is one run of the command.
type backtesting struct {
	app      *app
	flags    *backtestFlags
	dir      string // of the workflow as it is
	cache    string
	sources  []source
	outcomes []backtest.Outcome
	bad      []backtest.BadOutcome
	opts     backtest.Options
	changes  []change
	at       []lead.Points // thresholds of the table, nil = proposed
	first    bool          // the first pass accounts for the rows
}

func (a *app) backtest(cmd *cobra.Command, f *backtestFlags, list []string) error {
	b := &backtesting{app: a, flags: f, first: true}
	if err := b.check(cmd, list); err != nil {
		return err
	}
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	b.dir, b.cache = c.text("workflow"), c.cache()
	w, err := a.load(cmd.Context(), b.dir, b.cache)
	if err != nil {
		return err
	}
	defer w.Close()
	if b.opts.Score, err = scoreOf(w, f.score); err != nil {
		return err
	}
	if err := b.guard(); err != nil {
		return err
	}
	if err := b.readOutcomes(); err != nil {
		return err
	}
	g, done, err := b.pass(cmd.Context(), w, b.opts)
	if err != nil {
		return err
	}
	defer done()
	r := g.Report(backtest.Ask{Thresholds: b.at, Rival: strings.Join(f.compare, " + "), Bad: b.bad})
	if err := b.whatIfs(cmd.Context(), w, g, r); err != nil {
		return err
	}
	if err := b.suggestion(cmd.Context(), w, g, r); err != nil {
		return err
	}
	return b.answer(g, r)
}

// check reads the flags that need nothing else.
func (b *backtesting) check(cmd *cobra.Command, list []string) (err error) {
	f := b.flags
	if b.sources, err = f.inputs.sources(list); err != nil {
		return err
	}
	if f.batch < 1 || f.partitions < 1 || f.partitions > 1024 || f.top < 0 {
		return fmt.Errorf("found --batch %d --partitions %d --top %d, expected at least 1, at most 1024 partitions, and --top 0 or more", f.batch, f.partitions, f.top)
	}
	if f.asOf != "" {
		if b.opts.AsOf, err = parseTime(f.asOf); err != nil {
			return fmt.Errorf("--as-of: %w", err)
		}
	}
	half, ok := backtest.ParseHalf(f.half)
	if !ok {
		return fmt.Errorf("found --half %s, expected first, second or both", f.half)
	}
	if f.suggest != "" && !cmd.Flags().Changed("half") {
		half = backtest.First
	}
	b.opts.Half, b.opts.Others, b.opts.Facts = half, f.others, f.suggest != ""
	if b.opts.Old, err = workflow.ParseDuration(f.old); err != nil || b.opts.Old <= 0 {
		return fmt.Errorf("found --old %s, expected an age such as 60d", f.old)
	}
	for _, text := range f.thresholds {
		p, err := lead.ParsePoints(text)
		if err != nil {
			return fmt.Errorf("--thresholds: %w", err)
		}
		b.at = append(b.at, p)
	}
	if b.changes, err = readChanges(f.whatIf); err != nil {
		return err
	}
	return b.checkSources()
}

func (b *backtesting) checkSources() error {
	f := b.flags
	csv := slices.ContainsFunc(b.sources, func(s source) bool { return s.csv })
	switch {
	case f.outcomes != "" && f.column != "":
		return fmt.Errorf("--outcomes and --outcome-column both say what became of the leads; keep one")
	case f.timeColumn != "" && f.column == "":
		return fmt.Errorf("--outcome-time-column needs --outcome-column beside it")
	case !csv && (f.column != "" || len(f.having)+len(f.compare) > 0):
		return fmt.Errorf("--outcome-column, --having and --compare name columns of a CSV input, and there is none; name it with --leads, or give the outcomes with --outcomes FILE.csv")
	case f.without != nil && f.suggest == "":
		return fmt.Errorf("--without is for --suggest")
	case len(b.changes) > 0 || f.suggest != "":
		if slices.ContainsFunc(b.sources, func(s source) bool { return s.name == "-" }) {
			return fmt.Errorf("--what-if and --suggest read the inputs more than once, which stdin cannot be; give files")
		}
	}
	b.opts.Answers = f.outcomes == "" && f.column == ""
	for _, name := range []string{f.html, f.attribution} {
		if name != "" {
			if err := spare(name, append(slices.Clone(b.sources), source{name: f.outcomes})); err != nil {
				return err
			}
		}
	}
	return nil
}

func scoreOf(w *engine.Workflow, name string) (int, error) {
	var names []string
	for i := range w.Model.Book.Scores {
		if w.Model.Book.Scores[i].Name == name {
			return i, nil
		}
		names = append(names, w.Model.Book.Scores[i].Name)
	}
	switch {
	case name != "":
		return 0, fmt.Errorf("--score: there is no score %q; the workflow has %s", name, strings.Join(names, ", "))
	case w.Model.Policy.Primary < 0:
		return 0, fmt.Errorf("no score of the workflow ranks leads; name the one to judge with --score: %s", strings.Join(names, ", "))
	}
	return w.Model.Policy.Primary, nil
}

// answer prints the report and writes what was asked for.
func (b *backtesting) answer(g *backtest.Gatherer, r *backtest.Report) error {
	f := b.flags
	if f.attribution != "" {
		if err := writeAttribution(f.attribution, g); err != nil {
			return err
		}
	}
	if f.html != "" {
		text, err := page.Page(r, f.top)
		if err != nil {
			return err
		}
		if err := os.WriteFile(f.html, text, 0o644); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	if f.json {
		enc := json.NewEncoder(b.app.stdout)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			return err
		}
	} else {
		b.app.printTables(page.Tables(r, f.top))
	}
	if err := b.app.stdout.Flush(); err != nil {
		return err
	}
	if r.Inputs.Won+r.Inputs.Lost == 0 {
		return no("no lead in the inputs has an outcome: nothing was judged")
	}
	return nil
}

func writeAttribution(name string, g *backtest.Gatherer) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("--attribution: %w", err)
	}
	defer func() {
		if cerr := file.Close(); err == nil {
			err = cerr
		}
	}()
	enc := json.NewEncoder(file)
	enc.SetEscapeHTML(false)
	return g.Paths(func(p *backtest.Path) error { return enc.Encode(p) })
}

// printTables prints the tables of a report.
func (a *app) printTables(tables []sheet.Table) {
	for i, t := range tables {
		if i > 0 {
			a.say("")
		}
		a.say("%s", heading(a, clean(t.Title)))
		for _, line := range wrap(clean(t.About), 100) {
			a.say("%s", line)
		}
		if len(t.Rows) > 0 {
			right := map[int]bool{}
			for i := range t.Head {
				right[i] = t.Figures(i)
			}
			a.printTable(append([][]string{t.Head}, t.Rows...), right)
		}
		for _, n := range t.Notes {
			a.say("%s", clean(n))
		}
	}
}

func heading(a *app, text string) string {
	text = strings.ToUpper(text)
	if colors(a.out) {
		return "\x1b[1m" + text + "\x1b[0m"
	}
	return text
}

// wrap breaks a text into lines of at most so many bytes.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// suggestion learns points, writes them as a workflow and judges that.
func (b *backtesting) suggestion(ctx context.Context, w *engine.Workflow, g *backtest.Gatherer, r *backtest.Report) error {
	dir := b.flags.suggest
	if dir == "" {
		return nil
	}
	s, err := g.Suggest(b.flags.without)
	if err != nil {
		return no("--suggest: %s", err)
	}
	if err := writeDraft(dir, s.Source(w.Model.Name, w.Model.LeadWord)); err != nil {
		return err
	}
	draft, err := b.app.load(ctx, dir, b.cache)
	if err != nil {
		return err
	}
	defer draft.Close()
	opts := b.opts
	opts.Facts = false
	if opts.Half != backtest.Both {
		opts.Half = opts.Half.Other()
	}
	before := g
	if opts.Half != b.opts.Half {
		var done func()
		if before, done, err = b.pass(ctx, w, opts); err != nil {
			return err
		}
		defer done()
	}
	if opts.Score, err = scoreOf(draft, "total"); err != nil {
		return err
	}
	after, done, err := b.pass(ctx, draft, opts)
	if err != nil {
		return err
	}
	defer done()
	s.Dir = dir
	s.Judge(before, after, len(b.flags.compare) > 0)
	r.Suggestion = s
	return nil
}
