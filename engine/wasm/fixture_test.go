package wasm

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

const plainManifest = `{"name": "fixture", "version": "1.0.0", "abi": "1.0", "schema": {}}`

// fixture reads one module of testdata/hostile, without a manifest.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "hostile", name+".wasm"))
	require.NoError(t, err)
	return b
}

func packed(t testing.TB, name, manifest string) []byte {
	t.Helper()
	return meter.AppendCustom(fixture(t, name), abi.ManifestSection, []byte(manifest))
}

func host(t testing.TB, opts Options) *Host {
	t.Helper()
	h, err := NewHost(opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

// pointsNeeds is what the fixtures are given as their configuration and answer.
func pointsNeeds() *abi.Needs {
	return &abi.Needs{
		Inputs: []abi.Input{{Kind: abi.InputNumber, Source: abi.FromProp, Name: "v"}},
		Rules:  []abi.Rule{{Name: "points"}},
	}
}

func pointsSpec() *step.Spec {
	n := pointsNeeds()
	return &step.Spec{
		Name: "points", Needs: n, Config: abi.AppendNeeds(nil, n), Rules: []int{0},
		Project: []step.Projector{func(f *ledger.Frame) (uint64, string, bool) {
			v := f.Event.Props.Get("v")
			return abi.FloatBits(v.Num), "", v.Kind == lead.Number
		}},
	}
}

// now is the clock of all slots in tests, ms.
const now = 1_700_000_000_000

// slotsOf makes one slot for each v.
func slotsOf(vs ...float64) []step.Slot {
	slots := make([]step.Slot, len(vs))
	for i, v := range vs {
		ev := &lead.Event{Props: lead.Props{{Name: "v", Value: lead.NumberOf(v)}}}
		slots[i] = step.Slot{Frame: &ledger.Frame{Event: ev, At: now, Now: now}, Kind: abi.SlotEvent, Seed: uint64(i)}
	}
	return slots
}

// scorer loads a fixture and configures it.
func scorer(t testing.TB, h *Host, name, manifest string, spec *step.Spec) *Scorer {
	t.Helper()
	ctx := context.Background()
	p, err := h.Load(ctx, packed(t, name, manifest))
	require.NoError(t, err)
	s, err := p.NewScorer(ctx, spec)
	require.NoError(t, err)
	require.NoError(t, p.Close(), "the scorer keeps it loaded")
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
