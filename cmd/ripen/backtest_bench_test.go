//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
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

// BenchmarkBacktest runs the command beside `ripen score` on the same events, by
// turns, and tells the medians: events a second of processor time, and backtest
// against score, of which 0.8 is the least that is asked.
func BenchmarkBacktest(b *testing.B) {
	root, err := filepath.Abs("../..")
	require.NoError(b, err)
	b.Setenv("RIPEN_CACHE", filepath.Join(root, "build", "plugin-cache"))
	text := demostream.Generate(7, demostream.Options{Leads: 3000, Days: 120})
	events := float64(bytes.Count(text, []byte("\n")))
	file := filepath.Join(b.TempDir(), "events.ndjson")
	require.NoError(b, os.WriteFile(file, text, 0o600))
	took := map[string][]time.Duration{}
	for range max(3, b.N) {
		for _, verb := range []string{"score", "backtest"} {
			began := processor()
			var said bytes.Buffer
			code := newApp(nil, io.Discard, &said).run([]string{verb, "-w", filepath.Join(root, "workflows", "letter-and-number"), file})
			require.Equal(b, exitOK, code, said.String())
			took[verb] = append(took[verb], processor()-began)
		}
	}
	median := func(verb string) float64 {
		slices.Sort(took[verb])
		return took[verb][len(took[verb])/2].Seconds()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(events/median("score"), "score-events/cpu-s")
	b.ReportMetric(events/median("backtest"), "backtest-events/cpu-s")
	b.ReportMetric(median("score")/median("backtest"), "×score")
}
