package lineage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOrder_RoundTrip(t *testing.T) {
	for _, o := range []Order{
		{Op: Start, Workflow: "w", Release: Release{Number: 1, Model: "ab"}, Origin: FromEmpty, First: true},
		{Op: Start, Workflow: "w", Release: Release{Number: 2, Digest: "cd", Model: "ab"}, Origin: FromHistory, Cut: 86_400_000},
		{Op: Switch, Workflow: "w", Lineage: 7, OnRelease: Drip, PerDay: 10, Total: 95, Keep: 1000, Recall: true, Since: 5},
		{Op: Switch, Workflow: "w", Release: Release{Number: 3, Model: "ef"}, InPlace: true, OnRelease: Mark},
		{Op: Stop, Workflow: "w", Lineage: 7},
	} {
		data, err := o.Encode()
		require.NoError(t, err)
		got, err := DecodeOrder(data)
		require.NoError(t, err)
		assert.Equal(t, &o, got)
	}
}

func TestOrder_WhatIsWrongIsSaid(t *testing.T) {
	for text, o := range map[string]Order{
		"names no workflow":    {Op: Stop, Lineage: 1},
		"expected start":       {Op: "go", Workflow: "w"},
		"origin \"\"":          {Op: Start, Workflow: "w", Release: Release{Number: 1, Model: "a"}},
		"names no lineage":     {Op: Switch, Workflow: "w"},
		"names no release":     {Op: Start, Workflow: "w", Origin: FromFork},
		"on_release \"now\"":   {Op: Switch, Workflow: "w", Lineage: 1, OnRelease: "now"},
		"0 leads a day":        {Op: Switch, Workflow: "w", Lineage: 1, OnRelease: Drip},
		"leads are newly true": {Op: Switch, Workflow: "w", Lineage: 1, Total: 1 << 60},
		"keep of 9223":         {Op: Switch, Workflow: "w", Lineage: 1, Keep: 1<<63 - 1},
		"a cut at -1 ms":       {Op: Start, Workflow: "w", Release: Release{Number: 1, Model: "a"}, Origin: FromHistory, Cut: -1},
		"keep of 5 ms":         {Op: Switch, Workflow: "w", InPlace: true, Release: Release{Number: 1, Model: "a"}, Keep: 5},
	} {
		_, err := o.Encode()
		require.ErrorIs(t, err, ErrOrder)
		assert.ErrorContains(t, err, text)
	}
}

func FuzzDecodeOrder(f *testing.F) {
	f.Add([]byte(`{"op":"start","workflow":"w","release":{"number":1,"model":"ab"},"origin":"empty"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := DecodeOrder(data)
		if err != nil {
			return
		}
		again, err := o.Encode()
		require.NoError(t, err)
		got, err := DecodeOrder(again)
		require.NoError(t, err)
		assert.Equal(t, o, got)
	})
}
