// Package arch fails when a package imports what the architecture does not
// allow, or when the data plane could see a clock or chance.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/ripenhq/ripen"

// allowed is the dependency table: what each package may import of ours
// outside its tests. "x/..." stands for x and all below it. A key that ends in
// "/..." is for all packages below that have no line of their own.
var allowed = map[string][]string{
	"cmd/ripen":               {"engine", "sdk/...", "cmd/ripen/...", "workflows/...", "examples/..."},
	"cmd/ripen/...":           {"engine", "sdk/...", "cmd/ripen/..."},
	"engine":                  {"engine/...", "sdk/abi"},
	"engine/lead":             {},
	"engine/ledger":           {"engine/lead"},
	"engine/workflow":         {"engine/lead", "engine/workflow/..."},
	"engine/workflow/...":     {"engine/lead", "engine/workflow/..."},
	"engine/model":            {"engine/lead", "engine/ledger", "engine/workflow", "engine/step", "engine/decide", "engine/model/...", "sdk/abi"},
	"engine/model/...":        {"engine/lead", "engine/ledger", "engine/workflow", "engine/step", "engine/decide", "engine/model/...", "sdk/abi"},
	"engine/step":             {"engine/lead", "engine/ledger", "sdk/abi"},
	"engine/decide":           {"engine/lead", "engine/ledger"},
	"engine/core":             {"engine/lead", "engine/ledger", "engine/model", "engine/step", "engine/decide", "sdk/abi"},
	"engine/lineage":          {"engine/core", "engine/decide", "engine/ledger", "engine/lead"},
	"engine/wasm":             {"engine/lead", "engine/ledger", "engine/step", "engine/wasm/meter", "sdk/abi"},
	"engine/wasm/meter":       {},
	"engine/objects":          {},
	"engine/journal":          {"engine/lead", "engine/ledger", "engine/objects", "engine/internal/failpoint"},
	"engine/store":            {"engine/lead", "engine/ledger", "engine/internal/failpoint"},
	"engine/natsd":            {},
	"engine/intake":           {"engine/lead", "engine/intake/..."},
	"engine/intake/...":       {"engine/lead", "engine/intake"},
	"engine/ingest":           {"engine/lead", "engine/intake", "engine/internal/failpoint"},
	"engine/registry":         {"engine/wasm", "engine/step", "engine/registry/...", "sdk/abi"},
	"engine/registry/builtin": {},
	"engine/registry/...":     {"engine/wasm", "engine/step", "engine/registry/...", "sdk/abi"},
	"engine/replay":           {"engine/core", "engine/model", "engine/journal", "engine/intake/...", "engine/lead", "engine/ledger"},
	"engine/explain":          {"engine/core", "engine/decide", "engine/lead", "engine/ledger"},
	"engine/backtest":         {"engine/replay", "engine/intake", "engine/lead", "engine/ledger", "engine/decide", "engine/workflow", "engine/model/lint", "engine/backtest/measure"},
	"engine/backtest/measure": {"engine/lead"},
	"engine/backtest/page":    {"engine/backtest", "engine/backtest/measure", "engine/lead", "engine/sheet"},
	"engine/sheet":            {},
	"engine/plan":             {"engine/core", "engine/decide", "engine/lead", "engine/ledger", "engine/replay", "engine/workflow"},
	"engine/plan/page":        {"engine/plan", "engine/lead", "engine/sheet"},
	"engine/release":          {"engine/workflow", "engine/model", "engine/registry", "engine/journal", "engine/replay", "engine/lineage", "engine/objects"},
	// Helpers of the build and of tests.
	"engine/internal/failpoint":    {},
	"engine/internal/torture":      {"engine/..."},
	"engine/internal/torture/...":  {"engine/..."},
	"engine/internal/scoretest":    {"engine/lead", "engine/ledger", "engine/step", "engine/decide", "sdk/abi"},
	"engine/internal/diagtest":     {},
	"engine/internal/randflow":     {"engine/lead"},
	"engine/internal/faults":       {},
	"engine/internal/natscluster":  {},
	"engine/internal/faults/...":   {},
	"engine/internal/requirements": {},
	"engine/internal/mkplugins":    {"engine/wasm", "engine/wasm/meter", "engine/registry/...", "sdk/abi"},
	"engine/internal/ingestbench":  {"engine", "engine/ingest", "engine/intake", "engine/journal", "engine/lead", "engine/natsd"},
	"sdk":                          {"sdk/abi"},
	"sdk/abi":                      {},
	"sdk/sdktest":                  {"sdk", "sdk/abi"},
	"sdk/conformance":              {"engine/core", "engine/model", "engine/replay", "engine/registry/...", "engine/wasm", "engine/wasm/meter", "engine/workflow", "engine/lead", "engine/ledger", "engine/step", "sdk/abi"},
	"sdk/examples/...":             {"sdk"},
	"plugins/...":                  {"sdk"},
	"testdata/...":                 {},
	"examples/...":                 {},
	"workflows":                    {},
	"workflows/...":                {},
}

// debts are imports that the table forbids and that stand for now. Each is
// named here so that no other one joins them in silence; one that is paid must
// be struck off.
var debts = map[string][]string{
	// The offline commands work on files without an engine, and package engine
	// has no words for that yet.
	"cmd/ripen": {"engine/backtest", "engine/backtest/measure", "engine/backtest/page", "engine/core", "engine/decide", "engine/explain", "engine/ingest", "engine/intake", "engine/intake/mapping", "engine/journal", "engine/lead", "engine/lineage", "engine/ledger", "engine/natsd", "engine/plan", "engine/plan/page",
		"engine/registry", "engine/registry/pack", "engine/registry/trust", "engine/release", "engine/replay", "engine/sheet", "engine/wasm", "engine/wasm/meter", "engine/workflow"},
	// A view of a lead shows what routes remember of it.
	"engine/replay": {"engine/decide"},
	// Needs are built from the contract's own types.
	"plugins/fit-grade":       {"sdk/abi"},
	"plugins/negative-points": {"sdk/abi"},
}

// pure are the packages that must not know a clock or chance.
var pure = []string{"engine/lead", "engine/ledger", "engine/step", "engine/decide", "engine/core", "engine/lineage", "engine/model", "engine/model/expr", "engine/backtest/measure", "sdk", "sdk/abi"}

// testOnly are the packages that only tests may import.
var testOnly = []string{"engine/internal/scoretest", "engine/internal/diagtest", "engine/internal/randflow", "engine/internal/faults/broker", "engine/internal/faults/proxy", "engine/internal/torture", "engine/internal/natscluster", "sdk/sdktest"}

// source is one Go file outside tests.
type source struct {
	pkg, path string
	file      *ast.File
}

// sources parses every Go file of the module that is no test.
func sources(t *testing.T) (list []source) {
	t.Helper()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	_, err = os.Stat(filepath.Join(root, "go.mod"))
	require.NoError(t, err, "the module's root")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || name == "build" || name == "node_modules" || name == "testdata" && filepath.Dir(path) != root || nested(path)) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		list = append(list, source{filepath.ToSlash(dir), filepath.ToSlash(strings.TrimPrefix(path, root+string(filepath.Separator))), file})
		return err
	})
	require.NoError(t, err)
	return list
}

// nested says whether the folder is a module of its own.
func nested(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func imports(f *ast.File) (paths []string) {
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		paths = append(paths, path)
	}
	return paths
}

// row finds the table's line of a package.
func row(pkg string) (may []string, ok bool) {
	if may, ok = allowed[pkg]; ok {
		return may, true
	}
	for dir := pkg; strings.Contains(dir, "/"); {
		dir = dir[:strings.LastIndex(dir, "/")]
		if may, ok = allowed[dir+"/..."]; ok {
			return may, true
		}
	}
	return nil, false
}

func covers(may []string, pkg string) bool {
	return slices.ContainsFunc(may, func(m string) bool {
		below, all := strings.CutSuffix(m, "/...")
		return m == pkg || all && (pkg == below || strings.HasPrefix(pkg, below+"/"))
	})
}

// breach says what is wrong with an import, or nothing.
func breach(pkg, path string) string {
	ours, isOurs := strings.CutPrefix(path, module+"/")
	if !isOurs && path != module {
		return ""
	}
	may, known := row(pkg)
	switch {
	case !known:
		return "package " + pkg + " is not in the table of this test; add it there and in the architecture"
	case slices.Contains(testOnly, ours) && !strings.HasPrefix(pkg, "engine/internal/") && !strings.HasPrefix(pkg, "sdk/"):
		return ours + " is for tests only"
	case !covers(may, ours):
		return pkg + " must not import " + ours + "; it may import: " + strings.Join(may, ", ")
	}
	return ""
}

func TestImports_FollowTheTable(t *testing.T) {
	list := sources(t)
	require.Greater(t, len(list), 50, "the whole module was read")
	owed := map[string]bool{}
	for _, s := range list {
		_, known := row(s.pkg)
		assert.True(t, known, "%s: package %s is not in the table of this test", s.path, s.pkg)
		for _, path := range imports(s.file) {
			ours := strings.TrimPrefix(path, module+"/")
			wrong := breach(s.pkg, path)
			if wrong != "" && slices.Contains(debts[s.pkg], ours) {
				owed[s.pkg+" → "+ours] = true
				continue
			}
			if wrong != "" {
				if excused[s.path] != wrong {
					t.Errorf("%s: %s", s.path, wrong)
				}
			}
		}
	}
	for pkg, list := range debts {
		for _, ours := range list {
			assert.True(t, owed[pkg+" → "+ours], "%s no longer imports %s: strike it off the debts", pkg, ours)
		}
	}
}

func TestImports_TheTableBites(t *testing.T) {
	assert.Contains(t, breach("engine/lead", module+"/engine/ledger"), "must not import engine/ledger")
	assert.Contains(t, breach("engine/core", module+"/engine/wasm"), "must not import engine/wasm")
	assert.Contains(t, breach("engine/new", module+"/engine/lead"), "not in the table")
	assert.Contains(t, breach("plugins/decay", module+"/engine/lead"), "must not import")
	assert.Contains(t, breach("engine", module+"/engine/internal/scoretest"), "tests only")
	assert.Empty(t, breach("plugins/decay", module+"/sdk"))
	assert.Empty(t, breach("engine/core", module+"/engine/decide"))
	assert.Empty(t, breach("engine/lead", "strings"))
}

// forbidden calls by package path: what depends on when or where the program
// runs. Zones and durations are arithmetic and allowed.
var forbidden = map[string][]string{
	"time": {"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker"},
	"os":   {"Getenv", "Environ", "LookupEnv", "Getpid", "Hostname"},
}

// excused are uses of chance that nothing observable can depend on: a hash
// table may be seeded, as Go's own maps are, so that nobody can choose keys
// that collide. The property tests compare runs with different seeds.
var excused = map[string]string{"engine/core/table.go": "imports hash/maphash"}

func TestPure_NoClockNoChance(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		if !slices.Contains(pure, s.pkg) {
			continue
		}
		seen[s.pkg] = true
		for _, wrong := range impure(s.file) {
			if excused[s.path] != wrong {
				t.Errorf("%s: %s", s.path, wrong)
			}
		}
	}
	for _, pkg := range pure {
		assert.True(t, seen[pkg], "%s exists", pkg)
	}
}

// impure lists the uses of clocks and chance in a file.
func impure(f *ast.File) (found []string) {
	names := map[string]string{}
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		switch path {
		case "math/rand", "math/rand/v2", "crypto/rand", "hash/maphash", "net", "net/http":
			found = append(found, "imports "+path)
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(forbidden[names[x.Name]], sel.Sel.Name) {
			found = append(found, "uses "+names[x.Name]+"."+sel.Sel.Name)
		}
		return true
	})
	return found
}

func TestPure_TheCheckBites(t *testing.T) {
	const text = `package p
import (
	clock "time"
	"math/rand"
)
var a, b, c = clock.Now(), rand.Int(), clock.UTC`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", text, 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"imports math/rand", "uses time.Now"}, impure(f))
}
