package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// TestMutants loads, configures and runs modules that chance has changed: none
// may crash the process, run longer than its fuel allows, or leave memory or
// goroutines behind. `make fuzz-plugins` runs 20,000; MUTANTS and SEED choose
// others.
func TestMutants(t *testing.T) {
	n, seed := number("MUTANTS", 1000), number("SEED", 1)
	if testing.Short() {
		n = min(n, 100)
	}
	m := newMutator(t, uint64(seed))
	m.run(t, n/8) // whatever is made once and kept
	before := leftovers()
	began := time.Now()
	m.run(t, n)
	after := leftovers()
	// The goroutine that runs finalizers counts while it does.
	for end := time.Now().Add(10 * time.Second); after.goroutines > before.goroutines && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		after.goroutines = runtime.NumGoroutine()
	}
	t.Logf("%d mutants of %d modules, seed %d, in %s: %s; slowest %s; heap %d → %d KiB, resident %d → %d KiB, goroutines %d → %d", n, len(m.bases), seed,
		time.Since(began).Round(time.Second), m.tally(), m.slowest.Round(time.Millisecond), before.heap>>10, after.heap>>10, before.resident>>10, after.resident>>10, before.goroutines, after.goroutines)
	assert.LessOrEqual(t, after.goroutines, before.goroutines)
	assert.Less(t, after.heap, before.heap+16<<20, "bytes of heap")
	assert.Less(t, after.resident, before.resident+128<<20, "bytes of resident memory")
	assert.Positive(t, m.ends["scored"]+m.ends["scored in part"], "some mutants live")
	assert.Greater(t, len(m.ends), 5, "they die in many ways: %v", m.ends)
}

func number(name string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return def
}

// left is what a process holds.
type left struct {
	heap, resident uint64
	goroutines     int
}

func leftovers() left {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	l := left{heap: m.HeapAlloc, goroutines: runtime.NumGoroutine()}
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if f := strings.Fields(string(text)); len(f) > 1 {
			pages, _ := strconv.ParseUint(f[1], 10, 64)
			l.resident = pages * uint64(os.Getpagesize())
		}
	}
	return l
}

// mutator makes mutants of modules and manifests, and tries them.
type mutator struct {
	random  *rand.Rand
	bases   [][]byte // raw modules
	key     pack.PrivateKey
	host    *wasm.Host
	ends    map[string]int // how mutants ended
	slowest time.Duration
}

func newMutator(t *testing.T, seed uint64) *mutator {
	t.Helper()
	host, err := wasm.NewHost(wasm.Options{Quiet: true, Fuel: 1 << 20})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, host.Close()) })
	m := &mutator{random: rand.New(rand.NewPCG(seed, 5)), host: host, ends: map[string]int{}}
	m.key, err = pack.NewKey(bytes.NewReader(make([]byte, 32)))
	require.NoError(t, err)
	// Small modules, so that most bytes matter. Those of other languages are
	// there once their SDKs are.
	files, err := filepath.Glob(filepath.Join(root, "testdata", "hostile", "*.wasm"))
	require.NoError(t, err)
	more, err := filepath.Glob(filepath.Join(root, "testdata", "modules", "*.wasm"))
	require.NoError(t, err)
	for _, file := range append(files, more...) {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		if raw, _, err := pack.Unpack(b); err == nil {
			b = raw
		}
		// Loops that use up the fuel of a load take a second each and teach nothing.
		if name := filepath.Base(file); len(b) < 128<<10 && !strings.Contains(name, "loop") {
			m.bases = append(m.bases, b)
		}
	}
	require.Greater(t, len(m.bases), 20)
	return m
}

const mutantManifest = `{"name": "fixture", "version": "1.0.0", "about": "a", "author": "b", "license": "c", "abi": "1.0", "capabilities": [], "state": {"max": 0, "version": 0},
"limits": {"memory_pages": 96, "fuel": 1000000}, "schema": {"type": "object", "properties": {"most": {"type": "number", "x-ripen": "points"}}}}`

// run tries n mutants.
func (m *mutator) run(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		module := m.next()
		began := time.Now()
		end := m.try(t, module, i)
		took := time.Since(began)
		m.ends[end]++
		if took > m.slowest {
			m.slowest = took
		}
		if took > 30*time.Second {
			t.Fatalf("mutant %d took %s and ended as %q", i, took, end)
		}
	}
}

func (m *mutator) tally() string {
	var names []string
	for name := range m.ends {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s %d, ", name, m.ends[name])
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// next makes a mutant: of the module, of its manifest, of the packed whole.
func (m *mutator) next() []byte {
	raw, manifest := bytes.Clone(m.bases[m.random.IntN(len(m.bases))]), []byte(mutantManifest)
	switch m.random.IntN(10) {
	case 0:
		manifest = m.mutate(manifest)
	case 1:
		raw = m.mutate(raw)
	default:
		raw = m.inside(raw)
	}
	packed := pack.Append(raw, abi.ManifestSection, manifest)
	switch m.random.IntN(8) {
	case 0:
		return m.mutate(packed)
	case 1:
		if signed, err := pack.Sign(packed, m.key); err == nil {
			return m.mutate(signed)
		}
	}
	return packed
}

// inside changes the inside of one section and lets its length be right, so that
// what comes behind the first look is reached.
func (m *mutator) inside(module []byte) []byte {
	type section struct {
		id   byte
		body []byte
	}
	var list []section
	for pos := 8; pos < len(module); {
		size, n := binary.Uvarint(module[pos+1:])
		end := pos + 1 + n + int(size)
		if n <= 0 || end > len(module) {
			return m.mutate(module)
		}
		list = append(list, section{module[pos], bytes.Clone(module[pos+1+n : end])})
		pos = end
	}
	pick := &list[m.random.IntN(len(list))]
	if pick.body = m.flip(pick.body); m.random.IntN(8) == 0 {
		pick.body = m.mutate(pick.body)
	}
	out := bytes.Clone(module[:8])
	for _, s := range list {
		out = binary.AppendUvarint(append(out, s.id), uint64(len(s.body)))
		out = append(out, s.body...)
	}
	return out
}

// flip changes one byte a little.
func (m *mutator) flip(b []byte) []byte {
	if len(b) > 0 {
		b[m.random.IntN(len(b))] ^= 1 << m.random.IntN(8)
	}
	return b
}

// mutate changes bytes in a few places.
func (m *mutator) mutate(b []byte) []byte {
	r := m.random
	for range 1 + r.IntN(3) {
		if len(b) == 0 {
			return b
		}
		at := r.IntN(len(b))
		end := min(len(b), at+1+r.IntN(16))
		switch r.IntN(9) {
		case 0, 1, 2:
			b[at] ^= 1 << r.IntN(8)
		case 3:
			b[at] = byte(r.Uint32())
		case 4:
			b[at] = []byte{0, 1, 0x7f, 0x80, 0xff, 0x0b, 0x10, 0x41}[r.IntN(8)]
		case 5:
			b = slices.Delete(b, at, end)
		case 6:
			b = slices.Insert(b, at, bytes.Clone(b[at:end])...)
		case 7:
			other := m.bases[r.IntN(len(m.bases))]
			from := r.IntN(len(other))
			copy(b[at:end], other[from:])
		case 8:
			if r.IntN(4) == 0 {
				b = b[:at]
			} else {
				b = slices.Insert(b, at, 0xff, 0xff, 0xff, 0xff, 0x0f)
			}
		}
	}
	return b
}

// try takes a mutant as far as it comes and says how it ended.
func (m *mutator) try(t *testing.T, module []byte, i int) (end string) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			_ = os.WriteFile(filepath.Join(os.TempDir(), fmt.Sprintf("mutant-%d.wasm", i)), module, 0o644)
			t.Fatalf("mutant %d: %v", i, p)
		}
	}()
	p, err := registry.Read(module, "mutant")
	if err != nil {
		_ = err.Error()
		if errors.Is(err, pack.ErrBroken) {
			return "signature"
		}
		return "unread"
	}
	if _, err := workflow.CompileSchema(p.Manifest.Name, p.Manifest.Schema); err != nil {
		return "schema"
	}
	ctx := context.Background()
	loaded, err := m.host.Load(ctx, module)
	if err != nil {
		return ending(err)
	}
	defer func() { require.NoError(t, loaded.Close()) }()
	b := &pointsBlob()[0]
	needs, err := loaded.Configure(ctx, b.config)
	if err != nil {
		return ending(err)
	}
	if len(needs.Inputs) > abi.MaxInputs || hasErrors(needs) {
		return "needs"
	}
	d := loaded.Descriptor()
	spec := &step.Spec{Name: "mutant", Needs: needs, Config: b.config, Caps: d.Caps, StateMax: int(d.StateMax), Project: make([]step.Projector, len(needs.Inputs))}
	replay := newReplayer(spec)
	sc, err := loaded.NewScorer(ctx, replay.spec)
	if err != nil {
		return ending(err)
	}
	defer func() { require.NoError(t, sc.Close()) }()
	list := makeUp(loaded, spec, 24)
	first, err := replay.score(sc, list, 8)
	if err != nil {
		return ending(err)
	}
	ok, broke := 0, ""
	for k := range first {
		if o := first[k].outcome; o.Kind == step.OutcomeOK {
			ok++
		} else {
			broke = o.Code
		}
	}
	switch {
	case ok == 0:
		return "isolated: " + broke
	case broke != "":
		return "scored in part"
	}
	return "scored"
}

// ending is the sentinel that an error wraps.
func ending(err error) string {
	_ = err.Error()
	for name, e := range map[string]error{"size": wasm.ErrSize, "module": wasm.ErrModule, "manifest": wasm.ErrManifest, "abi": wasm.ErrABI, "export": wasm.ErrExport,
		"import": wasm.ErrImport, "memory": wasm.ErrMemory, "descriptor": wasm.ErrDescriptor, "refused": wasm.ErrRefused, "needs": wasm.ErrNeeds, "broke": wasm.ErrBroke} {
		if errors.Is(err, e) {
			return name
		}
	}
	return "other: " + err.Error()
}
