package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Format lays out a workflow file the standard way. It changes only spaces,
// so it works on files with mistakes too.
func Format(src []byte) []byte { return hclwrite.Format(src) }

// What people are shown of mistakes: nobody reads a thousand, and a line may be
// as long as the file.
const (
	maxShown     = 100
	maxShownLine = 600 // bytes
)

// WriteDiagnostics writes diagnostics for people, each with the lines it is
// about, and says how many are left out. width is the number of columns, 0 = do
// not wrap; color adds VT100 codes.
func WriteDiagnostics(w io.Writer, files map[string]*hcl.File, diags hcl.Diagnostics, width int, color bool) error {
	var text bytes.Buffer
	shown := diags[:min(len(diags), maxShown)]
	if err := hcl.NewDiagnosticTextWriter(&text, files, uint(max(width, 0)), color).WriteDiagnostics(shown); err != nil {
		return fmt.Errorf("write diagnostics: %w", err)
	}
	if more := len(diags) - len(shown); more > 0 {
		fmt.Fprintf(&text, "And %d more; --json shows them all.\n\n", more)
	}
	for line := range bytes.Lines(text.Bytes()) {
		if _, err := w.Write(printable(line, color)); err != nil {
			return fmt.Errorf("write diagnostics: %w", err)
		}
	}
	return nil
}

// printable shortens a line, and replaces what would move the cursor of a
// terminal: source lines and the words of plugins are other people's.
func printable(line []byte, color bool) []byte {
	if len(line) > maxShownLine {
		end := " …\n"
		if color {
			end = "\x1b[0m" + end
		}
		line = append(bytes.ToValidUTF8(line[:maxShownLine:maxShownLine], nil), end...)
	}
	return bytes.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' && (r != '\x1b' || !color) {
			return unicode.ReplacementChar
		}
		return r
	}, line)
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
