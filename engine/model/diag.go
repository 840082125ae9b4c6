package model

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/model/lint"
	"github.com/ripenhq/ripen/engine/workflow"
)

func (b *builder) errorf(rng hcl.Range, summary, format string, args ...any) {
	b.diags = append(b.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &rng,
	})
}

// find notes a finding of the compiler itself.
func (b *builder) find(severity hcl.DiagnosticSeverity, name, of string, rng hcl.Range, summary, format string, args ...any) {
	b.found = append(b.found, lint.New(severity, name, of, rng, summary, format, args...))
}

// laterLints are found by checks that run after the compilation.
func laterLints() []string { return []string{GoldenLint} }

// silence takes the findings that the workflow silences, reports the others,
// and warns of silences that silence nothing.
func (b *builder) silence() {
	used := make([]bool, len(b.def.Silences))
	for _, f := range b.found {
		silent := false
		for i := range b.def.Silences {
			if s := &b.def.Silences[i]; s.Lint == f.Lint && (s.Of == "" || s.Of == f.Of) {
				silent, used[i] = true, true
			}
		}
		if !silent {
			b.diags = append(b.diags, f.Diag)
		}
	}
	if b.diags.HasErrors() {
		return // the other lints may not have run
	}
	for i := range b.def.Silences {
		s := &b.def.Silences[i]
		if used[i] || slices.Contains(laterLints(), s.Lint) {
			continue
		}
		b.diags = append(b.diags, &hcl.Diagnostic{
			Severity: hcl.DiagWarning, Summary: "Unused silence",
			Detail:  fmt.Sprintf("Nothing is found by %q%s.%s Remove it.", s.Lint, ofText(s.Of), b.nearLint(s)),
			Subject: &s.Range,
		})
	}
}

func ofText(of string) string {
	if of == "" {
		return ""
	}
	return fmt.Sprintf(" for %q", of)
}

func (b *builder) nearLint(s *workflow.Silence) string {
	names := append(laterLints(), lint.Names()...)
	var others []string
	for _, f := range b.found {
		names = append(names, f.Lint)
		if f.Lint == s.Lint {
			others = append(others, f.Of)
		}
	}
	if !slices.Contains(names, s.Lint) {
		return expr.Suggest(s.Lint, names)
	}
	return expr.Suggest(s.Of, others)
}

func (b *builder) leftSilences() (left []workflow.Silence) {
	for _, s := range b.def.Silences {
		if slices.Contains(laterLints(), s.Lint) {
			left = append(left, s)
		}
	}
	return left
}
