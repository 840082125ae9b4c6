package workflow

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays out a workflow file the standard way. It changes only spaces,
// so it works on files with mistakes too.
func Format(src []byte) []byte { return hclwrite.Format(src) }

// WriteDiagnostics writes diagnostics for people, each with the lines it is
// about. width is the number of columns, 0 = do not wrap; color adds VT100
// codes.
func WriteDiagnostics(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics, width int, color bool) error {
	if err := hcl.NewDiagnosticTextWriter(w, files, uint(max(width, 0)), color).WriteDiagnostics(diags); err != nil {
		return fmt.Errorf("write diagnostics: %w", err)
	}
	return nil
}

// Diagnostic is the form of a diagnostic in JSON. Lines and columns count from
// 1, columns in characters; bytes count from 0.
type Diagnostic struct {
	Severity string           `json:"severity"` // "error" or "warning"
	Summary  string           `json:"summary"`
	Detail   string           `json:"detail,omitempty"`
	File     string           `json:"file,omitempty"`
	Start    *DiagnosticPlace `json:"start,omitempty"`
	End      *DiagnosticPlace `json:"end,omitempty"`
}

// DiagnosticPlace is a place in a file.
type DiagnosticPlace struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// DiagnosticsJSON is the array of diagnostics for --json; never null.
func DiagnosticsJSON(diags hcl.Diagnostics) ([]byte, error) {
	out := make([]Diagnostic, 0, len(diags))
	for _, d := range diags {
		j := Diagnostic{Severity: "error", Summary: d.Summary, Detail: d.Detail}
		if d.Severity == hcl.DiagWarning {
			j.Severity = "warning"
		}
		if s := d.Subject; s != nil {
			j.File = s.Filename
			j.Start = &DiagnosticPlace{s.Start.Line, s.Start.Column, s.Start.Byte}
			j.End = &DiagnosticPlace{s.End.Line, s.End.Column, s.End.Byte}
		}
		out = append(out, j)
	}
	return json.MarshalIndent(out, "", "  ")
}
