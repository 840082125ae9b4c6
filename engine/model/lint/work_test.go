package lint

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What nobody could try out is let pass: without a bound on the work this test
// would not end.
func TestWork_IsBounded(t *testing.T) {
	for name, source := range map[string]func(i int) string{
		"many": func(i int) string { return fmt.Sprintf("interest >= %d", i) },
		"combined": func(i int) string {
			return fmt.Sprintf("interest >= %d && fit < %d.%03d && count.posts > %d", i, i%9+1, i%1000, i)
		},
	} {
		t.Run(name, func(t *testing.T) {
			routes := make([]string, 300)
			for i := range routes {
				routes[i] = source(i)
			}
			found := run(t, routes...)
			if name == "many" {
				assert.NotEmpty(t, found, "what was looked at before is told")
			}
		})
	}
}
