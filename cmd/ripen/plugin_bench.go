package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/registry"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
	"github.com/ripenhq/ripen/sdk/conformance"
	"github.com/ripenhq/ripen/workflows"
)

type benchFlags struct {
	checkFlags
	shipped  bool
	baseline string
}

func (a *app) pluginBenchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench [DIR|MODULE]",
		Short: "Measure what a plugin costs",
		Long: `Plays the inputs of the fixtures again and again: fuel and ns per input in rounds of
256, the fuel of the dearest input, memory, size, time to compile and to start.
Fuel is the same on every machine and in every run; times are this machine's.

--baseline compares with figures that --json has printed: fuel must be the same,
times are shown as a ratio. --shipped measures the shipped plugins in the
shipped models on a demo stream.

Exit code 0, or 1 if fuel differs from the baseline.`,
		Example: `  ripen plugin bench
  ripen plugin bench --json > bench.json
  ripen plugin bench --baseline bench.json
  ripen plugin bench --shipped --baseline testdata/plugins/bench.json`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.pluginBench(cmd, &f, list) },
	}
	f.bind(cmd, "print a JSON array of figures")
	cmd.Flags().BoolVar(&f.shipped, "shipped", false, "measure the shipped plugins")
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "compare with the figures in this file")
	return cmd
}

func (a *app) pluginBench(cmd *cobra.Command, f *benchFlags, list []string) error {
	var figures []conformance.Figures
	if f.shipped {
		c, err := a.configure(cmd)
		if err != nil {
			return err
		}
		if figures, err = benchShipped(cmd.Context(), c.cache(), stopwatch()); err != nil {
			return err
		}
	} else {
		s, o, err := a.conform(cmd, &f.checkFlags, list)
		if err != nil {
			return err
		}
		if figures, err = conformance.Bench(cmd.Context(), s.wasm, o, stopwatch()); err != nil {
			return fmt.Errorf("%s: %w", s.file, err)
		}
	}
	var before []conformance.Figures
	if f.baseline != "" {
		text, err := os.ReadFile(f.baseline)
		if err == nil {
			err = json.Unmarshal(text, &before)
		}
		if err != nil {
			return fmt.Errorf("baseline %s: %w; write one with --json", f.baseline, err)
		}
	}
	if f.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(figures)
	}
	return a.printFigures(figures, before)
}

// stopwatch tells ns since it was made.
func stopwatch() func() int64 {
	began := time.Now()
	return func() int64 { return time.Since(began).Nanoseconds() }
}

// Inputs of the shipped plugins' measurement.
var shippedModels = []string{"letter-and-number", "hundred-point"}

const shippedSeed, shippedLeads, shippedDays = 1, 200, 70

// shippedCases are the shipped models that use a plugin, over a demo stream.
func shippedCases(plugin string) (list []conformance.Case, err error) {
	events := demostream.Generate(shippedSeed, demostream.Options{Leads: shippedLeads, Days: shippedDays})
	for _, name := range shippedModels {
		c := conformance.Case{Name: name, Events: events, Files: map[string][]byte{}}
		if c.Config, err = fs.ReadFile(workflows.FS, path.Join(name, "workflow.hcl")); err != nil {
			return nil, err
		}
		tables, err := fs.Glob(workflows.FS, path.Join(name, "*.csv"))
		if err != nil {
			return nil, err
		}
		for _, file := range tables {
			if c.Files[path.Base(file)], err = fs.ReadFile(workflows.FS, file); err != nil {
				return nil, err
			}
		}
		if strings.Contains(string(c.Config), `step "`+plugin+`"`) {
			list = append(list, c)
		}
	}
	return list, nil
}

// benchShipped measures the plugins that the shipped models use.
func benchShipped(ctx context.Context, cache string, clock func() int64) (all []conformance.Figures, err error) {
	shipped, err := shippedPlugins()
	if err != nil {
		return nil, err
	}
	for _, p := range shipped {
		figures, err := benchOne(ctx, p, shipped, cache, clock)
		if err != nil {
			return nil, fmt.Errorf("plugin %s: %w", p.Manifest.Name, err)
		}
		all = append(all, figures...)
	}
	return all, nil
}

func benchOne(ctx context.Context, p *registry.Plugin, beside []*registry.Plugin, cache string, clock func() int64) ([]conformance.Figures, error) {
	cases, err := shippedCases(p.Manifest.Name)
	if err != nil || len(cases) == 0 {
		return nil, err // no shipped model uses it
	}
	return conformance.Bench(ctx, p.Wasm, conformance.Options{Cases: cases, Beside: beside, CacheDir: cache}, clock)
}

// fuelChanged says how the fuel of a measurement differs from an earlier one;
// empty = it does not, or there is none.
func fuelChanged(f *conformance.Figures, before []conformance.Figures) string {
	b := earlier(f, before)
	switch {
	case b == nil:
		return ""
	case b.Inputs != f.Inputs:
		return fmt.Sprintf("%s in %s: %d inputs, the baseline has %d: other events or another model; measure the baseline again", f.Plugin, f.Case, f.Inputs, b.Inputs)
	case b.Fuel != f.Fuel || b.FuelMost != f.FuelMost:
		return fmt.Sprintf("%s in %s: fuel %d (most %d), the baseline has %d (most %d): %+.2f %%", f.Plugin, f.Case, f.Fuel, f.FuelMost, b.Fuel, b.FuelMost, 100*(float64(f.Fuel)/float64(b.Fuel)-1))
	}
	return ""
}

// earlier is the measurement of the same plugin, in whatever version, in the
// same case.
func earlier(f *conformance.Figures, before []conformance.Figures) *conformance.Figures {
	name := func(f *conformance.Figures) string { n, _, _ := strings.Cut(f.Plugin, " "); return n }
	i := slices.IndexFunc(before, func(b conformance.Figures) bool { return name(&b) == name(f) && b.Case == f.Case })
	if i < 0 {
		return nil
	}
	return &before[i]
}

func (a *app) printFigures(list, before []conformance.Figures) error {
	rows := [][]string{{"plugin", "case", "inputs", "fuel/input", "most", "ns/input", "memory KiB", "size KiB", "compile ms", "start ms"}}
	if before != nil {
		rows[0] = append(rows[0], "time ×")
	}
	var changed []string
	for i := range list {
		f := &list[i]
		row := []string{f.Plugin, f.Case, thousands(f.Inputs), fmt.Sprintf("%.1f", f.FuelPer()), thousands(int(f.FuelMost)), fmt.Sprintf("%.1f", f.NS),
			thousands(int(f.Memory >> 10)), thousands(f.Size >> 10), fmt.Sprint(f.Compile / 1e6), fmt.Sprintf("%.2f", float64(f.Start)/1e6)}
		if before != nil {
			ratio := "new"
			if b := earlier(f, before); b != nil {
				ratio = fmt.Sprintf("%.2f", f.NS/b.NS)
			}
			row = append(row, ratio)
		}
		rows = append(rows, row)
		if text := fuelChanged(f, before); text != "" {
			changed = append(changed, text)
		}
	}
	right := map[int]bool{}
	for i := 2; i < len(rows[0]); i++ {
		right[i] = true
	}
	a.printTable(rows, right)
	if len(changed) > 0 {
		return no("fuel is not what it was: %s", strings.Join(changed, "; "))
	}
	return nil
}
