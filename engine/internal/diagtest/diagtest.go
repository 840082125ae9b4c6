// Package diagtest runs diagnostics fixtures: *.hcl files, each a workflow
// folder of its own, that carry their expected diagnostics as comments on the
// offending line:
//
//	window = 60   # ERROR: must be a duration
//	zone = "Mars" # ERROR: no name of a time zone
//	x = 1         # WARNING: one  # WARNING: two
//	              # ERROR@-1: about the line above
//
// Text after the colon is part of "Summary: Detail". The set of (line,
// severity, text) must be exactly what the comments say: a diagnostic that no
// comment expects fails as much as a missing one. A fixture without comments
// must load clean.
//
// It may import hcl and testify and nothing of ours.
package diagtest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"
)

// Run loads every *.hcl file of dir. fsys holds the fixture alone, and beside
// it the files of dir that are not .hcl (tables).
func Run(t *testing.T, dir string, load func(t testing.TB, fsys fs.FS) hcl.Diagnostics) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	around := fstest.MapFS{}
	var fixtures []string
	for _, e := range entries {
		switch {
		case e.IsDir():
		case strings.HasSuffix(e.Name(), ".hcl"):
			fixtures = append(fixtures, e.Name())
		default:
			around[e.Name()] = read(t, dir, e.Name())
		}
	}
	require.NotEmpty(t, fixtures, "no fixtures in %s", dir)
	for _, name := range fixtures {
		t.Run(strings.TrimSuffix(name, ".hcl"), func(t *testing.T) {
			file := read(t, dir, name)
			fsys := fstest.MapFS{name: file}
			for other, f := range around {
				fsys[other] = f
			}
			want, err := Expected(string(file.Data))
			require.NoError(t, err)
			if bad := Compare(want, load(t, fsys)); len(bad) > 0 {
				t.Errorf("%s:\n%s", filepath.Join(dir, name), strings.Join(bad, "\n"))
			}
		})
	}
}

func read(t *testing.T, dir, name string) *fstest.MapFile {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return &fstest.MapFile{Data: src}
}

// Expectation is one comment.
type Expectation struct {
	Line     int // counted from 1
	Severity hcl.DiagnosticSeverity
	Text     string
}

var comment = regexp.MustCompile(`# *(ERROR|WARNING)(@[-+]\d+)?:`)

// Expected reads the comments of a fixture.
func Expected(src string) ([]Expectation, error) {
	var out []Expectation
	for i, line := range strings.Split(src, "\n") {
		marks := comment.FindAllStringSubmatchIndex(line, -1)
		for k, m := range marks {
			end := len(line)
			if k+1 < len(marks) {
				end = marks[k+1][0]
			}
			e := Expectation{Line: i + 1, Severity: hcl.DiagError, Text: strings.TrimSpace(line[m[1]:end])}
			if line[m[2]:m[3]] == "WARNING" {
				e.Severity = hcl.DiagWarning
			}
			if m[4] >= 0 {
				n, err := strconv.Atoi(line[m[4]+1 : m[5]])
				if err != nil {
					return nil, fmt.Errorf("line %d: %w", i+1, err)
				}
				e.Line += n
			}
			if e.Text == "" {
				return nil, fmt.Errorf("line %d: the comment expects no text; write a part of the diagnostic", i+1)
			}
			out = append(out, e)
		}
	}
	return out, nil
}

// Compare returns what is missing and what is too much, in the order of lines.
func Compare(want []Expectation, got hcl.Diagnostics) []string {
	// The longest text first, so that a short one does not take its match.
	open := append([]Expectation(nil), want...)
	sort.SliceStable(open, func(i, j int) bool { return len(open[i].Text) > len(open[j].Text) })
	taken := make([]bool, len(got))
	type problem struct {
		line int
		text string
	}
	var bad []problem
	for _, e := range open {
		at := -1
		for i, d := range got {
			if !taken[i] && at < 0 && matches(e, d) {
				at = i
			}
		}
		if at < 0 {
			bad = append(bad, problem{e.Line, fmt.Sprintf("  line %d: missing %s %q", e.Line, severity(e.Severity), e.Text)})
			continue
		}
		taken[at] = true
	}
	for i, d := range got {
		switch {
		case d.Subject == nil:
			bad = append(bad, problem{0, "  diagnostic without a place: " + text(d)})
		case d.Summary == "" || d.Detail == "":
			bad = append(bad, problem{d.Subject.Start.Line, "  diagnostic without summary or detail: " + text(d)})
		case !taken[i]:
			bad = append(bad, problem{d.Subject.Start.Line, fmt.Sprintf("  line %d: unexpected %s %q", d.Subject.Start.Line, severity(d.Severity), text(d))})
		}
	}
	sort.SliceStable(bad, func(i, j int) bool { return bad[i].line < bad[j].line })
	out := make([]string, len(bad))
	for i, b := range bad {
		out[i] = b.text
	}
	return out
}

func matches(e Expectation, d *hcl.Diagnostic) bool {
	return d.Subject != nil && d.Subject.Start.Line == e.Line && d.Severity == e.Severity && strings.Contains(text(d), e.Text)
}

func text(d *hcl.Diagnostic) string { return d.Summary + ": " + d.Detail }

func severity(s hcl.DiagnosticSeverity) string {
	if s == hcl.DiagWarning {
		return "warning"
	}
	return "error"
}
