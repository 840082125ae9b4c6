package model

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// testPlugin answers with needs written by hand for what its block says.
type testPlugin struct {
	info   PluginInfo
	schema string
	needs  func(nodes []abi.Node) *abi.Needs
}

func (p *testPlugin) Info() PluginInfo { return p.info }

func (p *testPlugin) Configure(config []byte) (*abi.Needs, error) {
	nodes, err := abi.DecodeConfig(config)
	if err != nil {
		return nil, err
	}
	// As over the wire: what cannot be encoded cannot be asked for.
	return abi.DecodeNeeds(abi.AppendNeeds(nil, p.needs(nodes)))
}

func kids(nodes []abi.Node, at uint32) (list []uint32) {
	for k := nodes[at].Child; k != 0; k = nodes[k].Next {
		list = append(list, k)
	}
	return list
}

func kid(nodes []abi.Node, at uint32, key string) uint32 {
	for _, k := range kids(nodes, at) {
		if nodes[k].Key == key {
			return k
		}
	}
	return 0
}

// grader: let { … } and grades = [{A = …}, …]; one bool input per grade line.
func graderNeeds(nodes []abi.Node) *abi.Needs {
	n := &abi.Needs{Reasons: []string{"fits", "unknown"}, Flags: []string{"knocked_out"}}
	seen := map[string]bool{}
	for _, line := range kids(nodes, kid(nodes, 0, "grades")) {
		for _, g := range kids(nodes, line) {
			n.Inputs = append(n.Inputs, abi.Input{Kind: abi.InputBool, Source: abi.FromExpr, Expr: uint32(nodes[g].Value)})
			if !seen[nodes[g].Key] {
				seen[nodes[g].Key] = true
				n.Grades = append(n.Grades, nodes[g].Key)
			}
		}
	}
	if s := kid(nodes, 0, "size"); s != 0 {
		n.Inputs = append(n.Inputs, abi.Input{Kind: abi.InputNumber, Source: abi.FromExpr, Expr: uint32(nodes[s].Value)})
	}
	if r := kid(nodes, 0, "points"); r != 0 {
		n.Rules = append(n.Rules, abi.Rule{Name: "fit", Node: r, Max: int64(nodes[r].Value), Account: true})
	}
	return n
}

// pointer: class "x" { events = {…}, pages = {…}, once = "asset", cap = 5 }.
func pointerNeeds(nodes []abi.Node) *abi.Needs {
	n := &abi.Needs{}
	for _, class := range kids(nodes, kid(nodes, 0, "class")) {
		name := nodes[kid(nodes, class, "label")].Text
		for _, list := range []string{"events", "pages"} {
			in := abi.Input{Kind: abi.InputEnum, Source: abi.FromEvent}
			if list == "pages" {
				in.Source = abi.FromPath
			}
			block := kid(nodes, class, list)
			if block == 0 {
				continue
			}
			for _, k := range kids(nodes, block) {
				r := abi.Rule{Name: name + "/" + nodes[k].Key, Class: name, Node: k, Activity: true, Max: int64(nodes[k].Value)}
				if o := kid(nodes, class, "once"); o != 0 {
					r.Scope, r.Keys = abi.ScopeOnce, []string{nodes[o].Text}
				}
				if s := kid(nodes, class, "score"); s != 0 {
					r.Score = nodes[s].Text
				}
				if c := kid(nodes, class, "cap"); c != 0 {
					r.ClassCap = int64(nodes[c].Value)
				}
				n.Rules = append(n.Rules, r)
				in.Literals = append(in.Literals, abi.Literal{Text: nodes[k].Key, Glob: true})
			}
			if len(in.Literals) > 0 {
				n.Inputs = append(n.Inputs, in)
			}
		}
		if k := kid(nodes, class, "where"); k != 0 {
			n.Inputs = append(n.Inputs, abi.Input{Kind: abi.InputBool, Source: abi.FromExpr, Expr: uint32(nodes[k].Value)})
		}
		if k := kid(nodes, class, "odd"); k != 0 {
			n.Diags = append(n.Diags, abi.Diag{Severity: abi.DiagError, Node: k, Name: "odd", Summary: "That is odd", Detail: "Make it even."})
		}
	}
	return n
}

// fading: of = "score", window = "60d".
func fadingNeeds(nodes []abi.Node) *abi.Needs {
	return &abi.Needs{Views: []abi.View{{Score: nodes[kid(nodes, 0, "of")].Text}}, Horizon: int64(nodes[kid(nodes, 0, "window")].Value)}
}

const expression, points = `{"x-ripen": "expression"}`, `{"x-ripen": "points"}`

// testPlugins are small plugins of the kinds that workflows are made of.
func testPlugins() map[string]Plugin {
	return map[string]Plugin{
		"grader": &testPlugin{
			info:  PluginInfo{Manifest: abi.Manifest{Name: "grader", Version: "1.0.0"}, Digest: "aa", Caps: abi.CapPure},
			needs: graderNeeds,
			schema: `{"type": "object", "properties": {"let": {"type": "array", "items": {"type": "object", "additionalProperties": ` + expression + `}},
				"grades": {"type": "array", "items": {"type": "object", "additionalProperties": ` + expression + `}}, "size": ` + expression + `, "points": ` + points + `}}`,
		},
		"pointer": &testPlugin{
			info:  PluginInfo{Manifest: abi.Manifest{Name: "pointer", Version: "1.0.0"}, Digest: "bb"},
			needs: pointerNeeds,
			schema: `{"type": "object", "properties": {"class": {"type": "array", "items": {"type": "object", "properties": {"label": {"type": "string"}, "once": {"type": "string"},
				"score": {"type": "string"}, "odd": {"type": "number"}, "cap": ` + points + `, "where": ` + expression + `,
				"events": {"type": "object", "additionalProperties": ` + points + `}, "pages": {"type": "object", "additionalProperties": ` + points + `}}}}}}`,
		},
		"fading": &testPlugin{
			info:   PluginInfo{Manifest: abi.Manifest{Name: "fading", Version: "1.0.0"}, Digest: "cc", Caps: abi.CapLedger | abi.CapMemoryless},
			needs:  fadingNeeds,
			schema: `{"type": "object", "properties": {"of": {"type": "string"}, "window": {"x-ripen": "duration", "type": "string"}}}`,
		},
		"hiding": &testPlugin{
			info:   PluginInfo{Manifest: abi.Manifest{Name: "hiding", Version: "1.0.0"}, Digest: "dd", Caps: abi.CapVoid},
			needs:  func([]abi.Node) *abi.Needs { return &abi.Needs{} },
			schema: `{"type": "object"}`,
		},
	}
}

// load reads a folder and compiles it with the plugins above.
func load(t testing.TB, fsys fs.FS) (*Model, hcl.Diagnostics) {
	t.Helper()
	plugins := testPlugins()
	def, diags := workflow.Load(fsys, workflow.Options{Schema: func(name string) (*workflow.Schema, bool) {
		p, ok := plugins[name]
		if !ok {
			return nil, false
		}
		s, err := workflow.CompileSchema(name, []byte(p.(*testPlugin).schema))
		require.NoError(t, err)
		return s, true
	}})
	if diags.HasErrors() {
		return nil, diags
	}
	m, more := Compile(def, plugins)
	return m, append(diags, more...)
}

// compile reads one file.
func compile(t testing.TB, src string) (*Model, hcl.Diagnostics) {
	t.Helper()
	return load(t, fstest.MapFS{"main.hcl": {Data: []byte(src)}})
}
