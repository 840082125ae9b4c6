package wasm

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// described is the well-behaved fixture with another minor version and other
// capabilities in its descriptor, and a manifest.
func described(t testing.TB, minor uint32, caps uint64, manifest string) []byte {
	t.Helper()
	module := fixture(t, "points")
	magic := binary.LittleEndian.AppendUint32(nil, abi.DescriptorMagic)
	at := bytes.Index(module, magic)
	require.Positive(t, at)
	require.Equal(t, at, bytes.LastIndex(module, magic))
	binary.LittleEndian.PutUint32(module[at+4:], minor)
	binary.LittleEndian.PutUint64(module[at+8:], caps)
	return meter.AppendCustom(module, abi.ManifestSection, []byte(manifest))
}

func speaking(minor int, more string) string {
	return fmt.Sprintf(`{"name": "fixture", "version": "1.0.0", "abi": "%d.%d", "schema": {}%s}`, abi.Major, minor, more)
}

func TestContract_WhatANewerModuleWantsIsNamed(t *testing.T) {
	const next = abi.Minor + 1
	one := uint64(abi.KnownCaps) + 1 // the first bit that is free
	require.Zero(t, one&(one-1))
	h := host(t, Options{})
	for name, c := range map[string]struct {
		module []byte
		want   error
		says   []string
	}{
		"a newer minor version": {described(t, next, 0, speaking(next, "")), ErrABI,
			[]string{fmt.Sprintf("says abi 1.%d", next), fmt.Sprintf("runs 1.0 to 1.%d", abi.Minor), "install a newer engine or rebuild"}},
		"a newer minor version than its manifest says": {described(t, next, 0, speaking(abi.Minor, "")), ErrDescriptor,
			[]string{fmt.Sprintf("contract minor version is %d, expected %d", next, abi.Minor)}},
		"a capability bit that nobody knows": {described(t, abi.Minor, one, speaking(abi.Minor, "")), ErrDescriptor,
			[]string{fmt.Sprintf("capability bits %#x", one), "knows [ledger memoryless pure state timers void]", "newer engine"}},
		"the highest of them": {described(t, abi.Minor, 1<<63|abi.CapPure, speaking(abi.Minor, `, "capabilities": ["pure"]`)), ErrDescriptor,
			[]string{"capability bits 0x8000000000000000,"}},
		"a capability that nobody knows by name": {described(t, abi.Minor, 0, speaking(abi.Minor, `, "capabilities": ["telepathy"]`)), ErrManifest,
			[]string{`capability "telepathy"`, "knows [ledger memoryless pure state timers void]"}},
		"another major version": {described(t, 0, 0, `{"name": "fixture", "version": "1.0.0", "abi": "2.0", "schema": {}}`), ErrABI,
			[]string{"says abi 2.0", "runs 1.0 to"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Load(context.Background(), c.module)
			require.ErrorIs(t, err, c.want)
			for _, said := range c.says {
				assert.ErrorContains(t, err, said)
			}
		})
	}
}

// TestContract_OlderMinorVersionsAreTaken runs modules of all minor versions on
// an engine of a later one, which knows a capability more.
func TestContract_OlderMinorVersionsAreTaken(t *testing.T) {
	const bit = abi.KnownCaps + 1
	today, later := host(t, Options{}), host(t, Options{})
	later.speaks = contract{minor: 3, caps: maps.Clone(abi.CapNames)}
	later.speaks.caps["foresight"] = bit
	for minor := range 4 {
		require.NoError(t, loadAndConfigure(later, described(t, uint32(minor), 0, speaking(minor, ""))))
		sees := described(t, uint32(minor), bit|abi.CapPure, speaking(minor, `, "capabilities": ["foresight", "pure"]`))
		require.NoError(t, loadAndConfigure(later, sees))
		require.Error(t, loadAndConfigure(today, sees))
	}
	s := scorerOf(t, later, described(t, 1, 0, speaking(1, "")))
	slots := slotsOf(1.5, 2)
	require.NoError(t, s.Score(slots, false))
	require.Equal(t, []abi.Entry{{Kind: abi.EntryAward, Delta: 1500}}, slots[0].Entries)

	err := loadAndConfigure(later, described(t, 4, 0, speaking(4, "")))
	require.ErrorIs(t, err, ErrABI)
	require.ErrorContains(t, err, "says abi 1.4, this engine runs 1.0 to 1.3")
	err = loadAndConfigure(later, described(t, 0, bit<<1, speaking(0, "")))
	require.ErrorIs(t, err, ErrDescriptor)
	require.ErrorContains(t, err, "this engine, of contract 1.3, knows [foresight ledger memoryless pure state timers void]")
}

func scorerOf(t testing.TB, h *Host, module []byte) *Scorer {
	t.Helper()
	p, err := h.Load(context.Background(), module)
	require.NoError(t, err)
	s, err := p.NewScorer(context.Background(), pointsSpec())
	require.NoError(t, err)
	require.NoError(t, p.Close())
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestContract_CapabilitiesHaveNames(t *testing.T) {
	var all uint64
	for _, bit := range abi.CapNames {
		require.Zero(t, all&bit, "a bit has one name")
		all |= bit
	}
	require.EqualValues(t, abi.KnownCaps, all)
}

// also exports the marker under other names as well.
func also(t testing.TB, module []byte, without bool, markers ...string) []byte {
	t.Helper()
	const exportSection = 7
	out := append([]byte(nil), module[:8]...)
	for at := 8; at < len(module); {
		id := module[at]
		size, n := binary.Uvarint(module[at+1:])
		body := module[at+1+n : at+1+n+int(size)]
		at += 1 + n + int(size)
		if id == exportSection {
			body = moreExports(t, body, without, markers)
		}
		out = append(binary.AppendUvarint(append(out, id), uint64(len(body))), body...)
	}
	return out
}

func moreExports(t testing.TB, body []byte, without bool, markers []string) []byte {
	t.Helper()
	count, n := binary.Uvarint(body)
	var list []byte
	kept, function := uint64(0), []byte(nil)
	for rest := body[n:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest)
		name := string(rest[n : n+int(size)])
		_, index := binary.Uvarint(rest[n+int(size)+1:])
		entry := rest[:n+int(size)+1+index]
		rest = rest[len(entry):]
		if name == abi.ExportMarker {
			function = entry[n+int(size):]
		}
		if name != abi.ExportMarker || !without {
			list, kept = append(list, entry...), kept+1
		}
	}
	require.NotNil(t, function)
	require.LessOrEqual(t, kept, count)
	for _, name := range markers {
		list = append(append(binary.AppendUvarint(list, uint64(len(name))), name...), function...)
	}
	return append(binary.AppendUvarint(nil, kept+uint64(len(markers))), list...)
}

// TestContract_ASecondMajorVersionMayStandBeside: a module can speak several
// versions, and each engine takes the one that it speaks.
func TestContract_ASecondMajorVersionMayStandBeside(t *testing.T) {
	h := host(t, Options{})
	pack := func(module []byte) []byte {
		return meter.AppendCustom(module, abi.ManifestSection, []byte(plainManifest))
	}
	points := fixture(t, "points")
	require.NoError(t, loadAndConfigure(h, pack(also(t, points, false, "ripen_abi_v2"))))
	require.NoError(t, loadAndConfigure(h, pack(also(t, points, false, "ripen_abi_v2", "ripen_abi_v7"))))

	_, err := h.Load(context.Background(), pack(also(t, points, true, "ripen_abi_v2")))
	require.ErrorIs(t, err, ErrABI)
	require.ErrorContains(t, err, "speaks ripen_abi_v2, this engine speaks ripen_abi_v1; install a newer engine")
	_, err = h.Load(context.Background(), pack(also(t, points, true, "ripen_abi_v2", "ripen_abi_v3")))
	require.ErrorContains(t, err, "speaks ripen_abi_v2 and ripen_abi_v3, this engine speaks ripen_abi_v1")
	_, err = h.Load(context.Background(), pack(also(t, points, true)))
	require.ErrorIs(t, err, ErrABI)
	require.ErrorContains(t, err, "not a Ripen plugin")
}
