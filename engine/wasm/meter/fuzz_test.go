package meter

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
)

// FuzzRewrite holds the rewriter to three promises: no input makes it panic; what
// it accepts the runtime accepts before metering exactly when it accepts it after
// (so metering neither breaks a module nor makes an invalid one valid); and a
// module does the same as before as long as fuel lasts.
func FuzzRewrite(f *testing.F) {
	names, err := filepath.Glob("testdata/*.wasm")
	require.NoError(f, err)
	for _, n := range names {
		b, err := os.ReadFile(n)
		require.NoError(f, err)
		f.Add(b)
	}
	for _, code := range [][]byte{
		{opEnd},
		{opLoop, blockEmpty, 0x0c, 0, opEnd, opEnd},
		{opI32Const, 0, opI32Const, 0, opI32Const, 9, opMisc, miscMemoryFill, 0, opEnd},
		{opBlock, blockEmpty, opI32Const, 1, 0x0d, 0, opUnreachable, opEnd, opEnd},
	} {
		f.Add(assemble(func(b *asm) { b.function(code) }))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, info, err := Rewrite(raw)
		if err != nil {
			return
		}
		ctx := context.Background()
		cfg := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithMemoryLimitPages(4)
		rt := wazero.NewRuntimeWithConfig(ctx, cfg)
		defer rt.Close(ctx)
		raw = withoutNames(t, raw)
		_, before := rt.CompileModule(ctx, raw)
		_, after := rt.CompileModule(ctx, out)
		if before != nil && strings.Contains(before.Error(), "custom") {
			return // wazero refuses an empty custom section at the end
		}
		require.Equal(t, before == nil, after == nil, "original: %v\nmetered: %v", before, after)
		if before == nil && len(info.Exports) <= 64 && info.Memory.Min <= 4 {
			agree(t, raw, 1<<20)
		}
	})
}

// withoutNames takes the debug names out, as Rewrite does: damaged ones make the
// runtime allocate gigabytes.
func withoutNames(t *testing.T, raw []byte) []byte {
	m, err := parse(raw)
	require.NoError(t, err)
	w := writer{m: m}
	out := append([]byte(nil), magic...)
	for _, s := range m.sections {
		if s.id != secCustom || !w.isNames(s) {
			out = append(out, raw[s.start:s.next]...)
		}
	}
	return out
}
