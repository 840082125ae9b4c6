package schema

import "fmt"

// checkMarks reports a mark at a place that decoding does not look at.
func (b *shapeBuilder) checkMarks(node any, at string, depth int) error {
	if depth > maxSchemaDepth {
		return fmt.Errorf("#%s: nested too deeply", at)
	}
	switch n := node.(type) {
	case map[string]any:
		_, word := n["x-ripen"].(string)
		if _, known := b.shapes[at]; word && !known {
			return fmt.Errorf(`#%s: "x-ripen" has no effect here; put it under properties, additionalProperties, items, $defs, oneOf or anyOf`, at)
		}
		for key, sub := range n {
			if err := b.checkMarks(sub, at+"/"+escapePointer(key), depth+1); err != nil {
				return err
			}
		}
	case []any:
		for i, sub := range n {
			if err := b.checkMarks(sub, fmt.Sprintf("%s/%d", at, i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// Members by which expressions and durations show up in the instance that is
// validated; no attribute can have such a name.
const (
	exprMember     = "\x00expression"
	durationMember = "\x00duration"
)

// rewriteMarks returns the document in plain JSON Schema: what a mark stands
// for in the instance that instance() makes.
func rewriteMarks(node any) any {
	switch n := node.(type) {
	case map[string]any:
		if word, ok := n["x-ripen"].(string); ok {
			return rewriteMarked(mark(word), n)
		}
		out := make(map[string]any, len(n))
		for key, sub := range n {
			out[key] = rewriteMarks(sub)
		}
		return out
	case []any:
		out := make([]any, len(n))
		for i, sub := range n {
			out[i] = rewriteMarks(sub)
		}
		return out
	}
	return node
}

func rewriteMarked(m mark, n map[string]any) any {
	switch m {
	case markExpression:
		return map[string]any{"type": "object", "required": []any{exprMember}}
	case markDuration:
		return map[string]any{"type": "object", "required": []any{durationMember}}
	}
	out := make(map[string]any, len(n)+1)
	for key, sub := range n {
		if key != "x-ripen" {
			out[key] = sub
		}
	}
	if _, ok := out["type"]; !ok {
		out["type"] = "number"
	}
	return out
}
