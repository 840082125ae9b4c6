package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// maxBent is how many bent configurations are tried of each case.
const maxBent = 200

// configurations hands over what no schema can rule out, and what is damaged:
// needs, or an error with words, but never a plugin that breaks.
func (r *Report) configurations(ctx context.Context, s *subject, runs []*run) error {
	const name = "configuration-errors"
	tried, refused := 0, 0
	for _, run := range runs {
		nodes, err := abi.DecodeConfig(run.spec.Config)
		if err != nil {
			continue // made by hand
		}
		for _, bent := range bend(nodes) {
			tried++
			needs, err := s.plugin.Configure(ctx, abi.AppendConfig(nil, bent.nodes))
			switch {
			case errors.Is(err, wasm.ErrBroke), errors.Is(err, wasm.ErrNeeds):
				r.fail(name, fmt.Sprintf("case %s with %s: %v", run.name, bent.what, err), "needs, or an error at the node", "check what is read from the configuration, and report with Needs.Error")
				return nil
			case err != nil || hasErrors(needs):
				refused++
			}
		}
	}
	if tried == 0 {
		r.skip(name, "no configuration that is a tree")
	} else {
		r.pass(name, "%d bent configurations: %d refused with words, the others accepted", tried, refused)
	}
	r.damaged(ctx, s, runs)
	return nil
}

func hasErrors(n *abi.Needs) bool {
	for _, d := range n.Diags {
		if d.Severity == abi.DiagError {
			return true
		}
	}
	return false
}

// damaged hands over bytes that are no configuration. No host of ours sends
// them: a plugin that breaks of them is refused like one that says so.
func (r *Report) damaged(ctx context.Context, s *subject, runs []*run) {
	const name = "configuration-damaged"
	accepted := 0
	blobs := [][]byte{nil, []byte("CONF"), []byte(strings.Repeat("\xff", 64))}
	for _, run := range runs {
		if n := len(run.spec.Config); n > 8 {
			blobs = append(blobs, run.spec.Config[:n/2])
		}
	}
	for _, blob := range blobs {
		if needs, err := s.plugin.Configure(ctx, blob); err == nil && !hasErrors(needs) {
			accepted++
		}
	}
	if accepted > 0 {
		r.warn(name, fmt.Sprintf("%d of %d damaged blobs are accepted", accepted, len(blobs)), "that the plugin refuses what is no configuration", "check magic and lengths, as the SDKs do")
		return
	}
	r.pass(name, "%d damaged blobs are refused", len(blobs))
}

// bent is a configuration of which one node is other than the author wrote.
type bent struct {
	what  string
	nodes []abi.Node
}

// bend changes each node in turn, within its type.
func bend(nodes []abi.Node) (list []bent) {
	with := func(i int, what string, n abi.Node) {
		if len(list) >= maxBent {
			return
		}
		next := append([]abi.Node(nil), nodes...)
		next[i] = n
		list = append(list, bent{fmt.Sprintf("%s = %s", orNone(nodes[i].Key, fmt.Sprintf("node %d", i)), what), next})
	}
	for i, n := range nodes {
		switch n.Kind {
		case abi.NodeNumber:
			for _, f := range []float64{0, -1, 1e300, math.Inf(-1), math.NaN()} {
				m := n
				m.Value = abi.FloatBits(f)
				with(i, fmt.Sprint(f), m)
			}
		case abi.NodePoints, abi.NodeMillis:
			for _, v := range []int64{0, -1, math.MaxInt64, math.MinInt64} {
				m := n
				m.Value = uint64(v)
				with(i, fmt.Sprint(v), m)
			}
		case abi.NodeString:
			for _, text := range []string{"", strings.Repeat("x", 5000), "\x00", "ünïcode"} {
				m := n
				m.Text = text
				with(i, fmt.Sprintf("%.20q", text), m)
			}
		case abi.NodeList, abi.NodeObject:
			if n.Child != 0 {
				m := n
				m.Child = 0
				with(i, "nothing in it", m)
			}
		}
	}
	return list
}
