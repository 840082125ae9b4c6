package meter

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
)

// BenchmarkLoop is the dearest case for the rewriter: a loop of eight
// instructions that does nothing but turn.
func BenchmarkLoop(b *testing.B) {
	raw := fixture(b, "spin")
	out, _ := metered(b, raw)
	for _, v := range []struct {
		name   string
		module []byte
	}{{"fuel=no", raw}, {"fuel=yes", out}} {
		b.Run(v.name, func(b *testing.B) {
			ctx := context.Background()
			rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(features))
			defer rt.Close(ctx)
			m, err := rt.Instantiate(ctx, v.module)
			require.NoError(b, err)
			f := m.ExportedFunction("triangle")
			if m.ExportedGlobal(FuelExport) != nil {
				tank(m).Set(1 << 62)
			}
			stack := make([]uint64, 1)
			b.ReportAllocs()
			for b.Loop() {
				stack[0] = 10_000
				if err := f.CallWithStack(ctx, stack); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRewrite reports the speed of the rewriter itself.
func BenchmarkRewrite(b *testing.B) {
	raw := fixture(b, "features")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Rewrite(raw); err != nil {
			b.Fatal(err)
		}
	}
}
