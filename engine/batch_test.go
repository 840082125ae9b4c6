package engine_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
)

// BenchmarkBatch is the part of the drain that is ours alone: bytes to events
// to scores to decisions, in micro-batches, without a server.
func BenchmarkBatch(b *testing.B) {
	w := loadWorkflow(b, drainWorkflow)
	crew, err := w.NewCrew(context.Background())
	require.NoError(b, err)
	defer crew.Close()
	c := core.New(crew.Program, core.Options{})
	r := rand.New(rand.NewPCG(1, 2))
	const batch = 4096
	dec := intake.NewDecoder(intake.Options{})
	raws := make([][]byte, 0, 400_000)
	for i := range 400_000 {
		_, raw := drainEvent(r, i)
		raws = append(raws, raw)
	}
	inputs := make([]core.Input, 0, batch)
	var out core.Output
	n := 0
	b.ReportAllocs()
	b.ResetTimer()
	used, events, deltas := time.Duration(0), 0, 0
	cpu := processCPU()
	for b.Loop() {
		ev, refused := dec.Decode(raws[n%len(raws)], 0)
		require.Nil(b, refused)
		inputs = append(inputs, core.Input{Event: ev})
		if n++; n%len(raws) == 0 {
			b.StopTimer() // the ids are all known now: start over
			used += processCPU() - cpu
			c = core.New(crew.Program, core.Options{})
			cpu = processCPU()
			b.StartTimer()
		}
		if len(inputs) < batch {
			continue
		}
		out.Reset()
		if err := c.Run(inputs, &out); err != nil {
			b.Fatal(err)
		}
		events += len(inputs)
		deltas += len(out.Deltas)
		inputs = inputs[:0]
	}
	b.ReportMetric(float64((used+processCPU()-cpu).Nanoseconds())/float64(max(events, 1)), "cpu-ns/event")
	b.ReportMetric(float64(deltas)/float64(max(events, 1)), "delta-bytes/event")
}
