package sdktest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/abi"
)

// schema is the part of a JSON Schema that decides how a value crosses.
type schema struct {
	Word       string             `json:"x-ripen"`
	Properties map[string]*schema `json:"properties"`
	Rest       json.RawMessage    `json:"additionalProperties"`
	Items      *schema            `json:"items"`
}

func (s *schema) member(key string) (*schema, error) {
	if m, ok := s.Properties[key]; ok {
		return m, nil
	}
	if len(s.Rest) > 0 && s.Rest[0] == '{' {
		rest := new(schema)
		return rest, json.Unmarshal(s.Rest, rest)
	}
	if string(s.Rest) == "false" {
		return nil, fmt.Errorf("the schema has no %q", key)
	}
	return new(schema), nil
}

// value is a JSON value with its object members in source order.
type value struct {
	token   any // nil, bool, json.Number, string or json.Delim
	keys    []string
	members []value
}

func parse(dec *json.Decoder) (v value, err error) {
	if v.token, err = dec.Token(); err != nil {
		return v, err
	}
	delim, ok := v.token.(json.Delim)
	if !ok {
		return v, nil
	}
	for dec.More() {
		if delim == '{' {
			key, err := dec.Token()
			if err != nil {
				return v, err
			}
			v.keys = append(v.keys, key.(string))
		}
		m, err := parse(dec)
		if err != nil {
			return v, err
		}
		v.members = append(v.members, m)
	}
	_, err = dec.Token()
	return v, err
}

// encoder turns a configuration into nodes; exprs are the texts of its
// expressions, by id.
type encoder struct {
	nodes []abi.Node
	exprs []string
}

func (e *encoder) encode(manifest []byte, config string) error {
	var m struct {
		Schema json.RawMessage `json:"schema"`
	}
	if err := json.Unmarshal(manifest, &m); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	s := new(schema)
	if err := json.Unmarshal(m.Schema, s); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(config)))
	dec.UseNumber()
	v, err := parse(dec)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	_, err = e.add(s, "", v, 0)
	return err
}

func (e *encoder) add(s *schema, key string, v value, parent uint32) (uint32, error) {
	at := uint32(len(e.nodes))
	e.nodes = append(e.nodes, abi.Node{Key: key, Parent: parent})
	if s.Word != "" {
		return at, e.word(s.Word, at, v)
	}
	n := abi.Node{Key: key, Parent: parent}
	switch t := v.token.(type) {
	case nil:
	case bool:
		n.Kind = abi.NodeBool
		if t {
			n.Value = 1
		}
	case json.Number:
		f, _ := t.Float64()
		n.Kind, n.Value = abi.NodeNumber, math.Float64bits(f)
	case string:
		n.Kind, n.Text = abi.NodeString, t
	case json.Delim:
		n.Kind = abi.NodeList
		if t == '{' {
			n.Kind = abi.NodeObject
		}
	}
	e.nodes[at] = n
	return at, e.addMembers(s, at, v)
}

func (e *encoder) addMembers(s *schema, at uint32, v value) error {
	last := uint32(0)
	for i, m := range v.members {
		key, sub, err := "", s.Items, error(nil)
		if v.keys != nil {
			key = v.keys[i]
			sub, err = s.member(key)
		}
		if err != nil {
			return err
		}
		if sub == nil {
			sub = new(schema)
		}
		child, err := e.add(sub, key, m, at)
		if err != nil {
			return err
		}
		if last == 0 {
			e.nodes[at].Child = child
		} else {
			e.nodes[last].Next = child
		}
		last = child
	}
	return nil
}

// word encodes a value that the schema gives a meaning of ours.
func (e *encoder) word(word string, at uint32, v value) error {
	n := &e.nodes[at]
	text := fmt.Sprint(v.token)
	switch word {
	case "expression":
		n.Kind, n.Value = abi.NodeExpr, uint64(len(e.exprs))
		e.exprs = append(e.exprs, text)
	case "points":
		f, err := json.Number(text).Float64()
		if err != nil || math.Abs(f*1000-math.Round(f*1000)) > 1e-6 {
			return fmt.Errorf("%s: %q is no number of points", n.Key, text)
		}
		n.Kind, n.Value = abi.NodePoints, uint64(int64(math.Round(f*1000)))
	case "duration":
		ms, ok := sdk.ParseMillis(strings.TrimSpace(text))
		if !ok {
			return fmt.Errorf("%s: %q is no duration", n.Key, text)
		}
		n.Kind, n.Value = abi.NodeMillis, uint64(ms)
	default:
		return fmt.Errorf("%s: the schema has an unknown x-ripen word %q", n.Key, word)
	}
	return nil
}
