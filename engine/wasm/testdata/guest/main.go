// The plugin that the tests of engine/wasm run: it uses every part of the
// contract, and misbehaves on demand.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/ripenhq/ripen/sdk"
)

func main() {}

func init() {
	sdk.Register(sdk.Plugin{
		Caps: sdk.CapLedger | sdk.CapState | sdk.CapTimers, StateMax: 16, StateVersion: 2, ArenaWant: 256 << 10,
		Migrate:   migrate,
		Configure: configure,
	})
}

// migrate knows the state of version 1, which had four bytes; version 7 breaks.
func migrate(state []byte, from, to uint32) ([]byte, error) {
	switch {
	case from == 7:
		panic("seven")
	case from == 1 && to == 2:
		if len(state) == 4 {
			return append(state, 0, 0, 0, 0), nil
		}
	case from == 2 && to == 1:
		if len(state) == 8 && binary.LittleEndian.Uint32(state[4:]) == 0 {
			return state[:4], nil
		}
	default:
		return nil, sdk.ErrVersion
	}
	if len(state) == 0 {
		return nil, nil
	}
	return nil, errors.New("too large for four bytes")
}

type scorer struct {
	v     sdk.Number
	s     sdk.Text
	rule  sdk.RuleID
	grade [2]sdk.Grade
	waste []byte
}

func configure(_ sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
	s := &scorer{v: n.PropNumber("v"), s: n.PropText("s")}
	s.rule = n.Rule(sdk.Rule{Name: "points", Template: "{label}"})
	s.grade = [2]sdk.Grade{n.Grade("A"), n.Grade("B")}
	n.View(sdk.View{})
	return s, nil
}

func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	v, known := in.Number(s.v)
	text, hasText := in.Text(s.s)
	if known {
		if err := s.misbehave(v, text); err != nil {
			return err
		}
	}
	for i, r := range in.Rows() {
		out.Adjust(in, i, -r.Remaining/2)
	}
	var state [8]byte
	if !in.Fresh() {
		copy(state[:], in.State())
	}
	n := binary.LittleEndian.Uint64(state[:]) + 1
	binary.LittleEndian.PutUint64(state[:], n)
	out.SetState(state[:])
	out.Grade(s.grade[n%2], 0)
	if known {
		for range max(1, int(v)-1000) {
			out.AwardFor(s.rule, int64(v*1000), s.s)
		}
	}
	if hasText {
		out.Award(s.rule, int64(len(text))*1000)
	}
	out.Wake(in.Now() + 1000)
	return nil
}

func (s *scorer) misbehave(v float64, text string) error {
	switch v {
	case 666:
		panic("six hundred and sixty-six")
	case 667:
		return errors.New("no: " + strings.Repeat(text, 20))
	case 668:
		for i := 0; ; i++ {
			s.waste = append(s.waste[:0], byte(i))
		}
	case 669:
		os.Exit(3)
	case 670:
		for {
			s.waste = append(s.waste, make([]byte, 1<<20)...)
		}
	case 671:
		fmt.Fprintln(os.Stderr, "just saying", text)
	case 672:
		s.waste = make([]byte, 100_000) // garbage
	}
	return nil
}
