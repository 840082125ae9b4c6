package main

import (
	"fmt"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/ripenhq/ripen/engine/lead"
)

// exprEnv is what the programs see; a struct is the fastest that expr-lang
// knows.
type exprEnv struct {
	Event string  `expr:"event"`
	Path  string  `expr:"path"`
	Known bool    `expr:"known"`
	Seats float64 `expr:"seats"`
}

// exprRound scores a round with one compiled program a rule, and one machine
// for all of them.
type exprRound struct {
	events   []lead.Event
	rules    []condition
	programs []*vm.Program
	machine  vm.VM
	env      exprEnv
	awards   [][]award
	all      []award
}

func newExpr(events []lead.Event) (*exprRound, error) {
	r := &exprRound{events: events, awards: make([][]award, len(events))}
	r.rules = conditions(func(name, prefix string) string { return name + ` startsWith "` + prefix + `"` })
	for _, c := range r.rules {
		p, err := expr.Compile(c.when, expr.Env(&exprEnv{}), expr.AsBool())
		if err != nil {
			return nil, fmt.Errorf("expr-lang: %s: %w", c.when, err)
		}
		r.programs = append(r.programs, p)
	}
	return r, nil
}

func (r *exprRound) score() error {
	r.all = r.all[:0]
	for i := range r.events {
		e, begin := &r.events[i], len(r.all)
		seats := e.Props.Get("seats")
		r.env = exprEnv{e.Name, e.Path, seats.Kind == lead.Number, seats.Num}
		for k, p := range r.programs {
			v, err := r.machine.Run(p, &r.env)
			if err != nil {
				return err
			}
			if v.(bool) {
				r.all = append(r.all, r.rules[k].award)
			}
		}
		r.awards[i] = r.all[begin:len(r.all):len(r.all)]
	}
	return nil
}

func (r *exprRound) result(i int) []award { return r.awards[i] }
