package diagtest

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"
)

func diag(line int, sev hcl.DiagnosticSeverity, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: sev, Summary: summary, Detail: detail, Subject: &hcl.Range{Start: hcl.Pos{Line: line}}}
}

func TestExpected(t *testing.T) {
	got, err := Expected("a = 1 # ERROR: one # WARNING: two\n\n# ERROR@-1: above\nplain # comment")
	require.NoError(t, err)
	require.Equal(t, []Expectation{
		{1, hcl.DiagError, "one"}, {1, hcl.DiagWarning, "two"}, {2, hcl.DiagError, "above"},
	}, got)
	_, err = Expected("a # ERROR:")
	require.ErrorContains(t, err, "line 1")
}

func TestCompare(t *testing.T) {
	want := []Expectation{{1, hcl.DiagError, "bad"}, {1, hcl.DiagError, "bad wolf"}}
	exact := hcl.Diagnostics{diag(1, hcl.DiagError, "Sum", "a bad wolf"), diag(1, hcl.DiagError, "Sum", "a bad dog")}
	require.Empty(t, Compare(want, exact))

	for name, got := range map[string]hcl.Diagnostics{
		"one missing":       exact[:1],
		"one too many":      append(exact[:2:2], diag(9, hcl.DiagError, "Sum", "extra")),
		"other line":        {exact[0], diag(2, hcl.DiagError, "Sum", "a bad dog")},
		"other severity":    {exact[0], diag(1, hcl.DiagWarning, "Sum", "a bad dog")},
		"no place":          {exact[0], exact[1], {Severity: hcl.DiagError, Summary: "Sum", Detail: "d"}},
		"nothing said":      {exact[0], diag(1, hcl.DiagError, "a bad dog", "")},
		"one text, matched": {exact[0], diag(1, hcl.DiagError, "Sum", "other")},
	} {
		require.NotEmpty(t, Compare(want, got), name)
	}
}
