package workflow

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompileSchema_Refuses(t *testing.T) {
	for name, c := range map[string]struct{ schema, want string }{
		"no JSON":          {`{`, "is not JSON"},
		"unknown mark":     {`{"properties":{"a":{"x-ripen":"number"}}}`, `#/properties/a: "x-ripen" is number, expected "expression"`},
		"mark of no text":  {`{"properties":{"a":{"x-ripen":5}}}`, `"x-ripen" is 5`},
		"misplaced mark":   {`{"properties":{"a":{"allOf":[{"x-ripen":"points"}]}}}`, `#/properties/a/allOf/0: "x-ripen" has no effect here`},
		"pattern mark":     {`{"patternProperties":{"^a":{"x-ripen":"points"}}}`, "has no effect here"},
		"host's attribute": {`{"properties":{"floor":{"type":"number"}}}`, `property "floor" at the top of the block is read by the host`},
		"file reference":   {`{"properties":{"a":{"$ref":"file:///etc/passwd"}}}`, `expected "#/$defs/…"`},
		"hidden reference": {`{"allOf":[{"$ref":"file:///etc/passwd"}]}`, "may refer to its own $defs only"},
		"dangling":         {`{"properties":{"a":{"$ref":"#/$defs/b"}}}`, "#/$defs/b does not exist"},
		"self":             {`{"properties":{"a":{"$ref":"#/properties/a"}}}`, "refers to itself"},
		"wrong schema":     {`{"type":"objekt"}`, "schema of plugin \"p\""},
		"bad pattern":      {`{"properties":{"a":{"pattern":"("}}}`, "schema of plugin"},
		"giant":            {`"` + strings.Repeat("x", maxSchemaBytes) + `"`, "at most"},
		"deep":             {strings.Repeat(`{"items":`, 300) + "{}" + strings.Repeat("}", 300), "nested too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := CompileSchema("p", []byte(c.schema))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestCompileSchema_OpenAndClosed(t *testing.T) {
	load := func(schema string) string {
		s, err := CompileSchema("p", []byte(schema))
		require.NoError(t, err)
		def, diags := Load(folder("a.hcl", "workflow \"w\" {}\nstep \"p\" \"s\" { other = 1 }"+tail),
			Options{Schema: func(string) (*Schema, bool) { return s, true }})
		return texted(def, diags)
	}
	require.Contains(t, load(`{"properties":{"a":{}}}`), `has no attribute "other"`, "closed unless it says otherwise")
	require.Empty(t, load(`{"properties":{"a":{}},"additionalProperties":true}`))
	require.Empty(t, load(`{"properties":{"a":{}},"additionalProperties":{"type":"number"}}`))
	require.Contains(t, load(`{"properties":{"a":{}},"additionalProperties":{"type":"string"}}`), "other must be a string, found a number 1")
	require.Contains(t, load(`{"additionalProperties":false}`), `has no attribute "other"`)
	require.Empty(t, load(`true`))
	require.Contains(t, load(`false`), "is not allowed here")
	require.Contains(t, load(`{"allOf":[{"required":["a"]},{"maxProperties":0}]}`), "needs a")
}
