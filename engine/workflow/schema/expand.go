package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Forty definitions that each refer to the next one twice are a billion
// schemas to a validator. What a schema is when its references are written out
// is bounded; to refer to what one is inside of counts as much as a large one.
const (
	maxExpanded = 100_000
	recursion   = 5_000
)

// expansion counts the nodes of a schema with its references written out.
type expansion struct {
	doc   any
	sizes map[string]int // by reference; -1 while it is counted
}

// checkExpansion refuses a schema that is too large when written out.
func checkExpansion(doc any) error {
	e := expansion{doc: doc, sizes: map[string]int{}}
	if n := e.size(doc, 0); n > maxExpanded {
		return fmt.Errorf("its references written out are more than %d schemas; use fewer of them", maxExpanded)
	}
	return nil
}

func (e *expansion) size(node any, depth int) int {
	if depth > 4*maxSchemaDepth {
		return maxExpanded + 1
	}
	n := 1
	switch v := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) { // what is inside of what depends on the order
			sub := v[key]
			if ref, ok := sub.(string); ok && key == "$ref" {
				n += e.ref(ref, depth)
			} else if key != "$defs" {
				n += e.size(sub, depth+1)
			}
			n = min(n, maxExpanded+1)
		}
	case []any:
		for _, sub := range v {
			n = min(n+e.size(sub, depth+1), maxExpanded+1)
		}
	}
	return n
}

func (e *expansion) ref(ref string, depth int) int {
	n, known := e.sizes[ref]
	if known && n < 0 {
		return recursion
	}
	if known {
		return n
	}
	target, ok := lookupPointer(e.doc, strings.TrimPrefix(ref, "#"))
	if !ok {
		return 1 // told elsewhere
	}
	e.sizes[ref] = -1
	n = e.size(target, depth+1)
	e.sizes[ref] = n
	return n
}
