package wasm

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// held is all that a guest can see of its past: memory and mutable globals.
func held(i *instance) (memory []byte, globals []uint64) {
	all, _ := i.mem.Read(0, i.mem.Size())
	for _, g := range i.globals() {
		globals = append(globals, g.Get())
	}
	return bytes.Clone(all), globals
}

// TestImage_MakesABrokenInstanceANewOne scribbles over instances of every module
// of the hostile ones that scores, and compares what is put back with one that
// was made anew, byte for byte.
func TestImage_MakesABrokenInstanceANewOne(t *testing.T) {
	h := host(t, Options{Fuel: 2_000_000})
	restored := 0
	for _, tt := range hostileAtSlot {
		t.Run(tt.name, func(t *testing.T) {
			s := scorer(t, h, tt.name, plainManifest, pointsSpec())
			p := s.plugin
			broken, _, err := p.configured(t.Context(), s.spec.Config)
			require.NoError(t, err)
			defer broken.close()
			m := newImage(broken)
			if p.info.Sticky {
				require.Nil(t, m, "it can change more than that")
				return
			}
			b := broken.bytes()
			n, f := s.lay.fill(b, slotsOf(1, 666, 2), false)
			require.Nil(t, f)
			s.lay.begin(b, 0)
			broken.stack[0], broken.calls = uint64(n), 7
			_ = broken.call(broken.process, 2_000_000)
			if broken.mem.Size() != m.memory {
				require.False(t, m.restore(broken), "memory never shrinks")
				return
			}
			all, _ := broken.mem.Read(0, broken.mem.Size())
			for i := range all {
				all[i] ^= byte(i*31 + 7)
			}
			for _, g := range broken.globals() {
				g.Set(g.Get() ^ 0x55)
			}
			require.True(t, m.restore(broken))
			restored++
			fresh, _, err := p.configured(t.Context(), s.spec.Config)
			require.NoError(t, err)
			defer fresh.close()
			wantMemory, wantGlobals := held(fresh)
			memory, globals := held(broken)
			require.True(t, bytes.Equal(wantMemory, memory))
			require.Equal(t, wantGlobals, globals)
			require.Equal(t, []uint32{fresh.arena, fresh.size, uint32(fresh.calls)}, []uint32{broken.arena, broken.size, uint32(broken.calls)})
		})
	}
	assert.Greater(t, restored, 20)
}

// TestImage_OfOtherLanguages does so with what compilers make.
func TestImage_OfOtherLanguages(t *testing.T) {
	trap, err := os.ReadFile("../../testdata/modules/trap.manifest.json")
	require.NoError(t, err)
	h := host(t, Options{CacheDir: filepath.Join("..", "..", "build", "plugin-cache")})
	for file, manifest := range map[string]string{
		"testdata/modules/c-trap.wasm": string(trap), "testdata/modules/rust-quotesize.wasm": plainManifest, "testdata/modules/as-quotesize.wasm": plainManifest,
		"build/examples/traplike.wasm": "",
	} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			module, err := os.ReadFile(filepath.Join("../..", file))
			require.NoError(t, err, "run make plugins")
			info, err := meter.Inspect(module)
			require.NoError(t, err)
			if _, n := info.Custom(abi.ManifestSection); n == 0 {
				module = meter.AppendCustom(module, abi.ManifestSection, []byte(manifest))
			}
			p, err := h.Load(t.Context(), module)
			require.NoError(t, err)
			defer func() { require.NoError(t, p.Close()) }()
			made := func() *instance {
				inst, _, err := p.configured(t.Context(), abi.AppendConfig(nil, []abi.Node{{Kind: abi.NodeObject}}))
				require.NoError(t, err)
				t.Cleanup(inst.close)
				return inst
			}
			same := func(want, got *instance) {
				wantMemory, wantGlobals := held(want)
				memory, globals := held(got)
				require.True(t, bytes.Equal(wantMemory, memory))
				require.Equal(t, wantGlobals, globals)
			}
			one, two := made(), made()
			require.False(t, p.info.Sticky)
			m := newImage(one)
			_ = one.call(one.process, 100_000) // whatever it makes of an arena without a header
			require.Equal(t, m.memory, one.mem.Size())
			all, _ := one.mem.Read(0, m.memory)
			for i := range all {
				all[i] = ^all[i]
			}
			require.True(t, m.restore(one))
			same(two, one)
			one.stack[0], two.stack[0] = 3, 3
			_, _ = one.call(one.process, 100_000), two.call(two.process, 100_000)
			same(two, one)
		})
	}
}

// TestSpare_FaultsMakeNoInstances breaks a plugin again and again: the instances
// that there were at the beginning do.
func TestSpare_FaultsMakeNoInstances(t *testing.T) {
	s := scorer(t, host(t, Options{}), "trap", plainManifest, pointsSpec())
	vs := make([]float64, 256)
	for i := range vs {
		vs[i] = float64(i)
	}
	for round := range 50 {
		vs[(round*37)%256] = 666
		slots := slotsOf(vs...)
		require.NoError(t, s.Score(slots, false))
		for i := range slots {
			want := step.OutcomeOK
			if vs[i] == 666 {
				want = step.OutcomeTrap
			}
			require.Equal(t, want, slots[i].Outcome.Kind, "round %d, slot %d", round, i)
		}
	}
	st := s.plugin.Stats()
	assert.LessOrEqual(t, st.Instances, uint64(4), "%+v", st)
	assert.Greater(t, st.Restored, uint64(50), "%+v", st)
}
