package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Places of the variants in the list.
const (
	inGo = iota
	inPlugin
	inPluginFree
	inExpr
	inCEL
	inCELPlain
	inGoByHeart // not compared with the others: it sees other events
)

func variants(ctx context.Context, dir string, book *ledger.Book, crew *engine.Crew) ([]variant, error) {
	all := events()
	spec := crew.Steps[0]
	free, err := unmetered(ctx, dir, spec)
	if err != nil {
		return nil, err
	}
	inExprLang, err := newExpr(all)
	if err != nil {
		return nil, err
	}
	cel, err := newCEL(all, true)
	if err != nil {
		return nil, err
	}
	celPlain, err := newCEL(all, false)
	if err != nil {
		return nil, err
	}
	return []variant{
		inGo:         {name: "native Go", scorer: &nativeRound{events: all, awards: make([][]award, len(all))}},
		inPlugin:     {name: "plugin", scorer: newPlugin(all, book, spec, crew.Scorers[0])},
		inPluginFree: {name: "plugin, unmetered", scorer: newPlugin(all, book, spec, free)},
		inExpr:       {name: "expr-lang", scorer: inExprLang},
		inCEL:        {name: "cel-go, at its best", scorer: cel},
		inCELPlain:   {name: "cel-go, as its README", scorer: celPlain},
		inGoByHeart:  {name: "native Go, one round", scorer: &nativeRound{events: slices.Repeat(all[:roundSize], rounds), awards: make([][]award, len(all))}},
	}, nil
}

// target is one line of the issue.
type target struct {
	what   string
	got    float64
	format string
	limit  float64
	least  bool // the limit is a lower one
}

func (t target) met() bool { return t.got <= t.limit != t.least || t.got == t.limit }

func report(list []variant) {
	fmt.Printf("\n%-22s %12s %12s %14s\n", "variant", "ns/event", "best", "allocs/event")
	for i := range list {
		v := &list[i]
		fmt.Printf("%-22s %12.1f %12.1f %14.3f\n", v.name, median(v.ns), slices.Min(v.ns), v.allocs())
	}
	plugin := &list[inPlugin]
	fmt.Printf("\n%-34s %10s %10s\n", "ratio (median of the turns)", "measured", "target")
	for _, t := range []target{
		{"plugin / native Go", ratio(plugin, &list[inGo]), "%.1f×", 12, false},
		{"cel-go, as its README / plugin", ratio(&list[inCELPlain], plugin), "%.1f×", 20, true},
		{"fuel on top of unmetered", 100 * (ratio(plugin, &list[inPluginFree]) - 1), "%.1f %%", 15, false},
		{"allocations an event of the host", plugin.allocs(), "%.3f", 0, false},
	} {
		sign, verdict := "≤", "PASS"
		if t.least {
			sign = "≥"
		}
		if !t.met() {
			verdict = "MISS"
		}
		fmt.Printf("%-34s %10s %10s  %s\n", t.what, fmt.Sprintf(t.format, t.got), sign+" "+fmt.Sprintf(t.format, t.limit), verdict)
	}
	fmt.Printf("%-34s %10s\n", "cel-go, at its best / plugin", fmt.Sprintf("%.1f×", ratio(&list[inCEL], plugin)))
	fmt.Printf("%-34s %10s\n", "expr-lang / plugin", fmt.Sprintf("%.1f×", ratio(&list[inExpr], plugin)))
	fmt.Printf("%-34s %10s\n", "plugin / native Go, one round", fmt.Sprintf("%.1f×", ratio(plugin, &list[inGoByHeart])))
}
