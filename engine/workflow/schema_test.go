package workflow

import (
	"testing"

	"github.com/stretchr/testify/require"
)

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
