package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/workflow"
)

// mutant is a shipped workflow in which one number is another one.
type mutant struct {
	dir, file string // of a model
	line      int
	text      string // the line as it stands
	from, to  string
	at        int // byte in the file
}

func (m mutant) String() string {
	return fmt.Sprintf("%s/%s:%d: %s instead of %s in: %s", m.dir, m.file, m.line, m.to, m.from, m.text)
}

// harmless are the changes that change nothing that a test could miss: in the
// models whose name begins so, in the lines that hold the text.
var harmless = []struct{ dir, line, from, to, why string }{
	{"fit-and-interest", "ranges", "1001", "1000", "the range to 1000 stands before it, and the first that holds counts"},
	{"fit-and-interest", "ranges", "49", "50", "the range from 50 stands before it"},
	{"fit-and-interest", "cutoffs", "12", "11", "fit is a sum of points of which none makes 11"},
	{"fit-and-interest", "cutoffs", "0", "1", "the last grade is for whoever reaches no other, whatever its number"},
	{"fit-and-interest", "cutoffs", "0", "-1", "likewise"},
	{"fit-and-interest", "blog-reader", "40", "41", "the hand-off stands before it and takes whoever has 40"},
	{"fit-and-interest-one-score", "blog-reader", "65", "66", "the hand-off stands before it and takes whoever has 65"},
	{"email-engagement", "fits-but-quiet", "60", "61", "the hand-off stands before it and takes whoever has 60"},
	{"letter-and-number", "reset", "60", "59", "only an event that comes in late makes a difference, and those a test cannot send"},
	{"staged-fit-p2", "keen-but-no-fit", "5", "6", "the hand-off stands before it and takes whoever has 5 and comes that far"},
	{"x-education", "Phone Conversation Held", "10", "11", "its class is capped at 10"},
	{"hundred-point", "from = 50", "199", "200", "the range from 200 stands before it, and the first that holds counts"},
	{"hundred-point", "from = 1001", "1001", "1000", "the range to 1000 stands before it"},
	{"hundred-point", "{ to = 49", "49", "50", "the range from 50 stands before it"},
	{"hundred-point", "account = {", "400", "401", "the golden lead scores nobody; any number of employees from 200 to 1000 is as good"},
	{"hundred-point", "account = {", "400", "399", "likewise"},
}

// sample is how many mutants are played in a run of all tests.
const sample = 20

// TestMutants changes the numbers of the shipped workflows one by one, up and down by
// one. A test of the model must miss something then, or the model must not
// load. All of them take a minute (make test-mutants); a sample drawn by SEED
// is played each time.
func TestMutants(t *testing.T) {
	all, numbers := allMutants(t), map[string]int{}
	for _, m := range all {
		numbers[m.dir+m.file+strconv.Itoa(m.at)]++
	}
	require.Greater(t, len(numbers), 250, "workflows are full of numbers")
	if os.Getenv("MUTANTS") != "all" {
		seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:sample]
	}
	kill(t, all)
	t.Logf("%d changes of %d numbers: %d played", len(allMutants(t)), len(numbers), len(all))
}

// TestMutants_HarmlessOnesAreThere keeps the list of exceptions short.
func TestMutants_HarmlessOnesAreThere(t *testing.T) {
	for _, h := range harmless {
		found := false
		for _, m := range everyMutant(t) {
			found = found || m.is(h.dir, h.line, h.from, h.to)
		}
		require.True(t, found, "%s has no %s any more in a line with %s", h.dir, h.from, h.line)
		require.NotEmpty(t, h.why)
	}
}

func allMutants(t *testing.T) (out []mutant) {
	for _, m := range everyMutant(t) {
		if !m.harmless() {
			out = append(out, m)
		}
	}
	return out
}

func (m mutant) is(dir, line, from, to string) bool {
	return strings.HasPrefix(m.dir, dir) && m.from == from && m.to == to && strings.Contains(m.text, line)
}

func (m mutant) harmless() bool {
	for _, h := range harmless {
		if m.is(h.dir, h.line, h.from, h.to) {
			return true
		}
	}
	return false
}

// models are the workflows that we ship, by the name of their folder.
func models(t *testing.T) map[string]string {
	t.Helper()
	dirs := map[string]string{}
	for _, pattern := range []string{"../workflows/*/workflow.hcl", "../examples/*/workflow.hcl"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range found {
			dirs[filepath.Base(filepath.Dir(name))] = filepath.Dir(name)
		}
	}
	require.Len(t, dirs, 8, "seven starters and an example")
	return dirs
}

// everyMutant lists what can become of each number of each model, in an order
// that does not change.
func everyMutant(t *testing.T) (out []mutant) {
	t.Helper()
	all := models(t)
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		entries, err := os.ReadDir(all[dir])
		require.NoError(t, err)
		for _, e := range entries {
			src, err := os.ReadFile(filepath.Join(all[dir], e.Name()))
			require.NoError(t, err)
			switch {
			case workflow.IsWorkflowFile(e.Name()):
				out = append(out, mutantsOf(t, dir, e.Name(), src)...)
			case filepath.Ext(e.Name()) == ".csv":
				require.NotRegexp(t, `(^|[,\n])[0-9.]+(,|\n|$)`, string(src), "%s/%s holds numbers: change them, too", dir, e.Name())
			}
		}
	}
	return out
}

// numeric is a text that is a number or a duration: keys of tiers, windows.
var (
	numeric = regexp.MustCompile(`^(\d+(\.\d+)?|(\d+(ms|s|m|h|d|w))+)$`)
	digits  = regexp.MustCompile(`\d+(\.\d+)?`)
)

func mutantsOf(t *testing.T, dir, file string, src []byte) (out []mutant) {
	t.Helper()
	tokens, diags := hclsyntax.LexConfig(src, file, hcl.InitialPos)
	require.False(t, diags.HasErrors(), "%s/%s: %v", dir, file, diags)
	lines := strings.Split(string(src), "\n")
	for _, tok := range tokens {
		text, places := string(tok.Bytes), [][]int(nil)
		switch {
		case tok.Type == hclsyntax.TokenNumberLit:
			places = [][]int{{0, len(text)}}
		case tok.Type == hclsyntax.TokenQuotedLit && numeric.MatchString(text):
			places = digits.FindAllStringIndex(text, -1)
		}
		for _, p := range places {
			for _, by := range []int64{1, -1} {
				out = append(out, mutant{
					dir: dir, file: file, line: tok.Range.Start.Line, text: strings.TrimSpace(lines[tok.Range.Start.Line-1]),
					from: text[p[0]:p[1]], to: plus(t, text[p[0]:p[1]], by), at: tok.Range.Start.Byte + p[0],
				})
			}
		}
	}
	return out
}

// plus is a number changed, written without an exponent.
func plus(t *testing.T, number string, by int64) string {
	t.Helper()
	v, ok := new(big.Rat).SetString(number)
	require.True(t, ok, number)
	text := v.Add(v, big.NewRat(by, 1)).FloatString(3)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// kill plays the tests of the models against mutants of them, and reports those
// that pass.
func kill(t *testing.T, mutants []mutant) {
	t.Helper()
	shelf := newShelf(t)
	for _, dir := range models(t) { // all plugins are on the shelf then, which loads side by side may read
		missed, err := play(shelf, dir)
		require.NoError(t, err)
		require.False(t, missed, "the tests of %s fail as it stands: ripen test workflows", dir)
	}
	const workers = 2
	work := make(chan mutant)
	var wait sync.WaitGroup
	for range workers {
		scratch := t.TempDir()
		for name, dir := range models(t) {
			require.NoError(t, os.CopyFS(filepath.Join(scratch, name), os.DirFS(dir)))
		}
		wait.Go(func() {
			for m := range work {
				missed, err := m.noticed(shelf, scratch)
				switch {
				case err != nil:
					t.Errorf("%s: %v", m, err)
				case !missed:
					t.Errorf("no test misses it: %s", m)
				}
			}
		})
	}
	for _, m := range mutants {
		work <- m
	}
	close(work)
	wait.Wait()
}

// noticed says whether a mutant does not load, or a test misses something.
func (m mutant) noticed(shelf *engine.Shelf, scratch string) (missed bool, err error) {
	dir := filepath.Join(scratch, m.dir)
	name := filepath.Join(dir, m.file)
	src, err := os.ReadFile(name)
	if err != nil {
		return false, err
	}
	changed := string(src[:m.at]) + m.to + string(src[m.at+len(m.from):])
	if err := os.WriteFile(name, []byte(changed), 0o600); err != nil {
		return false, err
	}
	missed, err = play(shelf, dir)
	return missed, errors.Join(err, os.WriteFile(name, src, 0o600))
}

// play plays the tests of a model up to the first that misses something.
func play(shelf *engine.Shelf, dir string) (missed bool, err error) {
	w, diags, err := shelf.Load(context.Background(), dir)
	if err != nil || diags.HasErrors() {
		return true, err
	}
	tests, _, diags := workflow.LoadTests(os.DirFS(dir), workflow.Options{Dir: dir})
	if diags.HasErrors() {
		return false, diags
	}
	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	err = w.RunScenarios(ctx, tests, func(r engine.ScenarioResult) {
		if len(r.Missed) > 0 {
			missed = true
			enough()
		}
	})
	if missed {
		return true, nil
	}
	return false, err
}
