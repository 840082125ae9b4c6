package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/workflow"
)

type testFlags struct {
	run     string
	verbose bool
	json    bool
	junit   string
}

// suite is the outcome of one workflow's tests.
type suite struct {
	Workflow string       `json:"workflow"` // its folder
	Tests    []testResult `json:"tests"`
	Invalid  string       `json:"invalid,omitempty"`  // why none was run
	Problems []missed     `json:"problems,omitempty"` // what is not valid
	took     time.Duration
}

type testResult struct {
	Name   string   `json:"name"`
	About  string   `json:"about,omitempty"`
	Passed bool     `json:"passed"`
	Missed []missed `json:"missed,omitempty"`
	took   time.Duration
}

// missed is one expectation that does not hold, or one mistake.
type missed struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	What   string `json:"what"`
	Detail string `json:"detail"`
}

func (a *app) testCommand() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test [flags] [DIR]...",
		Short: "Play a workflow's tests: what leads do, and what must become of them",
		Long: `Plays the tests in the *` + workflow.TestSuffix + ` files beside a workflow. A test lets leads
do things and time pass, and says which grade, scores and decisions must come
out of it, and which must not. DIR is the folder of a workflow, or one whose
folders are workflows.

  test "a decider who asks goes to sales" {
    identify { traits = { title = "VP Sales" } }
    event "Demo Requested" {}
    expect {
      grade     = "C"
      scores    = { recent = 100 }
      decisions = ["sales-handoff/asked"]
    }
    after "60d" {}
    expect {
      scores    = { recent = 0 }
      decisions = []
    }
  }

Inside a test, in their order: identify and group { traits = { … } };
event "Name" and page "/path" { properties, context, count, every, id };
after "60d" {} lets time pass; expect { grade, because, label, display, scores,
decisions (all since the expect before; [] = none), never, rejected }. Each may
name a lead; time begins at start, default 2026-01-01T00:00:00Z.

earns "score" { … } is a table of what single things are worth; each of them
happens to a lead of its own, and alone:

  test "what it is worth" {
    earns "interest" {
      events     = { "Email Opened" = 5, "Webinar Signed Up" = 20 }
      pages      = { "/pricing" = 15 }
      traits     = { title = { "VP Sales" = 9, "Clerk" = 0 } }
      account    = { employees = { 49 = 4, 50 = 15 } }
      properties = { asset = "guide" } # of each event and page
    }
  }

To look at a threshold, set the score to just below it:

  event "Score Adjusted" { properties = { score = "interest", points = 39.999 } }

Exit code 0 if all tests pass, 1 if one fails or there is none.`,
		Example: `  ripen test workflows/letter-and-number
  ripen test workflows/ --run decider --verbose
  ripen test . --junit report.xml`,
		RunE: func(cmd *cobra.Command, list []string) error { return a.test(cmd, &f, list) },
	}
	bindSettings(cmd, "workflow", "cache")
	fl := cmd.Flags()
	fl.StringVar(&f.run, "run", "", "play the tests whose name matches this regular expression")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "name the tests that pass, too")
	fl.BoolVar(&f.json, "json", false, "print one JSON object per workflow on stdout")
	fl.StringVar(&f.junit, "junit", "", "also write a JUnit XML report to this file")
	return cmd
}

func (a *app) test(cmd *cobra.Command, f *testFlags, list []string) error {
	wanted, err := regexp.Compile(f.run)
	if err != nil {
		return fmt.Errorf("--run: %w", err)
	}
	c, err := a.configure(cmd)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		list = []string{c.text("workflow")}
	}
	dirs, err := workflowFolders(list)
	if err != nil {
		return err
	}
	var suites []suite
	for _, dir := range dirs {
		s, err := a.testOne(cmd.Context(), f, dir, c.cache(), wanted)
		if err != nil {
			return err
		}
		suites = append(suites, s)
	}
	if f.junit != "" {
		if err := writeJUnit(f.junit, suites); err != nil {
			return err
		}
	}
	return a.sumUp(f, suites)
}

// workflowFolders are the folders themselves, or the folders in them, that hold
// workflow files.
func workflowFolders(list []string) (dirs []string, err error) {
	for _, dir := range list {
		files, inner, err := look(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil, fmt.Errorf("workflow folder %s: there is no such folder", dir)
		case err != nil:
			return nil, err
		case files || len(inner) == 0:
			dirs = append(dirs, dir)
			continue
		}
		found := len(dirs)
		for _, name := range inner {
			sub := filepath.Join(dir, name)
			if files, _, err = look(sub); err != nil {
				return nil, err
			}
			if files {
				dirs = append(dirs, sub)
			}
		}
		if len(dirs) == found {
			return nil, fmt.Errorf("workflow folder %s: neither it nor a folder in it holds a workflow (*.hcl files)", dir)
		}
	}
	return dirs, nil
}

// look says whether a folder has workflow files, and which folders are in it.
func look(dir string) (files bool, inner []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		switch {
		case e.IsDir():
			inner = append(inner, e.Name())
		case workflow.IsWorkflowFile(e.Name()):
			files = true
		}
	}
	return files, inner, err
}

// testOne plays the tests of one workflow and shows what they miss.
func (a *app) testOne(ctx context.Context, f *testFlags, dir, cache string, wanted *regexp.Regexp) (suite, error) {
	s := suite{Workflow: dir, Tests: []testResult{}}
	began := time.Now()
	tests, files, diags := workflow.LoadTests(os.DirFS(dir), workflow.Options{Dir: dir})
	w, more, err := a.read(ctx, dir, cache)
	defer w.Close()
	if err != nil {
		return s, err
	}
	for name, file := range w.Def.Files {
		files[name] = file
	}
	if more.HasErrors() { // its warnings are a matter of ripen validate
		diags = append(diags, more...)
	} else {
		diags = append(diags, w.CheckScenarios(tests)...)
	}
	if len(diags) > 0 {
		if err := a.diagnose(files, diags); err != nil {
			return s, err
		}
	}
	if diags.HasErrors() {
		s.Invalid, s.Problems = countDiags(diags), missedOf(diags)
		return s, nil
	}
	var chosen []workflow.Scenario
	var shown error
	for i := range tests {
		if wanted.MatchString(tests[i].Name) {
			chosen = append(chosen, tests[i])
		}
	}
	err = w.RunScenarios(ctx, chosen, func(r engine.ScenarioResult) {
		now := time.Now()
		s.Tests = append(s.Tests, resultOf(r, now.Sub(began)))
		began, s.took = now, s.took+now.Sub(began)
		shown = errors.Join(shown, a.showResult(f, files, r))
	})
	return s, errors.Join(err, shown)
}

func resultOf(r engine.ScenarioResult, took time.Duration) testResult {
	return testResult{Name: r.Name, About: r.About, Passed: len(r.Missed) == 0, Missed: missedOf(r.Missed), took: took}
}

func missedOf(diags hcl.Diagnostics) (out []missed) {
	for _, d := range diags {
		m := missed{What: d.Summary, Detail: d.Detail}
		if d.Subject != nil {
			m.File, m.Line = d.Subject.Filename, d.Subject.Start.Line
		}
		out = append(out, m)
	}
	return out
}

// showResult prints what a test misses at its lines, for people.
func (a *app) showResult(f *testFlags, files map[string]*hcl.File, r engine.ScenarioResult) error {
	switch {
	case len(r.Missed) > 0:
		a.note("FAIL  %s  (%s:%d)", clean(r.Name), r.Range.Filename, r.Range.Start.Line)
		return a.diagnose(files, r.Missed)
	case f.verbose && !f.json:
		a.say("ok    %s", clean(r.Name))
	}
	return nil
}

// sumUp prints one line per workflow and says how all went.
func (a *app) sumUp(f *testFlags, suites []suite) error {
	passed, failed, invalid := 0, 0, 0
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	for i := range suites {
		s := &suites[i]
		bad := s.failed()
		passed, failed = passed+len(s.Tests)-bad, failed+bad
		if s.Invalid != "" {
			invalid++
		}
		if f.json {
			if err := enc.Encode(s); err != nil {
				return err
			}
			continue
		}
		a.say("%s", s.line())
	}
	switch {
	case failed+invalid > 0:
		text := fmt.Sprintf("%s failed, %d passed", plural(failed, "test"), passed)
		if invalid > 0 {
			text += fmt.Sprintf("; %s not valid", plural(invalid, "workflow"))
		}
		return no("%s", text)
	case passed == 0 && f.run != "":
		return no("no test has a name that matches %q", f.run)
	case passed == 0:
		return no("there are no tests: write them into a file such as %s/basics%s, see ripen test --help", suites[0].Workflow, workflow.TestSuffix)
	}
	return nil
}

func (s *suite) failed() (n int) {
	for i := range s.Tests {
		if !s.Tests[i].Passed {
			n++
		}
	}
	return n
}

func (s *suite) line() string {
	switch n := s.failed(); {
	case s.Invalid != "":
		return fmt.Sprintf("FAIL  %s: not valid: %s", s.Workflow, s.Invalid)
	case n > 0:
		return fmt.Sprintf("FAIL  %s: %d of %s failed", s.Workflow, n, plural(len(s.Tests), "test"))
	case len(s.Tests) == 0:
		return fmt.Sprintf("--    %s: no tests", s.Workflow)
	}
	return fmt.Sprintf("ok    %s: %s", s.Workflow, plural(len(s.Tests), "test"))
}
