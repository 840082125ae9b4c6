package wasm

import (
	"context"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// withFunctions is the points module with n more functions that nobody calls,
// each with body for its code.
func withFunctions(t testing.TB, n int, body []byte) []byte {
	t.Helper()
	raw := fixture(t, "points")
	out := append([]byte(nil), raw[:8]...)
	code := binary.AppendUvarint(nil, uint64(len(body)+1))
	code = append(append(code, 0), body...) // no locals
	for pos := 8; pos < len(raw); {
		size, w := binary.Uvarint(raw[pos+1:])
		id, from := raw[pos], pos+1+w
		b := raw[from : from+int(size)]
		pos = from + int(size)
		switch id {
		case 1: // a type more: () -> ()
			count, w := binary.Uvarint(b)
			b = append(append(binary.AppendUvarint(nil, count+1), b[w:]...), 0x60, 0, 0)
		case 3:
			count, w := binary.Uvarint(b)
			b = append(binary.AppendUvarint(nil, count+uint64(n)), b[w:]...)
			for range n {
				b = binary.AppendUvarint(b, typesOf(raw))
			}
		case 10:
			count, w := binary.Uvarint(b)
			b = append(binary.AppendUvarint(nil, count+uint64(n)), b[w:]...)
			for range n {
				b = append(b, code...)
			}
		}
		out = append(out, id)
		out = append(binary.AppendUvarint(out, uint64(len(b))), b...)
	}
	return meter.AppendCustom(out, abi.ManifestSection, []byte(plainManifest))
}

// typesOf is how many types a module has.
func typesOf(raw []byte) uint64 {
	size, w := binary.Uvarint(raw[9:])
	_ = size
	n, _ := binary.Uvarint(raw[9+w:])
	return n
}

// straight is code of about n bytes without a branch.
func straight(n int) (body []byte) {
	for range n / 13 {
		body = append(body, 0x41, 8, 0x41, 16, 0x28, 2, 0, 0x41, 1, 0x6a, 0x36, 2, 0) // [8] = [16] + 1
	}
	return append(body, 0x0b)
}

// TestLarge_AModuleOfTheGreatestSize loads, whatever fills it; a byte more does
// not.
func TestLarge_AModuleOfTheGreatestSize(t *testing.T) {
	h := host(t, Options{})
	raw := packed(t, "points", plainManifest)
	fill := func(size int) []byte {
		for n := size - len(raw); ; n-- {
			if m := meter.AppendCustom(raw, "filler", make([]byte, n)); len(m) <= size {
				return m
			}
		}
	}
	most := fill(abi.MaxModule)
	require.Len(t, most, abi.MaxModule)
	p, err := h.Load(t.Context(), most)
	require.NoError(t, err)
	require.NoError(t, p.Close())
	_, err = h.Load(t.Context(), append(most, 0))
	require.ErrorIs(t, err, ErrSize)
	require.ErrorContains(t, err, "10485761 bytes, at most 10485760")
}

// TestLarge_OneFunctionOfManyMegabytes would cost the compiler a kilobyte of
// memory for each of its bytes.
func TestLarge_OneFunctionOfManyMegabytes(t *testing.T) {
	h, before := host(t, Options{}), heapInUse()
	for _, size := range []int{meter.MaxBody + 100, 2_000_000} {
		_, err := h.Load(t.Context(), withFunctions(t, 1, straight(size)))
		require.ErrorIs(t, err, meter.ErrLimit)
		require.ErrorContains(t, err, "bytes of code, at most 131072")
	}
	require.Less(t, heapInUse(), before+32<<20)
	p, err := h.Load(t.Context(), withFunctions(t, 1, straight(meter.MaxBody-100)))
	require.NoError(t, err)
	require.NoError(t, p.Close())
}

// TestLarge_WhatCompilesSlowlyCanBeGivenUp takes back a load that would take many
// seconds, while another plugin is at work.
func TestLarge_WhatCompilesSlowlyCanBeGivenUp(t *testing.T) {
	h := host(t, Options{})
	s := scorer(t, h, "points", plainManifest, pointsSpec())
	module := withFunctions(t, 30_000, straight(150))
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	began := time.Now()
	go func() {
		_, err := h.Load(ctx, module)
		done <- err
	}()
	for range 20 {
		slots := slotsOf(1, 2, 3)
		require.NoError(t, s.Score(slots, false))
		require.Equal(t, step.OutcomeOK, slots[2].Outcome.Kind)
		time.Sleep(10 * time.Millisecond)
	}
	select {
	case err := <-done:
		t.Fatalf("it was to be slow; ended after %s: %v", time.Since(began), err)
	default:
	}
	cancel()
	err := <-done
	require.ErrorIs(t, err, ErrModule)
	require.ErrorIs(t, err, context.Canceled)
	requireGoroutines(t, before)
}

func BenchmarkLarge(b *testing.B) {
	h := host(b, Options{})
	for _, tt := range []struct {
		name string
		n    int
		body []byte
	}{
		{"small functions", 100_000, straight(90)},
		{"large functions", 80, straight(meter.MaxBody - 100)},
	} {
		b.Run(tt.name, func(b *testing.B) {
			module := withFunctions(b, tt.n, tt.body)
			b.ReportMetric(float64(len(module)), "bytes")
			for b.Loop() {
				p, err := h.Load(b.Context(), module)
				require.NoError(b, err)
				require.NoError(b, p.Close())
			}
		})
	}
}
