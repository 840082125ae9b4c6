package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/registry/pack"
)

const (
	trapOneIn  = 1000    // events that break the plugin
	trapDemo   = 200     // events of which one asks for a demo, and is handed over
	trapEvents = 800_000 // of one run
	trapRounds = 5
)

// trapPlugin is a plugin that traps where an event says crash = "panic".
type trapPlugin struct {
	name string // in the workflow
	says string // for people
	pack func(t testing.TB) []byte
}

// trapInC is made by the command in testdata/modules/README.md.
var trapInC = trapPlugin{"quote-trap", "C", func(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("../testdata/modules/c-trap.wasm")
	require.NoError(t, err)
	manifest, err := os.ReadFile("../testdata/modules/trap.manifest.json")
	require.NoError(t, err)
	module, err := pack.Pack(raw, manifest)
	require.NoError(t, err)
	return module
}}

var trapInGo = trapPlugin{"traplike", "std Go", func(t testing.TB) []byte {
	t.Helper()
	module, err := os.ReadFile("../build/examples/traplike.wasm")
	require.NoError(t, err, "run make plugins")
	return module
}}

// load is a workflow with the plugin beside it.
func (p *trapPlugin) load(t testing.TB, src string) *engine.Workflow {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "plugins"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plugins", p.name+".wasm"), p.pack(t), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(src), 0o600))
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: cacheDir(t)})
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), "%s", diags)
	t.Cleanup(w.Close)
	return w
}

// beside is the workflow of the swaps with one more step, a partner's.
func (p *trapPlugin) beside() string {
	return strings.Replace(swapWorkflow, `step "decay"`, fmt.Sprintf("step %q \"partner\" {}\n\nstep \"decay\"", p.name), 1)
}

var nameOf = regexp.MustCompile(`"event":"[^"]*"`)

// trapEvent is an event of the drain, or asks for a demo; one in a thousand, by
// chance, says how it breaks the plugin, or that it is fine: both streams are of
// the same size.
func trapEvent(how string, crashed map[string]bool) func(*rand.Rand, int) (string, []byte) {
	chance := rand.New(rand.NewPCG(7, 7))
	return func(r *rand.Rand, i int) (string, []byte) {
		key, raw := drainEvent(r, i)
		if chance.IntN(trapDemo) == 0 {
			raw = nameOf.ReplaceAll(raw, []byte(`"event":"Demo Requested"`))
		}
		if chance.IntN(trapOneIn) > 0 {
			return key, raw
		}
		text := string(raw)
		if strings.Contains(text, `"type":"identify"`) {
			return key, raw // has no properties
		}
		if strings.Contains(text, `"properties":{`) {
			text = strings.Replace(text, `"properties":{`, fmt.Sprintf(`"properties":{"crash":%q,`, how), 1)
		} else {
			text = strings.Replace(text, `"timestamp"`, fmt.Sprintf(`"properties":{"crash":%q},"timestamp"`, how), 1)
		}
		crashed[fmt.Sprintf("m%d", i)] = true
		return key, []byte(text)
	}
}

// rejectedOf are the rejected events of a data folder on which no engine runs:
// their codes by id.
func rejectedOf(t testing.TB, data string) map[string]string {
	t.Helper()
	out := map[string]string{}
	openStreams(t, data, func(js jetstream.JetStream) {
		j, err := journal.Open(context.Background(), js, journal.Config{ReadOnly: true})
		require.NoError(t, err)
		require.NoError(t, j.Scan(context.Background(), journal.JournalStream, []string{"ripen.rejected.*"}, 1, func(m journal.Message) error {
			var r lead.Rejected
			if err := json.Unmarshal(m.Data, &r); err != nil {
				return err
			}
			require.NotContains(t, out, r.Event, "rejected twice")
			out[r.Event] = r.Code
			return nil
		}))
	})
	return out
}

// trapDrain drains a copy of a stream and gives what it rejected.
func trapDrain(b *testing.B, w *engine.Workflow, dir string, accepted int) (rate, cpu float64, rejected map[string]string) {
	b.Helper()
	fresh := filepath.Join(b.TempDir(), "copy")
	require.NoError(b, os.CopyFS(fresh, os.DirFS(dir)))
	defer func() { _ = os.RemoveAll(fresh) }()
	runtime.GC()
	rate, cpu = drainEngine(b, w, fresh, accepted)
	return rate, cpu, rejectedOf(b, fresh)
}

type trapRound struct{ calm, broke, calmCPU, brokeCPU float64 }

// BenchmarkTraps drains, in turns, a stream and the same one in which one event
// in a thousand breaks a partner's plugin. The median of the rounds' ratios
// counts. No circuit breaker is set.
func BenchmarkTraps(b *testing.B) {
	engine.TuneMemory(engine.MemorySlack)
	calm, broke := filepath.Join(b.TempDir(), "calm"), filepath.Join(b.TempDir(), "broke")
	crashed := map[string]bool{}
	fillWith(b, calm, trapEvents, 100, trapEvent("fine ", map[string]bool{}))
	fillWith(b, broke, trapEvents, 100, trapEvent("panic", crashed))
	figure("events of a run", trapEvents)
	figure("of them, events that break the plugin", float64(len(crashed)))
	for b.Loop() {
		for _, p := range []trapPlugin{trapInC, trapInGo} {
			trapCompare(b, p, calm, broke, crashed)
		}
	}
}

func trapCompare(b *testing.B, p trapPlugin, calm, broke string, crashed map[string]bool) {
	b.Helper()
	w := p.load(b, p.beside())
	var rounds []trapRound
	wrong := 0
	before := w.Stats()[p.name]
	for n := range trapRounds {
		var r trapRound
		var none, some map[string]string
		run := []func(){
			func() { r.calm, r.calmCPU, none = trapDrain(b, w, calm, trapEvents) },
			func() { r.broke, r.brokeCPU, some = trapDrain(b, w, broke, trapEvents-len(crashed)) },
		}
		for i := range run { // who goes first has it easier, or harder
			run[(i+n)%len(run)]()
		}
		rounds = append(rounds, r)
		fmt.Printf("round, %s: %.0f events/s (%.2f µs of processor each), with traps %.0f (%.2f µs)\n", p.says, r.calm, r.calmCPU, r.broke, r.brokeCPU)
		wrong += len(none)
		for id, code := range some {
			if !crashed[id] || code != "unreachable" && code != "exit" {
				wrong++
			}
		}
		wrong += len(crashed) - min(len(some), len(crashed))
	}
	after := w.Stats()[p.name]
	traps := float64(after.Failed - before.Failed)
	figure(p.says+": events/s without traps", medianOf(rounds, func(r trapRound) float64 { return r.calm }))
	figure(p.says+": events/s with them", medianOf(rounds, func(r trapRound) float64 { return r.broke }))
	figure(p.says+": instances made for each trap", float64(after.Instances-before.Instances)/traps)
	figure(p.says+": processor time for each trap, µs", medianOf(rounds, func(r trapRound) float64 { return (r.brokeCPU - r.calmCPU) * trapOneIn }))
	figure(p.says+": processor time, without against with traps", medianOf(rounds, func(r trapRound) float64 { return r.calmCPU / r.brokeCPU }))
	ratio := medianOf(rounds, func(r trapRound) float64 { return r.broke / r.calm })
	verdict(b, p.says+": events rejected wrongly, or not at all", float64(wrong), 0, wrong == 0)
	if p.name != trapInC.name { // a Go runtime that panics prints first; it is told, and no more is asked of it
		figure(p.says+": throughput with traps against without", ratio)
		return
	}
	verdict(b, p.says+": throughput with traps against without", ratio, 0.9, ratio >= 0.9)
}
