package conformance_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/sdk/conformance"
)

func TestCheckManifest_SaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":            {`{"name": "q"`, "no JSON of the right shape"},
		"a misspelt limit":   {`{"name": "q", "version": "1.0.0", "abi": "1.0", "memory": 9, "schema": {}}`, `unknown field "memory"`},
		"a word as version":  {`{"name": "q", "version": "latest; rm -rf", "abi": "1.0", "schema": {}}`, `version is "latest; rm -rf", expected three numbers`},
		"a version of two":   {`{"name": "q", "version": "1.0", "abi": "1.0", "schema": {}}`, `version is "1.0"`},
		"an escape":          {`{"name": "q", "version": "1.0.0", "about": "a\u001b[2J", "abi": "1.0", "schema": {}}`, `about is "a\x1b[2J", expected one line of printable text: byte 1 is none`},
		"letters turned":     {`{"name": "q", "version": "1.0.0", "author": "\u202eemca", "abi": "1.0", "schema": {}}`, `author is "\u202eemca"`},
		"another contract":   {`{"name": "q", "version": "1.0.0", "abi": "2.0", "schema": {}}`, `abi is "2.0", this version knows 1.0 to 1.`},
		"no contract":        {`{"name": "q", "version": "1.0.0", "abi": "one", "schema": {}}`, `abi is "one", expected "1.`},
		"an unknown voids":   {`{"name": "q", "version": "1.0.0", "abi": "1.0", "voids": "all", "schema": {}}`, `voids is "all", expected "listed"`},
		"too much memory":    {`{"name": "q", "version": "1.0.0", "abi": "1.0", "limits": {"memory_pages": 999999999}, "schema": {}}`, `limits.memory_pages is 999999999, expected at most 1024`},
		"too much fuel":      {`{"name": "q", "version": "1.0.0", "abi": "1.0", "limits": {"fuel": 99999999999}, "schema": {}}`, `limits.fuel is 99999999999, expected at most`},
		"no type of JSON":    {`{"name": "q", "version": "1.0.0", "abi": "1.0", "schema": {"type": "banana"}}`, "at '/type': value must be one of"},
		"a schema of others": {`{"name": "q", "version": "1.0.0", "abi": "1.0", "schema": {"type": "object", "properties": {"a": {"$ref": "file:///etc/passwd"}}}}`, `"$ref" is "file:///etc/passwd", expected "#/$defs/…"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := conformance.CheckManifest([]byte(c.text))
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\x1b")
		})
	}
	m, err := conformance.CheckManifest([]byte(`{"name": "q", "version": "1.2.0-beta.1+5", "about": "Größe, 大", "abi": "1.0", "limits": {"fuel": 1000}, "schema": {"type": "object"}}`))
	require.NoError(t, err)
	assert.Equal(t, "q", m.Name)
}
