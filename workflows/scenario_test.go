package workflows_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/registry"
)

const (
	day   = 24 * time.Hour
	point = lead.Point
)

// monday is when every story begins: 2026-01-05 09:00 UTC.
var monday = time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC)

// p are the properties or traits of an event.
type p map[string]any

// story plays events of leads through a starter model, with the shipped
// plugins in their sandbox, and looks at what became of the leads.
type story struct {
	*testing.T
	work *engine.Workflow
	core *core.Core
	out  core.Output
	now  time.Time
	lead string
	n    int
}

// cast is a loaded workflow with the crew that plays all its stories: crews
// remember nothing, and stories are played one after the other.
type cast struct {
	work *engine.Workflow
	crew *engine.Crew
}

// casts are the workflows that many stories of this process share. Each is
// loaded once and lives as long as the process.
var casts = map[string]*cast{}

// open starts a story in a starter model, or in one with changes.
func open(t *testing.T, dir string, edits ...change) *story {
	t.Helper()
	c := load(t, dir, edits...)
	return &story{T: t, work: c.work, core: core.New(c.crew.Program, core.Options{}), now: monday, lead: "ada"}
}

// change replaces a text of the model, which must be there.
type change struct{ from, to string }

func load(t *testing.T, dir string, edits ...change) *cast {
	t.Helper()
	key := fmt.Sprint(dir, edits)
	if c := casts[key]; c != nil {
		return c
	}
	w, diags, err := loadEdited(t, dir, edits)
	if errors.Is(err, registry.ErrNotBuilt) {
		t.Fatal("the plugins are not built: run make plugins")
	}
	require.NoError(t, err)
	require.Empty(t, complaints(w, diags), "the model loads without errors and warnings")
	crew, err := w.NewCrew(context.Background())
	require.NoError(t, err)
	c := &cast{w, crew}
	if len(edits) == 0 || edits[0] == literal {
		casts[key] = c
		return c
	}
	t.Cleanup(func() {
		crew.Close()
		w.Close()
	})
	return c
}

// refused loads a changed model that must not load, and returns what is said.
func refused(t *testing.T, dir string, edits ...change) string {
	t.Helper()
	w, diags, err := loadEdited(t, dir, edits)
	defer w.Close()
	require.NoError(t, err)
	require.True(t, diags.HasErrors(), "the changed model loads: %s", complaints(w, diags))
	return complaints(w, diags)
}

func loadEdited(t *testing.T, dir string, edits []change) (*engine.Workflow, hcl.Diagnostics, error) {
	t.Helper()
	if len(edits) > 0 {
		dir = editedCopy(t, dir, edits)
	}
	return engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: filepath.Join("..", "build", "plugin-cache"), Quiet: true})
}

func editedCopy(t *testing.T, dir string, edits []change) string {
	t.Helper()
	copied := t.TempDir()
	require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
	files, err := filepath.Glob(filepath.Join(copied, "*.hcl"))
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, ".ripentest.hcl") })
	for _, e := range edits {
		found := false
		for _, file := range files {
			src, err := os.ReadFile(file)
			require.NoError(t, err)
			if found = strings.Contains(string(src), e.from); found {
				require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(src), e.from, e.to, 1)), 0o600))
				break
			}
		}
		require.True(t, found, "the model has no such text to change: %s", e.from)
	}
	return copied
}

// complaints prints diagnostics as people see them.
func complaints(w *engine.Workflow, diags hcl.Diagnostics) string {
	if len(diags) == 0 {
		return ""
	}
	var b bytes.Buffer
	_ = hcl.NewDiagnosticTextWriter(&b, w.Def.Files, 120, false).WriteDiagnostics(diags)
	return b.String()
}

// as turns to another lead.
func (s *story) as(key string) *story {
	s.lead = key
	return s
}

// wait lets time pass; the clock ticks at the end of it.
func (s *story) wait(d time.Duration) {
	s.now = s.now.Add(d)
	s.play(lead.Event{Kind: lead.Tick})
}

// on is day n of the story, at nine.
func (s *story) on(n int) {
	s.Helper()
	to := monday.AddDate(0, 0, n)
	require.False(s, to.Before(s.now), "stories go forward")
	s.wait(to.Sub(s.now))
}

func (s *story) track(name string, props ...p) {
	s.Helper()
	s.play(lead.Event{Kind: lead.Track, Name: name, Props: properties(props)})
}

func (s *story) page(path string, props ...p) {
	s.Helper()
	s.play(lead.Event{Kind: lead.Page, Path: path, Props: properties(props)})
}

func (s *story) identify(traits p) {
	s.Helper()
	s.play(lead.Event{Kind: lead.Identify, Traits: properties([]p{traits})})
}

func (s *story) group(traits p) {
	s.Helper()
	s.play(lead.Event{Kind: lead.Group, Traits: properties([]p{traits})})
}

// times repeats.
func (s *story) times(n int, do func(i int)) {
	for i := range n {
		do(i)
	}
}

func (s *story) play(e lead.Event) {
	s.Helper()
	s.n++
	e.At = s.now.UnixMilli()
	if e.Kind != lead.Tick {
		e.Lead, e.ID = s.lead, fmt.Sprintf("%s-%d", s.lead, s.n)
	}
	require.NoError(s, s.core.Run([]core.Input{{Event: e}}, &s.out))
	require.Empty(s, s.out.Rejected, "an event is refused")
}

func properties(list []p) (out lead.Props) {
	for _, set := range list {
		for name, v := range set {
			out = append(out, lead.Prop{Name: name, Value: valueOf(v)})
		}
	}
	return out.Sort()
}

func valueOf(v any) lead.Value {
	switch x := v.(type) {
	case string:
		return lead.StringOf(x)
	case int:
		return lead.NumberOf(float64(x))
	case float64:
		return lead.NumberOf(x)
	case bool:
		return lead.BoolOf(x)
	}
	panic(fmt.Sprintf("no value: %T", v))
}

// look shows the lead as it is now.
func (s *story) look(fn func(*ledger.Frame)) {
	s.Helper()
	seen := false
	require.NoError(s, s.core.Look([]string{s.lead}, s.now.UnixMilli(), func(f *ledger.Frame) {
		seen = true
		fn(f)
	}))
	require.True(s, seen, "there is no lead %q", s.lead)
}

// score is the value of a score now; it must be the sum of its ledger lines.
func (s *story) score(name string) (value lead.Points) {
	s.Helper()
	s.look(func(f *ledger.Frame) {
		at := -1
		for i := range f.Book.Scores {
			if f.Book.Scores[i].Name == name {
				at = i
			}
		}
		require.GreaterOrEqual(s, at, 0, "no score %q", name)
		value = f.Values[at]
		var sum lead.Points
		for _, l := range f.Explain() {
			if l.Score == name {
				sum += l.Remaining
			}
		}
		require.Equal(s, value, sum, "the ledger lines sum to the score")
	})
	return value
}

// line is the ledger line of a rule; the zero line if it has none.
func (s *story) line(score, rule string) (line lead.Line) {
	s.Helper()
	s.look(func(f *ledger.Frame) {
		for _, l := range f.Explain() {
			if l.Score == score && l.Rule == rule {
				line = l
			}
		}
	})
	return line
}

// shown is the lead as people see it.
func (s *story) shown() (d lead.Decision) {
	s.Helper()
	s.look(func(f *ledger.Frame) { s.work.Model.Policy.Describe(f, &d) })
	return d
}

func (s *story) grade() string { return s.shown().Grade }

// decisions are all decisions about the lead so far.
func (s *story) decisions() (list []lead.Decision) {
	for _, d := range s.out.Decisions {
		if d.Lead == s.lead {
			list = append(list, d)
		}
	}
	return list
}

// actions are the decisions about the lead as "action/route".
func (s *story) actions() []string {
	list := []string{}
	for _, d := range s.decisions() {
		list = append(list, d.Action+"/"+d.Route)
	}
	return list
}

// count is how many decisions of an action the lead has had.
func (s *story) count(action string) (n int) {
	for _, d := range s.decisions() {
		if d.Action == action {
			n++
		}
	}
	return n
}

// last is the latest decision about the lead.
func (s *story) last() lead.Decision {
	s.Helper()
	list := s.decisions()
	require.NotEmpty(s, list, "no decision about %q", s.lead)
	return list[len(list)-1]
}

// adjust sets a score by hand to exactly so many milli-points.
func (s *story) adjust(score string, to lead.Points) {
	s.Helper()
	s.track("Score Adjusted", p{"score": score, "points": (to - s.score(score)).String(), "by": "test", "reason": "threshold"})
}

// display is a score in whole points, as people see it.
func (s *story) display(score string) int64 {
	s.Helper()
	for _, v := range s.shown().Scores {
		if v.Name == score {
			return v.Display
		}
	}
	s.Fatalf("no score %q", score)
	return 0
}
