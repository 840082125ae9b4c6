package workflow

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestCompileSchema_WhatIsNoSchema is what a manifest may hold where a schema is
// expected: each is refused or taken, at once, and nothing is fetched.
func TestCompileSchema_WhatIsNoSchema(t *testing.T) {
	began := time.Now()
	for name, tt := range map[string]struct{ schema, says string }{
		"a number":            {`7`, "schema"},
		"a list":              {`[]`, "schema"},
		"no JSON":             {`{"type":`, "schema"},
		"nothing":             {``, ""},
		"an unknown type":     {`{"type": "points"}`, "type"},
		"a type that is none": {`{"type": 7}`, "type"},
		"properties as list":  {`{"properties": []}`, "properties"},
		"a bad pattern":       {`{"properties": {"a": {"type": "string", "pattern": "("}}}`, "pattern"},
		"a file":              {`{"$ref": "file:///etc/passwd"}`, "file:///etc/passwd"},
		"an address":          {`{"$ref": "http://127.0.0.1:1/schema.json"}`, "http://127.0.0.1:1"},
		"another draft":       {`{"$schema": "http://example.com/draft-99"}`, "draft-99"},
		"a hole":              {`{"$ref": "#/$defs/none"}`, "none"},
		"a million brackets":  {strings.Repeat(`{"not":`, 100_000) + `{}` + strings.Repeat(`}`, 100_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := CompileSchema("p", []byte(tt.schema))
			require.Error(t, err)
			require.Contains(t, err.Error(), tt.says)
			require.Less(t, len(err.Error()), 2000, "for people")
		})
	}
	s, err := CompileSchema("p", []byte(`{"$ref": "#/$defs/self", "$defs": {"self": {"anyOf": [{"$ref": "#/$defs/self"}]}}}`))
	if err == nil { // it is a schema, if one that nothing can be checked with
		_, diags := Load(folder("a.hcl", "workflow \"w\" {}\nstep \"p\" \"s\" { other = 1 }"+tail),
			Options{Schema: func(string) (*Schema, bool) { return s, true }})
		_ = diags.Error()
	}
	require.Less(t, time.Since(began), 20*time.Second)
}
