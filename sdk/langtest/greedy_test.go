package langtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// most is the memory that a guest of a language with a collector must live in,
// however many events it allocates for.
const most = 16 << 20

// goGreedy builds testdata/greedy.
func goGreedy(t testing.TB) []byte {
	t.Helper()
	out, err := filepath.Abs(filepath.Join(root, "build", "examples"))
	require.NoError(t, err)
	cmd := exec.Command("go", "run", "./engine/internal/mkplugins", "-out", out, "sdk/langtest/testdata/greedy")
	cmd.Dir = root
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	return goModule(t, "greedy")
}

// spend scores events with a plugin that allocates on every call. It returns
// the sum that was awarded, in milli-points, and the most memory that an
// instance had, in bytes.
func spend(t testing.TB, module []byte, events int) (milli int64, memory uint32) {
	t.Helper()
	ctx := context.Background()
	host, err := wasm.NewHost(wasm.Options{CacheDir: cacheDir(t), Quiet: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, host.Close()) }()
	p, err := host.Load(ctx, module)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	config := abi.AppendConfig(nil, []abi.Node{{Kind: abi.NodeObject}})
	needs, err := p.Configure(ctx, config)
	require.NoError(t, err)
	asked := func(*ledger.Frame) (uint64, string, bool) { return 1, "", true }
	spec := &step.Spec{Name: "greedy", Needs: needs, Config: config, Project: []step.Projector{asked}}
	s, err := p.NewTrial(ctx, spec, &wasm.Trial{Called: func(c wasm.Call) {
		memory = max(memory, c.Memory)
		require.Empty(t, c.Code)
	}})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	slots := make([]step.Slot, 256)
	frame := &ledger.Frame{At: 1, Now: 1}
	for done := 0; done < events; done += len(slots) {
		slots = slots[:min(len(slots), events-done)]
		for i := range slots {
			seed := uint64(done+i) * 0x9e37_79b9_7f4a_7c15
			slots[i] = step.Slot{Frame: frame, Kind: abi.SlotEvent, Seed: seed, Event: seed | 1}
		}
		require.NoError(t, s.Score(slots, false))
		for i := range slots {
			require.Equal(t, step.OutcomeOK, slots[i].Outcome.Kind, slots[i].Outcome.Text)
			milli += slots[i].Entries[0].Delta
		}
	}
	return milli, memory
}

func greedy(t testing.TB, name string) []byte {
	if name == "go" {
		return goGreedy(t)
	}
	return packed(t, name+"-greedy", "sdk/langtest/testdata/greedy/manifest.json")
}

func TestGreedy_LivesInItsMemory(t *testing.T) {
	var sums []int64
	for _, name := range []string{"go", "as"} {
		milli, memory := spend(t, greedy(t, name), 20_000)
		require.LessOrEqual(t, memory, uint32(most), name)
		t.Logf("%s: %d KiB", name, memory>>10)
		sums = append(sums, milli)
	}
	require.Equal(t, sums[0], sums[1], "both make the same words")
}

// BenchmarkGreedy scores EVENTS events (default 10,000,000) with each. A
// processor scores them in some minutes.
func BenchmarkGreedy(b *testing.B) {
	events := 10_000_000
	if text := os.Getenv("EVENTS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(b, err)
		events = n
	}
	for _, name := range []string{"go", "as"} {
		b.Run("lang="+name, func(b *testing.B) {
			module := greedy(b, name)
			b.ResetTimer()
			for range b.N {
				_, memory := spend(b, module, events)
				require.LessOrEqual(b, memory, uint32(most))
				b.ReportMetric(float64(memory>>10), "KiB")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
			}
		})
	}
}
