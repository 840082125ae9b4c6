// The plugin that the tests of the conformance kit find out: it breaks the
// contract in the way that its configuration names.
package main

import (
	"encoding/binary"
	"errors"

	"github.com/ripenhq/ripen/sdk"
)

func main() {}

func init() {
	sdk.Register(sdk.Plugin{Caps: sdk.CapState, StateMax: 8, StateVersion: 2, Configure: configure, Migrate: migrate})
}

// how is what is spoiled in this instance.
var how string

type scorer struct {
	amount sdk.Number
	rule   sdk.RuleID
	n      int64
	hoard  [][]byte
}

func configure(cfg sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	how = cfg.Text("how", "well")
	switch how {
	case "configure-panics":
		panic("no configuration is good enough")
	case "":
		n.Error(cfg, "how", "No way to break", "Say how.")
	}
	if cfg.Bool("strict", false) && len(how) > 1000 {
		panic("too long") // what the check "configuration-errors" finds
	}
	return &scorer{amount: n.PropNumber("amount"), rule: n.Rule(sdk.Rule{Name: "r"})}, nil
}

func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	v, known := in.Number(s.amount)
	points := int64(1000)
	switch s.n++; {
	case how == "counter":
		points = s.n * 1000
	case how == "every-tenth" && s.n%10 == 0:
		points = 2000
	case how == "hoard":
		s.hoard = append(s.hoard, make([]byte, 4096))
		s.hoard[len(s.hoard)-1][7] = 1
	case how == "trap" && known && v == 7500:
		panic("no such number")
	case how == "trap-odd" && v < 0:
		panic("no such number")
	}
	var state [8]byte
	binary.LittleEndian.PutUint64(state[:], uint64(in.At()))
	out.SetState(state[:])
	out.Award(s.rule, points)
	return nil
}

func migrate(state []byte, from, to uint32) ([]byte, error) {
	switch {
	case how == "knows-all":
	case from > 2 || to > 2 || from < 1 || to < 1, how == "up-only" && to < from:
		return nil, sdk.ErrVersion
	case how == "forgets" && to < from && len(state) > 0:
		return state[:4], nil
	case how == "forgets" && len(state) > 0:
		return append(append([]byte(nil), state...), 0, 0, 0, 0), nil
	case len(state) != 0 && len(state) != 8:
		return nil, errors.New("not a state")
	}
	return state, nil
}
