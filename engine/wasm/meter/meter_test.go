package meter

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const features = api.CoreFeaturesV2 &^ api.CoreFeatureSIMD

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".wasm"))
	require.NoError(t, err)
	return b
}

func metered(t testing.TB, raw []byte) ([]byte, Info) {
	t.Helper()
	out, info, err := Rewrite(raw)
	require.NoError(t, err)
	return out, info
}

// start instantiates a module in a runtime of its own, with env.wat beside it.
func start(t testing.TB, module []byte) (api.Module, error) {
	t.Helper()
	ctx := context.Background()
	cfg := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithMemoryLimitPages(4)
	rt := wazero.NewRuntimeWithConfig(ctx, cfg)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	_, err := rt.InstantiateWithConfig(ctx, fixture(t, "env"), wazero.NewModuleConfig().WithName("env"))
	require.NoError(t, err)
	return rt.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithName("").WithStartFunctions())
}

func tank(m api.Module) api.MutableGlobal { return m.ExportedGlobal(FuelExport).(api.MutableGlobal) }

// agree runs every nullary export of a module before and after metering, in the
// order of the export section, and compares results, traps and memory. It stops
// at the first export that outlasts the fuel, so it always ends.
func agree(t testing.TB, raw []byte, fuel int64) (compared int) {
	t.Helper()
	out, info := metered(t, raw)
	after, err := start(t, out)
	if err != nil {
		return 0 // a start section over its budget, a data segment out of bounds
	}
	before, err := start(t, raw)
	require.NoError(t, err, "the original does not start, the metered module does")
	for _, e := range info.Exports {
		if e.Kind != KindFunc || len(e.Type.Params) > 0 {
			continue
		}
		tank(after).Set(uint64(fuel))
		got, gotErr := after.ExportedFunction(e.Name).Call(context.Background())
		left := int64(tank(after).Get())
		if left < 0 {
			return compared
		}
		require.Less(t, left, fuel, "%s was free", e.Name)
		want, wantErr := before.ExportedFunction(e.Name).Call(context.Background())
		require.Equal(t, wantErr == nil, gotErr == nil, "%s: %v / %v", e.Name, wantErr, gotErr)
		require.Equal(t, want, got, e.Name)
		if mem := before.Memory(); info.Memory.Present {
			a, _ := mem.Read(0, mem.Size())
			b, _ := after.Memory().Read(0, after.Memory().Size())
			require.True(t, bytes.Equal(a, b), "%s left a different memory", e.Name)
		}
		compared++
	}
	return compared
}

func TestRewrite_KeepsWhatModulesDo(t *testing.T) {
	assert.Equal(t, 13, agree(t, fixture(t, "features"), 1<<40))
	agree(t, fixture(t, "bare"), 1<<40)
}

func TestRewrite_SectionsItMustAdd(t *testing.T) {
	out, info := metered(t, fixture(t, "bare"))
	assert.True(t, info.HasStart)
	assert.Equal(t, 1, info.Functions)
	m, err := start(t, out)
	require.NoError(t, err)
	left := int64(tank(m).Get())
	assert.Less(t, left, int64(StartFuel), "the start section pays from StartFuel")
	v, _ := m.Memory().ReadUint32Le(0)
	assert.Equal(t, uint32(7), v)
}

func TestRewrite_Info(t *testing.T) {
	raw := fixture(t, "features")
	out, info := metered(t, raw)
	assert.Equal(t, Memory{Present: true, Min: 1, Max: 3, HasMax: true}, info.Memory)
	assert.Equal(t, 4, info.Loops)
	assert.Equal(t, 7, info.BulkOps)
	assert.Equal(t, []Import{
		{Module: "env", Name: "seven", Type: FuncType{Results: []ValType{I32}}},
		{Module: "env", Name: "base", Kind: KindGlobal},
	}, info.Imports)
	again, err := Inspect(raw)
	require.NoError(t, err)
	info.Loops, info.BulkOps, info.Sticky = 0, 0, false
	assert.Equal(t, info, again)

	_, _, err = Rewrite(out)
	require.ErrorIs(t, err, ErrReserved, "a metered module is not metered twice")
}

func TestRewrite_KeepsCustomSectionsButDebugNames(t *testing.T) {
	const content = "\x0eripen.manifest{}"
	ours := append([]byte{secCustom, byte(len(content))}, content...)
	raw := append(append(bytes.Clone(magic), ours...), fixture(t, "features")[len(magic):]...)
	_, names := mustInspect(t, raw).Custom("name")
	require.Equal(t, 1, names)

	out, info := metered(t, raw)
	data, n := info.Custom("ripen.manifest")
	assert.Equal(t, 1, n)
	assert.Equal(t, "{}", string(data))
	assert.True(t, bytes.HasPrefix(out[len(magic):], ours), "in its place")
	assert.NotContains(t, string(out), "\x04name")
}

func mustInspect(t *testing.T, raw []byte) Info {
	t.Helper()
	info, err := Inspect(raw)
	require.NoError(t, err)
	return info
}

func TestFuel_StopsWhatDoesNotStop(t *testing.T) {
	for _, name := range []string{"forever", "deep"} {
		out, _ := metered(t, fixture(t, "spin"))
		m, err := start(t, out)
		require.NoError(t, err)
		tank(m).Set(1000)
		_, err = m.ExportedFunction(name).Call(context.Background())
		require.ErrorContains(t, err, "unreachable", name)
		assert.Negative(t, int64(tank(m).Get()), name)
	}
}

func TestFuel_IsExact(t *testing.T) {
	out, _ := metered(t, fixture(t, "spin"))
	m, err := start(t, out)
	require.NoError(t, err)
	const entry, round = overhead + 1, overhead + 9 // local.get; eight instructions and the branch
	for _, n := range []int64{1, 2, 100} {
		cost := entry + n*round
		for _, fuel := range []int64{cost - 1, cost} {
			tank(m).Set(uint64(fuel))
			got, err := m.ExportedFunction("triangle").Call(context.Background(), uint64(n))
			if fuel < cost {
				require.Error(t, err, "n=%d", n)
				continue
			}
			require.NoError(t, err, "n=%d", n)
			assert.Equal(t, uint64(n*(n+1)/2), got[0])
			assert.Zero(t, tank(m).Get())
		}
	}
}

func TestFuel_BulkOperationsPayTheirLength(t *testing.T) {
	raw := assemble(func(b *asm) {
		b.function([]byte{opI32Const, 0, opI32Const, 0, opI32Const, 0x80, 0x08, opMisc, miscMemoryFill, 0, opEnd}) // 1024
	})
	out, info := metered(t, raw)
	assert.Equal(t, 1, info.BulkOps)
	m, err := start(t, out)
	require.NoError(t, err)
	for _, fuel := range []int64{1024 + overhead + 3, 1024 + overhead + 4} {
		tank(m).Set(uint64(fuel))
		_, err = m.ExportedFunction("f").Call(context.Background())
		assert.Equal(t, fuel < 1024+overhead+4, err != nil, "fuel %d: %v", fuel, err)
	}
}

func TestRewrite_Refuses(t *testing.T) {
	simd := []byte{opVector, 0x0c}
	body := func(code ...byte) []byte { return assemble(func(b *asm) { b.function(append(code, opEnd)) }) }
	tests := []struct {
		name string
		raw  []byte
		kind error
		says string
	}{
		{"empty", nil, ErrMalformed, "header"},
		{"text", []byte("(module)"), ErrMalformed, "header"},
		{"SIMD", body(simd...), ErrUnsupported, "function 0: unsupported WebAssembly feature: at offset 0x23: opcode 0xfd (SIMD)"},
		{"atomics", body(opAtomic, 0x03, 0), ErrUnsupported, "atomics"},
		{"tail call", body(0x12, 0), ErrUnsupported, "tail call"},
		{"exceptions", body(0x06, 0x40), ErrUnsupported, "exception"},
		{"unknown opcode", body(0xf0), ErrUnsupported, "opcode 0xf0 (unknown)"},
		{"unknown misc opcode", body(opMisc, 0x20), ErrUnsupported, "0xfc 0x20"},
		{"padded misc opcode", body(opMisc, 0x8a, 0x00, 0, 0), ErrUnsupported, "0xfc 0x8a"},
		{"the fuel global by index", body(opI64Const, 1, opGlobalSet, 0), ErrMalformed, "global 0 of 0"},
		{"the scratch local by index", body(opLocalGet, 0, 0x1a), ErrMalformed, "local 0 of 0"},
		{"code after the end", body(opEnd, opNop), ErrMalformed, "after the last end"},
		{"missing end", body(opBlock, blockEmpty), ErrMalformed, "unexpected end"},
		{"five-byte integer over 32 bits", body(opI32Const, 0x80, 0x80, 0x80, 0x80, 0x10, 0x1a), ErrMalformed, "32 bits"},
		{"six-byte integer", body(0x0c, 0x80, 0x80, 0x80, 0x80, 0x80, 0), ErrMalformed, "32 bits"},
		{"second memory", body(opMisc, miscMemoryFill, 1), ErrUnsupported, "one memory"},
		{"many locals", assemble(func(b *asm) { b.locals = []byte{1, 0xd0, 0x86, 0x03, byte(I64)}; b.function([]byte{opEnd}) }), ErrLimit, "locals"},
		{"compile bomb", assemble(func(b *asm) {
			b.locals = []byte{1, 0xa0, 0x1f, byte(I64)} // 4,000
			b.function(append(bytes.Repeat([]byte{opLoop, blockEmpty, opI32Const, 1, opBrIf, 0, opEnd}, 4000), opEnd))
		}), ErrLimit, "weave"},
		{"deep bomb", assemble(func(b *asm) {
			b.function(append(append(bytes.Repeat([]byte{opBlock, blockEmpty}, 30_000), bytes.Repeat([]byte{opEnd}, 30_000)...), opEnd))
		}), ErrLimit, "nest"},
		{"truncated", fixture(t, "features")[:300], ErrMalformed, "left"},
		{"huge vector", append(bytes.Clone(magic), secImport, 5, 0xff, 0xff, 0xff, 0xff, 0x0f), ErrMalformed, "do not fit"},
		{"tags", append(bytes.Clone(magic), secTag, 1, 0), ErrUnsupported, "exception"},
		{"order", append(bytes.Clone(magic), secGlobal, 1, 0, secType, 1, 0), ErrMalformed, "out of order"},
		{"large table", append(bytes.Clone(magic), secTable, 7, 1, byte(FuncRef), 0, 0x81, 0x80, 0x80, 0x40), ErrLimit, "table"},
		{"many functions", slices.Concat(magic, []byte{secType, 4, 1, 0x60, 0, 0, secFunction, 0x84, 0x80, 4, 0x81, 0x80, 4}, make([]byte, 65537)), ErrLimit, "65537 functions, at most 65536 are compiled"},
		{"exported global out of range", append(bytes.Clone(magic), secExport, 5, 1, 1, 'g', 3, 0), ErrMalformed, "global 0 of 0"},
		{"reserved export", append(bytes.Clone(magic), append([]byte{secExport, 14, 1, 10}, "ripen_fuel\x00\x00"...)...), ErrReserved, "ripen_fuel"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, _, err := Rewrite(tt.raw)
			require.ErrorIs(t, err, tt.kind)
			assert.ErrorContains(t, err, tt.says)
			assert.Nil(t, out)
		})
	}
}

func TestRewrite_TablesCannotOutgrowTheirLimit(t *testing.T) {
	raw := append(bytes.Clone(magic),
		secType, 5, 1, 0x60, 0, 1, byte(I32),
		secFunction, 2, 1, 0,
		secTable, 4, 1, byte(FuncRef), 0, 0, // no maximum
		secExport, 5, 1, 1, 'f', 0, 0,
		secCode, 14, 1, 12, 0, opRefNull, byte(FuncRef), opI32Const, 0x80, 0x80, 0x80, 0x01, opMisc, miscTableGrow, 0, opEnd) // 2 Mi
	out, _ := metered(t, raw)
	m, err := start(t, out)
	require.NoError(t, err)
	tank(m).Set(1 << 40)
	got, err := m.ExportedFunction("f").Call(context.Background())
	require.NoError(t, err)
	assert.Equal(t, uint64(math.MaxUint32), got[0], "table.grow answers -1")
}

func TestSigned(t *testing.T) {
	for _, v := range []int64{0, 1, -1, 63, 64, -64, -65, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
		r := reader{b: appendS64(nil, v), end: len(appendS64(nil, v))}
		assert.Equal(t, v, r.signed(64))
		require.NoError(t, r.closed("test"))
		if int64(int32(v)) == v {
			r = reader{b: r.b, end: r.end}
			assert.Equal(t, v, r.signed(32))
			require.NoError(t, r.err)
		}
	}
	over := reader{b: []byte{0xff, 0xff, 0xff, 0xff, 0x1f}, end: 5}
	over.signed(32)
	require.ErrorIs(t, over.err, ErrMalformed)
}

// asm writes the smallest module around one function body, for tests that need
// bytes no assembler would produce. It has one page of memory and exports "f".
type asm struct {
	out    []byte
	locals []byte // declaration, count included
}

func assemble(build func(*asm)) []byte {
	b := &asm{out: bytes.Clone(magic), locals: []byte{0}}
	build(b)
	return b.out
}

func (b *asm) function(code []byte) {
	body := append(bytes.Clone(b.locals), code...)
	b.out = append(b.out, secType, 4, 1, 0x60, 0, 0, secFunction, 2, 1, 0, secMemory, 3, 1, 0, 1)
	b.out = append(b.out, secExport, 5, 1, 1, 'f', 0, 0)
	content := append(binary.AppendUvarint([]byte{1}, uint64(len(body))), body...)
	b.out = binary.AppendUvarint(append(b.out, secCode), uint64(len(content)))
	b.out = append(b.out, content...)
}

// TestFuel_LargeRegionsPayForWhatRuns jumps over a hundred blocks or runs them:
// in a large region only what runs is paid for.
func TestFuel_LargeRegionsPayForWhatRuns(t *testing.T) {
	const blocks = 100
	for jump, want := range map[byte]int64{1: overhead + 2 + 2, 0: overhead + 2 + 2*blocks} {
		code := []byte{opBlock, blockEmpty, opI32Const, jump, 0x0d, 0}
		code = append(code, bytes.Repeat([]byte{opBlock, blockEmpty, opI32Const, 1, 0x1a, opEnd}, blocks)...)
		raw := assemble(func(b *asm) { b.function(append(code, opEnd, opEnd)) })
		out, _ := metered(t, raw)
		m, err := start(t, out)
		require.NoError(t, err)
		tank(m).Set(1 << 30)
		_, err = m.ExportedFunction("f").Call(context.Background())
		require.NoError(t, err)
		assert.Equal(t, want, int64(1<<30-tank(m).Get()), "jump %d", jump) // the first block shares the segment of the jump
	}
}

// TestUnmetered_ChargesNothing: the same answers, and a tank that stays full.
func TestUnmetered_ChargesNothing(t *testing.T) {
	out, _, err := Unmetered(fixture(t, "spin"))
	require.NoError(t, err)
	free, err := start(t, out)
	require.NoError(t, err)
	charged, _ := metered(t, fixture(t, "spin"))
	paid, err := start(t, charged)
	require.NoError(t, err)
	for _, m := range []api.Module{free, paid} {
		tank(m).Set(1 << 30)
	}
	want, err := paid.ExportedFunction("triangle").Call(context.Background(), 1000)
	require.NoError(t, err)
	got, err := free.ExportedFunction("triangle").Call(context.Background(), 1000)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.EqualValues(t, 1<<30, tank(free).Get())
	assert.Less(t, tank(paid).Get(), uint64(1<<30))
}
