// Package schema reads a plugin's block by the plugin's own JSON Schema: from
// HCL to a tree of Nodes in source order, each mistake at its place.
//
// It may import lead and workflow/value. It never runs a plugin and evaluates
// no expression that needs a lead.
package schema

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// maxSchemaBytes bounds the schema that a plugin brings.
const maxSchemaBytes = 256 << 10

// mark is the word "x-ripen" of a schema.
type mark string

const (
	markNone       mark = ""
	markExpression mark = "expression" // any expression, kept for the model
	markPoints     mark = "points"     // a number, exact in milli-points
	markDuration   mark = "duration"   // a string such as "30d", in ms
)

// Schema is the JSON Schema (2020-12) of a plugin's block with our word
// "x-ripen". It is immutable.
//
// Two things are stricter than JSON Schema says: an object with "properties"
// and without "additionalProperties" takes no others, because a misspelt
// attribute must not pass; and references stay inside the document. "x-ripen"
// may stand wherever properties, additionalProperties, items, prefixItems,
// $defs, oneOf and anyOf lead.
type Schema struct {
	name     string
	host     []string
	compiled *jsonschema.Schema
	root     *shape
	shapes   map[string]*shape // by JSON pointer
}

// shape is what decoding needs to know of one place in a schema.
type shape struct {
	at          string // JSON pointer
	mark        mark
	description string
	types       []string
	enum        []any
	props       map[string]*shape
	names       []string // of props, sorted
	required    []string
	closed      bool   // no other properties
	extra       *shape // of other properties; nil = anything
	items       *shape
	prefix      []*shape
	alts        []*shape // oneOf, anyOf
}

// Compile compiles the "schema" of a plugin's manifest. host are the attributes
// of the block that the host reads itself; the schema may not have them.
func Compile(name string, json []byte, host []string) (*Schema, error) {
	if len(json) > maxSchemaBytes {
		return nil, fmt.Errorf("schema of plugin %q: %d bytes, at most %d are allowed", name, len(json), maxSchemaBytes)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(json))
	if err != nil {
		return nil, fmt.Errorf("schema of plugin %q is not JSON: %w", name, err)
	}
	s := &Schema{name: name, host: host, shapes: map[string]*shape{}}
	b := shapeBuilder{doc: doc, shapes: s.shapes}
	if s.root, err = b.build("", 0); err == nil {
		err = errors.Join(b.buildDefs(), b.checkMarks(doc, "", 0), s.checkHost(), checkExpansion(doc))
	}
	if err != nil {
		return nil, fmt.Errorf("schema of plugin %q: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, rewriteMarks(doc)); err != nil {
		return nil, fmt.Errorf("schema of plugin %q: %w", name, err)
	}
	if s.compiled, err = c.Compile(schemaURL); err != nil {
		return nil, fmt.Errorf("schema of plugin %q: %w", name, err)
	}
	return s, nil
}

const schemaURL = "ripen:plugin"

// noLoader keeps a schema from reading files and the network.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("reference to %s: a plugin's schema may refer to its own $defs only", url)
}

// checkHost refuses a block whose attributes the host would take.
func (s *Schema) checkHost() error {
	for _, name := range s.host {
		if slices.Contains(s.root.names, name) {
			return fmt.Errorf("property %q at the top of the block is read by the host; name it otherwise", name)
		}
	}
	return nil
}

// shapeBuilder walks the document; shapes are made once per JSON pointer, so
// that recursive schemas end.
type shapeBuilder struct {
	doc    any
	shapes map[string]*shape
}

const maxSchemaDepth = 200

func (b *shapeBuilder) build(at string, depth int) (*shape, error) {
	if s, ok := b.shapes[at]; ok {
		return s, nil
	}
	raw, ok := lookupPointer(b.doc, at)
	if !ok {
		return nil, fmt.Errorf("#%s does not exist in the schema", at)
	}
	if depth > maxSchemaDepth {
		return nil, fmt.Errorf("#%s: nested too deeply", at)
	}
	s := &shape{at: at}
	b.shapes[at] = s
	obj, ok := raw.(map[string]any)
	if !ok {
		return s, nil // true or false
	}
	if ref, ok := obj["$ref"].(string); ok {
		return b.ref(s, ref, at, depth)
	}
	s.read(obj)
	if _, ok := obj["x-ripen"]; ok && !slices.Contains([]mark{markExpression, markPoints, markDuration}, s.mark) {
		return nil, fmt.Errorf(`#%s: "x-ripen" is %v, expected "expression", "points" or "duration"`, at, obj["x-ripen"])
	}
	return s, b.children(s, obj, depth)
}

func (b *shapeBuilder) ref(s *shape, ref, at string, depth int) (*shape, error) {
	if !strings.HasPrefix(ref, "#/") {
		return nil, fmt.Errorf(`#%s: "$ref" is %q, expected "#/$defs/…"`, at, ref)
	}
	target, err := b.build(ref[1:], depth+1)
	if err != nil {
		return nil, err
	}
	if target == s {
		return nil, fmt.Errorf("#%s refers to itself", at)
	}
	b.shapes[at] = target
	return target, nil
}

// read takes what the object says about itself.
func (s *shape) read(obj map[string]any) {
	word, _ := obj["x-ripen"].(string)
	s.mark = mark(word)
	s.description, _ = obj["description"].(string)
	s.required = texts(obj["required"])
	s.enum, _ = obj["enum"].([]any)
	if c, ok := obj["const"]; ok {
		s.enum = []any{c}
	}
	if t, ok := obj["type"].(string); ok {
		s.types = []string{t}
	} else {
		s.types = texts(obj["type"])
	}
}

// children builds the shapes below.
func (b *shapeBuilder) children(s *shape, obj map[string]any, depth int) (err error) {
	if props, ok := obj["properties"].(map[string]any); ok {
		s.props = map[string]*shape{}
		s.closed = true
		for name := range props {
			s.names = append(s.names, name)
		}
		sort.Strings(s.names)
		for _, name := range s.names {
			if s.props[name], err = b.build(s.at+"/properties/"+escapePointer(name), depth+1); err != nil {
				return err
			}
		}
	}
	for _, word := range []string{"additionalProperties", "patternProperties", "unevaluatedProperties", "allOf", "if", "dependentSchemas"} {
		if v, ok := obj[word]; ok {
			s.closed = word == "additionalProperties" && v == false
			break
		}
	}
	if _, ok := obj["additionalProperties"].(map[string]any); ok {
		if s.extra, err = b.build(s.at+"/additionalProperties", depth+1); err != nil {
			return err
		}
	}
	return b.elements(s, obj, depth)
}

func (b *shapeBuilder) elements(s *shape, obj map[string]any, depth int) (err error) {
	if _, ok := obj["items"]; ok {
		if s.items, err = b.build(s.at+"/items", depth+1); err != nil {
			return err
		}
	}
	if s.prefix, err = b.list(s, obj, "prefixItems", depth); err != nil {
		return err
	}
	for _, word := range []string{"oneOf", "anyOf"} {
		alts, err := b.list(s, obj, word, depth)
		if err != nil {
			return err
		}
		s.alts = append(s.alts, alts...)
	}
	if len(s.alts) > 0 {
		s.closed = s.closed && obj["additionalProperties"] == false
	}
	return nil
}

func (b *shapeBuilder) list(s *shape, obj map[string]any, word string, depth int) (out []*shape, err error) {
	elems, _ := obj[word].([]any)
	for i := range elems {
		sub, err := b.build(fmt.Sprintf("%s/%s/%d", s.at, word, i), depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, sub)
	}
	return out, nil
}

// buildDefs builds shapes that nothing refers to, so that checkMarks finds
// only misplaced marks.
func (b *shapeBuilder) buildDefs() error {
	obj, _ := b.doc.(map[string]any)
	defs, _ := obj["$defs"].(map[string]any)
	for name := range defs {
		if _, err := b.build("/$defs/"+escapePointer(name), 0); err != nil {
			return err
		}
	}
	return nil
}

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func escapePointer(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

func lookupPointer(doc any, at string) (any, bool) {
	if at == "" {
		return doc, true
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, key := range strings.Split(at[1:], "/") {
		switch n := doc.(type) {
		case map[string]any:
			sub, ok := n[unescape.Replace(key)]
			if !ok {
				return nil, false
			}
			doc = sub
		case []any:
			i := 0
			if _, err := fmt.Sscanf(key, "%d", &i); err != nil || i < 0 || i >= len(n) {
				return nil, false
			}
			doc = n[i]
		default:
			return nil, false
		}
	}
	return doc, true
}
