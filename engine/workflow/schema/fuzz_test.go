package schema

import (
	"os"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// FuzzDecode: no schema and no block make the host panic, and a block without
// a diagnostic has no spoiled value in it.
func FuzzDecode(f *testing.F) {
	probe, err := os.ReadFile("../testdata/schemas/probe.json")
	require.NoError(f, err)
	for _, body := range []string{
		"points = 5\nwindow = \"1d\"\nwhere = a && b", "class \"a\" {\n events = { \"X\" = 1 }\n}", "award = { points = \"x\" }",
		"codes = { a = 1, B = true }", "options {\n deep = { deep = {} }\n}", "tags = [\"a\", \"a\"]", "pair = [1, 2, 3]",
	} {
		f.Add(probe, body)
	}
	f.Add([]byte(`{"$defs":{"x":{"anyOf":[{"$ref":"#/$defs/x"},{"type":"number"}]}},"properties":{"a":{"$ref":"#/$defs/x"}}}`), "a = true")
	f.Add([]byte(`{"properties":{"a":{"oneOf":[{"x-ripen":"points"},{"type":"object"}]}}}`), "a {}")
	f.Fuzz(func(t *testing.T, schema []byte, body string) {
		s, err := Compile("p", schema, []string{"floor"})
		if err != nil || len(body) > 4096 {
			return
		}
		file, diags := hclsyntax.ParseConfig([]byte("step \"p\" \"s\" {\n"+body+"\n}\n"), "a.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			return
		}
		var r value.Report
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			if n := s.Decode(b, &r); n == nil || len(r.Diags) == 0 && spoiled(n) {
				t.Fatalf("a wrong value passed without a diagnostic: %+v", n)
			}
		}
		for _, d := range r.Diags {
			if d.Subject == nil || d.Detail == "" {
				t.Fatalf("diagnostic without a place or a text: %+v", d)
			}
		}
	})
}

func spoiled(n *Node) bool {
	bad := n.Spoiled
	for _, m := range n.Members {
		bad = bad || spoiled(m)
	}
	return bad
}
