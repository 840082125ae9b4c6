//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	demostream "github.com/ripenhq/ripen/examples/demo-stream"
)

// processor is the processor time of this process so far.
func processor() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// verbsOn are the commands that are measured, on one input: score, backtest, and
// plan of a release with another number in it.
type verbsOn struct {
	name          string
	workflow, old string // in the workflow's file, and what stands there instead
	is            string
	inputs        []string // of all
	outcome       []string // of backtest alone
	events        float64
}

func (v *verbsOn) commands(b *testing.B) map[string][]string {
	next := filepath.Join(b.TempDir(), "next")
	require.NoError(b, copyWorkflow(next, v.workflow))
	file := filepath.Join(next, "workflow.hcl")
	text, err := os.ReadFile(file)
	require.NoError(b, err)
	require.Equal(b, 1, strings.Count(string(text), v.old), v.old)
	require.NoError(b, os.WriteFile(file, []byte(strings.Replace(string(text), v.old, v.is, 1)), 0o600))
	return map[string][]string{
		"score":    append([]string{"score", "-w", v.workflow}, v.inputs...),
		"backtest": append(append([]string{"backtest", "-w", v.workflow}, v.inputs...), v.outcome...),
		"plan":     append([]string{"plan", next, "--against", v.workflow}, v.inputs...),
	}
}

// leasts are the shares of `ripen score`'s events a second that are asked.
var leasts = map[string]float64{"backtest": 0.8, "plan": 0.4}

// BenchmarkBacktest runs backtest and plan beside `ripen score` on the same
// events, by turns, and tells the medians: events a second of processor time,
// and both against score.
func BenchmarkBacktest(b *testing.B) {
	root, err := filepath.Abs("../..")
	require.NoError(b, err)
	b.Setenv("RIPEN_CACHE", filepath.Join(root, "build", "plugin-cache"))
	text := demostream.Generate(7, demostream.Options{Leads: 3000, Days: 120})
	file := filepath.Join(b.TempDir(), "events.ndjson")
	require.NoError(b, os.WriteFile(file, text, 0o600))
	list := []verbsOn{{name: "demo", workflow: filepath.Join(root, "workflows", "letter-and-number"), old: `recent >= 25`, is: `recent >= 20`,
		inputs: []string{file}, events: float64(bytes.Count(text, []byte("\n")))}}
	if data := filepath.Join(xEducation(root), "lead_scoring.csv"); isThere(data) {
		list = append(list, verbsOn{name: "x-education", workflow: filepath.Join(root, "examples", "x-education"), old: `"call-first" { when = total >= 50`, is: `"call-first" { when = total >= 45`,
			inputs: []string{"--leads", data, "--mapping", filepath.Join(root, "examples", "x-education", "mapping.hcl")}, outcome: []string{"--outcome-column", "Converted"}, events: 9240})
	}
	for i := range list {
		b.Run(list[i].name, func(b *testing.B) { measureVerbs(b, &list[i]) })
	}
}

func isThere(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func measureVerbs(b *testing.B, v *verbsOn) {
	commands := v.commands(b)
	verbs := []string{"score", "backtest", "plan"}
	took := map[string][]time.Duration{}
	for b.Loop() {
		for _, verb := range verbs {
			began := processor()
			var said bytes.Buffer
			code := newApp(nil, io.Discard, &said).run(commands[verb])
			require.Equal(b, exitOK, code, said.String())
			took[verb] = append(took[verb], processor()-began)
		}
	}
	median := func(verb string) float64 {
		slices.Sort(took[verb])
		return took[verb][len(took[verb])/2].Seconds()
	}
	b.ReportMetric(0, "ns/op")
	for _, verb := range verbs {
		b.ReportMetric(v.events/median(verb), verb+"-events/cpu-s")
		least := leasts[verb]
		if least == 0 {
			continue
		}
		share, word := median("score")/median(verb), "PASS"
		b.ReportMetric(share, verb+"×score")
		if share < least {
			word = "FAIL"
			b.Errorf("%s on %s runs at %.2f of score's events a second, expected %.1f", verb, v.name, share, least)
		}
		fmt.Printf("%s  %s: %s at %.2f× of score's events a second (at least %.1f×)\n", word, v.name, verb, share, least)
	}
}
