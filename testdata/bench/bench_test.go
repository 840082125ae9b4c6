package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVariants_Agree: what is measured computes the same.
func TestVariants_Agree(t *testing.T) {
	ctx := context.Background()
	w, crew, err := load(ctx, "workflow")
	require.NoError(t, err)
	defer w.Close()
	defer crew.Close()
	list, err := variants(ctx, "workflow", w.Model.Book, crew)
	require.NoError(t, err)
	awards, err := agree(list[:inGoByHeart])
	require.NoError(t, err)
	require.NotZero(t, awards)
	require.Zero(t, list[inPlugin].allocs(), "scoring a round allocates")
}

// BenchmarkPlugin is the shipped plugin alone, for profiles.
func BenchmarkPlugin(b *testing.B) {
	ctx := context.Background()
	w, crew, err := load(ctx, "workflow")
	require.NoError(b, err)
	defer w.Close()
	defer crew.Close()
	round := newPlugin(events(), w.Model.Book, crew.Steps[0], crew.Scorers[0])
	b.ReportAllocs()
	for b.Loop() {
		if err := round.score(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rounds*roundSize), "ns/event")
}
