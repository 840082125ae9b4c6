package main

import (
	"fmt"

	"cel.dev/cel-go/cel"

	"github.com/ripenhq/ripen/engine/lead"
)

// celRound scores a round with one compiled program a rule. The attributes of
// an event are put into a map once for all of them.
//
// As its README has it, a program is made without options and evaluated on that
// map. At its best, it is optimised, and the map is made an activation once.
type celRound struct {
	best     bool
	events   []lead.Event
	rules    []condition
	programs []cel.Program
	awards   [][]award
	all      []award
}

func newCEL(events []lead.Event, best bool) (*celRound, error) {
	var options []cel.ProgramOption
	if best {
		options = append(options, cel.EvalOptions(cel.OptOptimize))
	}
	r := &celRound{best: best, events: events, awards: make([][]award, len(events))}
	env, err := cel.NewEnv(cel.Variable("event", cel.StringType), cel.Variable("path", cel.StringType),
		cel.Variable("known", cel.BoolType), cel.Variable("seats", cel.DoubleType))
	if err != nil {
		return nil, err
	}
	r.rules = conditions(func(name, prefix string) string { return name + `.startsWith("` + prefix + `")` })
	for _, c := range r.rules {
		ast, issues := env.Compile(c.when)
		if issues.Err() != nil {
			return nil, fmt.Errorf("cel-go: %s: %w", c.when, issues.Err())
		}
		p, err := env.Program(ast, options...)
		if err != nil {
			return nil, fmt.Errorf("cel-go: %s: %w", c.when, err)
		}
		r.programs = append(r.programs, p)
	}
	return r, nil
}

func (r *celRound) score() error {
	r.all = r.all[:0]
	for i := range r.events {
		e, begin := &r.events[i], len(r.all)
		seats := e.Props.Get("seats")
		var vars any = map[string]any{"event": e.Name, "path": e.Path, "known": seats.Kind == lead.Number, "seats": seats.Num}
		if r.best {
			var err error
			if vars, err = cel.NewActivation(vars); err != nil {
				return err
			}
		}
		for k, p := range r.programs {
			v, _, err := p.Eval(vars)
			if err != nil {
				return err
			}
			if v.Value().(bool) {
				r.all = append(r.all, r.rules[k].award)
			}
		}
		r.awards[i] = r.all[begin:len(r.all):len(r.all)]
	}
	return nil
}

func (r *celRound) result(i int) []award { return r.awards[i] }
