package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
)

// BenchmarkSwitch measures a switch in place of 10,000 leads, there and back
// again: with another text and the same accounts, with accounts of another
// shape, and with other plugins alone.
func BenchmarkSwitch(b *testing.B) {
	for _, c := range []struct {
		name  string
		to    int
		basis bool
	}{{"other-plugins", 0, true}, {"same-shape", 2, false}, {"other-shape", 1, false}} {
		b.Run(c.name, func(b *testing.B) {
			const leads = 10_000
			e := release(b, 0, scoretest.Config{NoGuard: true}, core.Options{})
			var inputs []core.Input
			for n := range 4 * leads {
				name := []string{"Email Opened", "/pricing", "Logged In", "Email Opened"}[n/leads]
				inputs = append(inputs, event(fmt.Sprint(n), fmt.Sprint("lead-", n%leads), name, start+int64(n/leads)*day))
			}
			e.feed(append(inputs, tick(start+4*day)), 1000)
			kits := []core.Program{program(releaseKit(c.to, scoretest.Config{NoGuard: true})), program(releaseKit(0, scoretest.Config{NoGuard: true}))}
			if c.basis {
				e.Program().Policy.Basis, kits[0].Policy.Basis, kits[1].Policy.Basis = "x", "x", "x"
			}
			var out core.Output
			deltas, changes := 0, 0
			b.ReportAllocs()
			b.ResetTimer()
			for n := range b.N {
				require.NoError(b, e.Reprogram(kits[n%2]))
				out.Reset()
				_, done, err := e.SwitchFrom(e.Core, &core.Switch{Release: "2", At: start + 4*day}, "", 0, &out)
				require.NoError(b, err)
				require.True(b, done)
				deltas, changes = deltas+len(out.Deltas), changes+len(out.Changes)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/leads, "ns/lead")
			b.ReportMetric(float64(deltas)/float64(b.N)/leads, "delta-bytes/lead")
			b.ReportMetric(float64(changes)/float64(b.N)/leads, "changed/lead")
		})
	}
}
