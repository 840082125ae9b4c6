package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/sdk/conformance"
)

type checkFlags struct {
	fixtures string
	json     bool
	update   bool
}

func (f *checkFlags) bind(cmd *cobra.Command, what string) {
	bindSettings(cmd, "cache")
	cmd.Flags().StringVar(&f.fixtures, "fixtures", "", "folder of the fixtures (default fixtures in the plugin's folder)")
	cmd.Flags().BoolVar(&f.json, "json", false, what)
}

// conform prepares a check of what the arguments name.
func (a *app) conform(cmd *cobra.Command, f *checkFlags, list []string) (*subject, conformance.Options, error) {
	c, err := a.configure(cmd)
	if err != nil {
		return nil, conformance.Options{}, err
	}
	s, err := a.subject(one(list, "."), f.fixtures)
	if err != nil {
		return nil, conformance.Options{}, err
	}
	o := conformance.Options{Cases: s.cases, CacheDir: c.cache()}
	o.Beside, err = shippedPlugins()
	return s, o, err
}

// shippedPlugins are those that fixtures may use beside the plugin itself.
func shippedPlugins() ([]*registry.Plugin, error) {
	set, err := registry.Builtin()
	if err != nil {
		return nil, err
	}
	var list []*registry.Plugin
	for _, name := range set.Names() {
		p, err := set.Lookup(name)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

func (a *app) pluginVerifyCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "verify [DIR|MODULE]",
		Short: "Check that a plugin keeps the contract",
		Long: `Checks a module against the contract: imports and exports, versions, limits, its
manifest against what it says of itself; then the answers to the inputs of its
fixtures and to made-up ones, which must be the same bytes in rounds of any
size, in any order, from any instance, when calls break at any point, when room
for entries is used up; states, configurations and memory.

Exit code 0 if all holds, 1 if something does not; warnings allow 0.`,
		Example: `  ripen plugin verify
  ripen plugin verify build/quote-size.wasm --fixtures fixtures
  ripen plugin verify --json | jq '.checks[] | select(.status == "FAIL")'`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			s, o, err := a.conform(cmd, &f, list)
			if err != nil {
				return err
			}
			r, err := conformance.Verify(cmd.Context(), s.wasm, o)
			if err != nil {
				return fmt.Errorf("%s: %w", s.file, err)
			}
			if f.json {
				err = json.NewEncoder(a.stdout).Encode(r)
			} else {
				a.say("%s", cleanLines(r.String()))
			}
			if err == nil && !r.OK() {
				err = no("%s does not keep the contract: %s of %d failed", s.file, plural(r.Count(conformance.Fail), "check"), len(r.Checks))
			} else if err == nil && !f.json {
				a.say("%s keeps the contract: %d checks passed, %s, %d skipped", r.Plugin, r.Count(conformance.Pass), plural(r.Count(conformance.Warn), "warning"), r.Count(conformance.Skip))
			}
			return err
		},
	}
	f.bind(cmd, "print the report as a JSON object")
	return cmd
}

func (a *app) pluginTestCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "test [DIR|MODULE]",
		Short: "Play the fixtures of a plugin and compare what it says",
		Long: `Plays each fixture, NAME.hcl (the body of the step's block, or a whole workflow) and
NAME.ndjson (events), and compares what the plugin says to each input that
reaches it with NAME.golden.json. --update writes these files; read them before
you keep them. Fuel is what one input costs, and what it may cost.

Exit code 0 if nothing differs, 1 otherwise.`,
		Example: `  ripen plugin test
  ripen plugin test --update && git diff fixtures`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error { return a.pluginTest(cmd, &f, list) },
	}
	f.bind(cmd, "print one JSON object per fixture")
	cmd.Flags().BoolVar(&f.update, "update", false, "write the golden files")
	return cmd
}

func (a *app) pluginTest(cmd *cobra.Command, f *checkFlags, list []string) error {
	s, o, err := a.conform(cmd, f, list)
	if err != nil {
		return err
	}
	if len(o.Cases) == 0 {
		return fmt.Errorf("%s has no fixtures: write fixtures/NAME.hcl with the body of a block and fixtures/NAME.ndjson with events, or name a folder with --fixtures", one(list, "."))
	}
	played, err := conformance.Play(cmd.Context(), s.wasm, o)
	if err != nil {
		return no("%s: %v", s.file, err)
	}
	folder := f.fixtures
	if folder == "" {
		folder = filepath.Join(one(list, "."), fixtureFolder)
	}
	failed := 0
	for i := range played {
		p := &played[i]
		golden := filepath.Join(folder, p.Case+conformance.GoldenFile)
		wrote := f.update && !p.OK()
		if wrote {
			if err := os.WriteFile(golden, p.Golden, 0o644); err != nil {
				return err
			}
		} else if !p.OK() {
			failed++
		}
		if err := a.sayPlayed(p, golden, wrote, f.json); err != nil {
			return err
		}
	}
	if failed > 0 {
		return no("%d of %s differ; if that is what the plugin should say, ripen plugin test --update keeps it", failed, plural(len(played), "fixture"))
	}
	return nil
}

func (a *app) sayPlayed(p *conformance.Played, golden string, wrote, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(a.stdout).Encode(struct {
			*conformance.Played
			OK        bool   `json:"ok"`
			Fuel      uint64 `json:"fuel"`
			FuelMost  uint64 `json:"fuel_most"`
			FuelLimit uint64 `json:"fuel_limit"`
		}{p, p.OK() || wrote, p.Fuel, p.FuelMost, p.FuelLimit})
	}
	word := "ok"
	switch {
	case wrote:
		word = "wrote " + golden
	case p.New:
		word = "NEW: " + golden + " is not there yet"
	case p.Diff != "":
		word = "DIFFERS from " + golden
	}
	a.say("%-20s %s, fuel %s (most %s) of %s: %s", clean(p.Case), plural(p.Inputs, "input"), thousands(int(p.Fuel)), thousands(int(p.FuelMost)), thousands(int(p.FuelLimit)), word)
	if p.Diff != "" && !wrote {
		a.say("%s", cleanLines(p.Diff))
	}
	return nil
}

// cleanLines is clean for a text of several lines, without the last line's end.
func cleanLines(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
