package wasm

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// BenchmarkInstance makes configured instances of modules, and puts one back to
// what it was.
func BenchmarkInstance(b *testing.B) {
	for _, tt := range []struct{ name, file, manifest string }{
		{"c", "../../testdata/modules/c-trap.wasm", "../../testdata/modules/trap.manifest.json"},
		{"go", "../../build/examples/traplike.wasm", ""},
	} {
		b.Run(tt.name, func(b *testing.B) {
			module, err := os.ReadFile(tt.file)
			require.NoError(b, err)
			if tt.manifest != "" {
				text, err := os.ReadFile(tt.manifest)
				require.NoError(b, err)
				module = meter.AppendCustom(module, abi.ManifestSection, text)
			}
			h := host(b, Options{})
			p, err := h.Load(context.Background(), module)
			require.NoError(b, err)
			defer func() { require.NoError(b, p.Close()) }()
			config := abi.AppendConfig(nil, []abi.Node{{Kind: abi.NodeObject}})
			b.Run("make", func(b *testing.B) {
				for b.Loop() {
					inst, _, err := p.configured(context.Background(), config)
					require.NoError(b, err)
					inst.close()
				}
			})
			b.Run("restore", func(b *testing.B) {
				inst, _, err := p.configured(context.Background(), config)
				require.NoError(b, err)
				defer inst.close()
				m := newImage(inst)
				b.ReportMetric(float64(m.memory)/1024, "KiB")
				for b.Loop() {
					require.True(b, m.restore(inst))
				}
			})
		})
	}
}
