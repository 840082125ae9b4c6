package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompile_Refuses(t *testing.T) {
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
		"a billion":        {billion(), "written out are more than 100000 schemas"},
		"self":             {`{"properties":{"a":{"$ref":"#/properties/a"}}}`, "refers to itself"},
		"wrong schema":     {`{"type":"objekt"}`, "schema of plugin \"p\""},
		"bad pattern":      {`{"properties":{"a":{"pattern":"("}}}`, "schema of plugin"},
		"giant":            {`"` + strings.Repeat("x", maxSchemaBytes) + `"`, "at most"},
		"deep":             {strings.Repeat(`{"items":`, 300) + "{}" + strings.Repeat("}", 300), "nested too deeply"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Compile("p", []byte(c.schema), []string{"floor"})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// billion is a schema in which each definition refers to the next one twice.
func billion() string {
	text := `{"properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{`
	for i := range 30 {
		text += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	return text + `"d30":{"type":"string"}}}`
}
