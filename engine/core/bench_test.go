package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
)

// BenchmarkCore measures one event in steady state: every lead is known, its
// buckets exist, batches hold 1,000 events, half an hour each; with ticks, one
// for each batch. The scorers are plain Go, so that only the host's own work
// shows.
func BenchmarkCore(b *testing.B) {
	for _, c := range []struct {
		leads int
		ticks bool
	}{{100, false}, {10_000, false}, {10_000, true}} {
		leads := c.leads
		b.Run(fmt.Sprintf("leads=%d/ticks=%t", leads, c.ticks), func(b *testing.B) {
			e := newEngine(b, scoretest.Config{NoGuard: true}, core.Options{})
			keys := make([]string, leads)
			for i := range keys {
				keys[i] = fmt.Sprintf("lead-%d", i)
			}
			const batch = 1000
			inputs := make([]core.Input, batch)
			ids := make([]string, batch)
			n, at := 0, start
			fill := func() {
				for i := range inputs {
					name := []string{"Email Opened", "/pricing", "Logged In", "Unheard Of"}[n%4]
					ids[i] = fmt.Sprintf("e%d", n)
					if i == 0 && c.ticks {
						inputs[i] = tick(at)
						continue
					}
					inputs[i] = event(ids[i], keys[(n*7919)%leads], name, at)
					n++
				}
				at += day / 48
			}
			for range 2*leads/batch + 100 {
				fill()
				e.out.Reset()
				require.NoError(b, e.Run(inputs, &e.out))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for done := 0; done < b.N; done += batch {
				b.StopTimer()
				fill()
				b.StartTimer()
				e.out.Reset()
				if err := e.Run(inputs, &e.out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
