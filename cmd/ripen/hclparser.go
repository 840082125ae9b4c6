package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// hclParser reads ripen.hcl for koanf: attributes, each a known setting, and the
// block trust; each mistake at its line.
type hclParser struct {
	name   string
	list   []setting
	ranges map[string]hcl.Range
}

// diagnosed is an error that consists of diagnostics with their sources.
type diagnosed struct {
	diags hcl.Diagnostics
	files map[string]*hcl.File
}

func (d *diagnosed) Error() string { return d.diags.Error() }

// Unmarshal implements koanf.Parser.
func (p *hclParser) Unmarshal(src []byte) (map[string]any, error) {
	file, diags := hclsyntax.ParseConfig(src, p.name, hcl.InitialPos)
	out := make(map[string]any)
	if body, ok := file.Body.(*hclsyntax.Body); ok && !diags.HasErrors() {
		for _, b := range body.Blocks {
			if b.Type == trustBlock {
				diags = append(diags, p.trust(b, out)...)
				continue
			}
			diags = append(diags, fail(b.TypeRange, "Not a setting", fmt.Sprintf("Found a block %q; ripen.hcl holds settings such as port = 4222, and trust { … }. Workflows have their own folder.", b.Type)))
		}
		attrs, _ := file.Body.JustAttributes() // it has something against blocks
		for name, attr := range attrs {
			if value, d := p.value(name, attr); d != nil {
				diags = append(diags, d)
			} else {
				out[name], p.ranges[name] = value, attr.Range
			}
		}
	}
	slices.SortStableFunc(diags, func(a, b *hcl.Diagnostic) int { return startOf(a) - startOf(b) })
	if diags.HasErrors() {
		return nil, &diagnosed{diags, map[string]*hcl.File{p.name: file}}
	}
	return out, nil
}

// Marshal implements koanf.Parser.
func (p *hclParser) Marshal(map[string]any) ([]byte, error) {
	return nil, errors.New("configuration is never written")
}

func (p *hclParser) value(name string, attr *hcl.Attribute) (string, *hcl.Diagnostic) {
	var names []string
	var s *setting
	for i := range p.list {
		names = append(names, p.list[i].key)
		if p.list[i].key == name {
			s = &p.list[i]
		}
	}
	if s == nil {
		hint := "`ripen config` lists the settings."
		if near := nearest(name, names); near != "" {
			hint = fmt.Sprintf("Did you mean %q?", near)
		}
		return "", fail(attr.NameRange, "Unknown setting", fmt.Sprintf("There is no setting %q. %s", name, hint))
	}
	v, diags := attr.Expr.Value(nil)
	if diags.HasErrors() {
		return "", diags[0]
	}
	text, err := convert.Convert(v, cty.String)
	if err != nil || text.IsNull() || !text.IsKnown() {
		return "", fail(attr.Expr.Range(), "Not a value", fmt.Sprintf("Setting %q takes a text, a number, true or false.", name))
	}
	if err := s.check(text.AsString()); err != nil {
		return "", fail(attr.Expr.Range(), "Invalid setting", fmt.Sprintf("%s: %v.", name, err))
	}
	return text.AsString(), nil
}

// startOf is where a diagnostic points to.
func startOf(d *hcl.Diagnostic) int {
	if d.Subject == nil {
		return 0
	}
	return d.Subject.Start.Byte
}

func fail(at hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at.Ptr()}
}

// nearest is the candidate that name was probably meant to be, or nothing.
func nearest(name string, candidates []string) (best string) {
	least := 3 // edits
	for _, c := range candidates {
		if d := levenshtein.Distance(name, c, nil); d < least {
			best, least = c, d
		}
	}
	return best
}
