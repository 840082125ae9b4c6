package wasm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// hostileAtLoad are the modules that never get as far as an event, with the
// error that stops each and a word of what it must say.
var hostileAtLoad = []struct {
	name string
	want error
	says string
}{
	{"version", ErrABI, "ripen_abi_v2"},
	{"no-marker", ErrABI, "ripen_abi_v1"},
	{"missing-export", ErrExport, "ripen_bind is missing"},
	{"wrong-signature", ErrExport, "(i32 i64) -> (i32), expected (i32 i32) -> (i32)"},
	{"export-kind", ErrExport, "global, expected a function"},
	{"import-env", ErrImport, `"env"."fetch"`},
	{"import-wasi", ErrImport, `"sock_send"`},
	{"import-signature", ErrImport, "(i64) -> (), expected (i32) -> ()"},
	{"import-global", ErrImport, `"secret"`},
	{"own-fuel", meter.ErrReserved, "ripen_fuel"},
	{"simd", meter.ErrUnsupported, "SIMD"},
	{"giant-memory", ErrMemory, "2000 pages of 64 KiB, its limit is 96"},
	{"descriptor-magic", ErrDescriptor, "RPEN"},
	{"descriptor-caps", ErrDescriptor, "[void], its manifest []"},
	{"descriptor-stride", ErrDescriptor, "result size is 56, expected 48"},
	{"descriptor-outside", ErrDescriptor, "outside the module's memory"},
	{"start-loop", ErrBroke, "start section"},
	{"start-trap", ErrBroke, "unreachable"},
	{"init-loop", ErrBroke, "_initialize: the plugin used more fuel"},
	{"describe-loop", ErrBroke, "ripen_describe: the plugin used more fuel"},
	{"data-outside", ErrBroke, "data"},
	{"reserve-refuses", ErrRefused, "262144"},
	{"reserve-outside", ErrRefused, "outside the module's memory"},
	{"reserve-odd", ErrRefused, "multiple of 8"},
	{"configure-refuses", ErrRefused, "no reason"},
	{"configure-loop", ErrBroke, "ripen_configure: the plugin used more fuel"},
	{"needs-garbage", ErrNeeds, "NEED"},
	{"needs-outside", ErrNeeds, "outside the module's memory"},
	{"needs-giant", ErrNeeds, "2147483647"},
	{"bind-refuses", ErrRefused, "code -1"},
	{"bind-trap", ErrBroke, "ripen_bind: the plugin trapped: unreachable"},
}

// hostileAtSlot are the modules that break when v is 666, with the outcome of
// that slot.
var hostileAtSlot = []struct {
	name string
	kind step.OutcomeKind
	code string
}{
	{"trap", step.OutcomeTrap, CodeUnreachable},
	{"no-cursor", step.OutcomeTrap, CodeUnreachable},
	{"spin", step.OutcomeTrap, CodeFuel},
	{"recurse", step.OutcomeTrap, CodeFuel},
	{"deep-stack", step.OutcomeTrap, CodeStack},
	{"memory-bomb", step.OutcomeTrap, CodeBounds},
	{"memory-hoard", step.OutcomeOK, ""},
	{"table-bomb", step.OutcomeTrap, CodeUnreachable},
	{"fill-bomb", step.OutcomeTrap, CodeFuel},
	{"out-of-bounds", step.OutcomeTrap, CodeBounds},
	{"divide", step.OutcomeTrap, CodeArithmetic},
	{"wrong-call", step.OutcomeTrap, CodeCall},
	{"exit", step.OutcomeTrap, CodeExit},
	{"random-bomb", step.OutcomeTrap, CodeFuel},
	{"log-flood", step.OutcomeOK, ""},
	{"log-bomb", step.OutcomeTrap, CodeFuel},
	{"entry-range", step.OutcomeBad, CodeEntry},
	{"entry-count", step.OutcomeBad, CodeProtocol},
	{"entry-kind", step.OutcomeBad, CodeEntry},
	{"entry-rule", step.OutcomeBad, CodeEntry},
	{"entry-slot", step.OutcomeBad, CodeEntry},
	{"entry-delta", step.OutcomeBad, CodeEntry},
	{"entry-target", step.OutcomeBad, CodeEntry},
	{"entry-label", step.OutcomeBad, CodeEntry},
	{"void-event", step.OutcomeBad, CodeEntry},
	{"result-grade", step.OutcomeBad, CodeResult},
	{"result-flags", step.OutcomeBad, CodeResult},
	{"result-hide", step.OutcomeBad, CodeResult},
	{"state-lie", step.OutcomeBad, CodeResult},
	{"wake-past", step.OutcomeBad, CodeWake},
	{"text-range", step.OutcomeBad, CodeResult},
	{"no-progress", step.OutcomeBad, CodeProgress},
	{"cursor-lie", step.OutcomeBad, CodeProtocol},
	{"negative", step.OutcomeBad, CodeProtocol},
	{"scribble", step.OutcomeTrap, CodeUnreachable},
}

func TestHostile_TablesNameEveryModule(t *testing.T) {
	listed := map[string]bool{"points": true}
	for _, h := range hostileAtLoad {
		listed[h.name] = true
	}
	for _, h := range hostileAtSlot {
		listed[h.name] = true
	}
	files, err := filepath.Glob("../../testdata/hostile/*.wat")
	require.NoError(t, err)
	for _, f := range files {
		assert.True(t, listed[strings.TrimSuffix(filepath.Base(f), ".wat")], f)
	}
	assert.Len(t, files, len(listed))
}

func TestHostile_FailsTheLoadByName(t *testing.T) {
	h := host(t, Options{})
	for _, tt := range hostileAtLoad {
		t.Run(tt.name, func(t *testing.T) {
			err := loadAndConfigure(h, packed(t, tt.name, plainManifest))
			require.ErrorIs(t, err, tt.want)
			assert.ErrorContains(t, err, tt.says)
		})
	}
}

func loadAndConfigure(h *Host, module []byte) error {
	ctx := context.Background()
	p, err := h.Load(ctx, module)
	if err != nil {
		return err
	}
	s, err := p.NewScorer(ctx, pointsSpec())
	if err != nil {
		return errors.Join(err, p.Close())
	}
	return errors.Join(s.Close(), p.Close())
}

func TestHostile_Manifests(t *testing.T) {
	h := host(t, Options{})
	manifest := func(s string) []byte { return packed(t, "points", s) }
	tests := []struct {
		name   string
		module []byte
		want   error
		says   string
	}{
		{"absent", fixture(t, "points"), ErrManifest, "sdk/README.md"},
		{"twice", meter.AppendCustom(manifest(plainManifest), abi.ManifestSection, nil), ErrManifest, "2 ripen.manifest sections"},
		{"huge", manifest(`"` + strings.Repeat("x", abi.MaxManifest) + `"`), ErrManifest, "at most 262144"},
		{"not JSON", manifest(`name = "x"`), ErrManifest, "JSON"},
		{"no name", manifest(`{"version": "1", "abi": "1.0"}`), ErrManifest, "name"},
		{"no abi", manifest(`{"name": "x", "version": "1"}`), ErrManifest, `abi is ""`},
		{"newer abi", manifest(`{"name": "x", "version": "1", "abi": "1.9"}`), ErrABI, "1.9"},
		{"unknown capability", manifest(`{"name": "x", "version": "1", "abi": "1.0", "capabilities": ["network"]}`), ErrManifest, "network"},
		{"state without capability", manifest(`{"name": "x", "version": "1", "abi": "1.0", "state": {"max": 16}}`), ErrDescriptor, "state maximum"},
		{"wants all memory", manifest(`{"name": "x", "version": "1", "abi": "1.0", "limits": {"memory_pages": 65536}}`), ErrMemory, "at most 1024"},
		{"wants too little memory", manifest(`{"name": "x", "version": "1", "abi": "1.0", "limits": {"memory_pages": 5}}`), ErrMemory, "begins with 6 pages of 64 KiB, its limit is 5"},
		{"wants all fuel", manifest(`{"name": "x", "version": "1", "abi": "1.0", "limits": {"fuel": 1000000000000}}`), ErrManifest, "at most 268435456"},
		{"oversized", make([]byte, abi.MaxModule+1), ErrSize, "10485761"},
		{"not a module", []byte("#!/bin/sh"), meter.ErrMalformed, "header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := h.Load(context.Background(), tt.module)
			require.ErrorIs(t, err, tt.want)
			assert.ErrorContains(t, err, tt.says)
		})
	}
}

// TestHostile_HarmsItsOwnSlotOnly scores the same slots in rounds of several
// sizes: the innocent ones get their points, the two others their verdict, and
// the round makes no difference.
func TestHostile_HarmsItsOwnSlotOnly(t *testing.T) {
	small, large := host(t, Options{Fuel: 2_000_000}), host(t, Options{})
	vs := make([]float64, 64)
	for i := range vs {
		vs[i] = float64(i) + 0.5
	}
	vs[0], vs[5], vs[63] = 666, 666, 666
	for _, tt := range hostileAtSlot {
		t.Run(tt.name, func(t *testing.T) {
			var verdict string
			h := small
			if tt.code == CodeStack {
				h = large // or fuel is used up before the stack
			}
			for _, round := range []int{64, 1, 7} {
				s := scorer(t, h, tt.name, plainManifest, pointsSpec())
				slots := slotsOf(vs...)
				for i := 0; i < len(slots); i += round {
					require.NoError(t, s.Score(slots[i:min(i+round, len(slots))], false))
					for k := i; k < min(i+round, len(slots)); k++ {
						verdict = checkSlot(t, &slots[k], vs[k], tt.kind, tt.code, verdict)
					}
				}
			}
		})
	}
}

func checkSlot(t *testing.T, s *step.Slot, v float64, kind step.OutcomeKind, code, verdict string) string {
	t.Helper()
	if v == 666 && kind != step.OutcomeOK {
		require.Equal(t, kind, s.Outcome.Kind, "%+v", s.Outcome)
		require.Equal(t, code, s.Outcome.Code, s.Outcome.Text)
		require.Empty(t, s.Entries)
		if verdict != "" {
			require.Equal(t, verdict, s.Outcome.Text, "the verdict depends on the round")
		}
		return s.Outcome.Text
	}
	require.Equal(t, step.Outcome{}, s.Outcome)
	require.Equal(t, []abi.Entry{{Kind: abi.EntryAward, Delta: int64(v * 1000)}}, s.Entries)
	return verdict
}

func TestHostile_LeavesNothingBehind(t *testing.T) {
	h := host(t, Options{Fuel: 2_000_000})
	before, heap := runtime.NumGoroutine(), heapInUse()
	for round := range 30 {
		for _, name := range []string{"trap", "memory-hoard", "spin"} {
			p, err := h.Load(context.Background(), packed(t, name, plainManifest))
			require.NoError(t, err)
			s, err := p.NewScorer(context.Background(), pointsSpec())
			require.NoError(t, err)
			for range 5 {
				require.NoError(t, s.Score(slotsOf(1, 666, 2, 666), false))
			}
			live := 0
			p.instances.Range(func(_, _ any) bool { live++; return true })
			require.Equal(t, 2, live, "round %d: an instance and a spare", round)
			require.NoError(t, s.Close())
			require.NoError(t, p.Close())
		}
	}
	requireGoroutines(t, before)
	assert.Less(t, heapInUse(), heap+8<<20, "bytes of heap kept after 450 broken calls")
}

// requireGoroutines waits until there are no more goroutines than before. One
// that runs finalizers counts while it does, so a single look can see one more.
func requireGoroutines(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestBreaker_CountsInputs(t *testing.T) {
	h := host(t, Options{})
	spec := pointsSpec()
	spec.Breaker = 3
	s := scorer(t, h, "trap", plainManifest, spec)

	slots := slotsOf(666, 666, 1, 666, 666, 666, 7, 666)
	require.NoError(t, s.Score(slots, false))
	var got []step.OutcomeKind
	for _, sl := range slots {
		got = append(got, sl.Outcome.Kind)
	}
	tr, ok, open := step.OutcomeTrap, step.OutcomeOK, step.OutcomeOpen
	assert.Equal(t, []step.OutcomeKind{tr, tr, ok, tr, tr, tr, open, open}, got)
	assert.Equal(t, Breaker{Failed: 3, Open: true, Skipped: 2}, s.Breaker())
	assert.Contains(t, slots[6].Outcome.Text, "failed 3 inputs in a row")

	// It survives a restart, and closes at the first trial that works.
	again := scorer(t, h, "trap", plainManifest, spec)
	again.SetBreaker(s.Breaker())
	slots = slotsOf(make([]float64, breakerTrial)...)
	require.NoError(t, again.Score(slots, false))
	for i := range slots {
		want := open
		if i >= breakerTrial-3 {
			want = ok
		}
		require.Equal(t, want, slots[i].Outcome.Kind, "slot %d", i)
	}
	assert.Equal(t, Breaker{}, again.Breaker())

	off := scorer(t, h, "trap", plainManifest, pointsSpec())
	slots = slotsOf(666, 666, 666, 666, 666, 1)
	require.NoError(t, off.Score(slots, false))
	assert.Equal(t, ok, slots[5].Outcome.Kind, "a limit of 0 never opens it")
}

func TestCacheDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	h := host(t, Options{CacheDir: dir})
	info, err := os.Stat(dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	scorer(t, h, "points", plainManifest, pointsSpec())
	files, err := filepath.Glob(dir + "/*/*")
	require.NoError(t, err)
	assert.NotEmpty(t, files, "compiled code is kept")

	require.NoError(t, os.Chmod(dir, 0o755))
	_, err = NewHost(Options{CacheDir: dir})
	require.ErrorIs(t, err, ErrCacheDir)
	assert.ErrorContains(t, err, "0755")
}

func ExampleReadManifest() {
	module := meter.AppendCustom([]byte("\x00asm\x01\x00\x00\x00"), abi.ManifestSection, []byte(plainManifest))
	m, err := ReadManifest(module)
	fmt.Println(m.Name, m.Version, err)
	// Output: fixture 1.0.0 <nil>
}

// TestSplits_CostFewInstances bounds what one culprit among a thousand costs:
// two instances with a cursor to point at it, about two for each halving without.
func TestSplits_CostFewInstances(t *testing.T) {
	h := host(t, Options{})
	for _, tt := range []struct {
		name   string
		splits uint64
	}{{"trap", 1}, {"no-cursor", 16}, {"spin", 3}} {
		s := scorer(t, h, tt.name, plainManifest, pointsSpec())
		vs := make([]float64, 1024)
		vs[700] = 666
		slots := slotsOf(vs...)
		before := s.plugin.Stats()
		require.NoError(t, s.Score(slots, false))
		after := s.plugin.Stats()
		assert.Equal(t, step.OutcomeTrap, slots[700].Outcome.Kind)
		assert.LessOrEqual(t, after.Splits-before.Splits, tt.splits, tt.name)
		assert.LessOrEqual(t, after.Instances-before.Instances, 2*tt.splits+2, tt.name)
		assert.Equal(t, uint64(1), after.Failed)
	}
}

// TestSplits_InnocentRoundsRunOut gives a round less fuel than it needs although
// no slot of it is to blame: all are answered, in rounds that fit from then on.
func TestSplits_InnocentRoundsRunOut(t *testing.T) {
	manifest := strings.Replace(plainManifest, `"schema"`, `"limits": {"fuel": 5000}, "schema"`, 1)
	s := scorer(t, host(t, Options{}), "points", manifest, pointsSpec())
	vs := make([]float64, 1000)
	for range 20 {
		slots := slotsOf(vs...)
		require.NoError(t, s.Score(slots, false))
		for i := range slots {
			require.Equal(t, step.OutcomeOK, slots[i].Outcome.Kind, "slot %d: %s", i, slots[i].Outcome.Text)
		}
	}
	st := s.plugin.Stats()
	assert.Positive(t, st.Splits)
	assert.Less(t, st.Splits*10, st.Calls, "the limit is learnt: %+v", st)
}

// TestLoad_EveryBeginningOfAModuleIsRefused cuts a module at each of its bytes.
func TestLoad_EveryBeginningOfAModuleIsRefused(t *testing.T) {
	h, raw := host(t, Options{}), fixture(t, "points")
	before := runtime.NumGoroutine()
	for n := range raw {
		cut := meter.AppendCustom(raw[:n:n], abi.ManifestSection, []byte(plainManifest))
		_, err := h.Load(t.Context(), cut)
		require.Error(t, err, "the first %d bytes of %d", n, len(raw))
		require.NotEmpty(t, err.Error())
	}
	require.NoError(t, loadAndConfigure(h, packed(t, "points", plainManifest)))
	requireGoroutines(t, before)
}

// TestHostile_TheReadmeNamesTestsThatExist looks for the tests in the table of
// bad input.
func TestHostile_TheReadmeNamesTestsThatExist(t *testing.T) {
	text, err := os.ReadFile("../../testdata/hostile/README.md")
	require.NoError(t, err)
	named := regexp.MustCompile("`([a-z/]+)\\.((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(named), 20)
	for _, n := range named {
		files, err := filepath.Glob(filepath.Join("../..", filepath.FromSlash(n[1]), "*_test.go"))
		require.NoError(t, err)
		found := false
		for _, f := range files {
			src, err := os.ReadFile(f)
			require.NoError(t, err)
			found = found || strings.Contains(string(src), "func "+n[2]+"(")
		}
		assert.True(t, found, "%s.%s", n[1], n[2])
	}
}
