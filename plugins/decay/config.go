package main

import (
	"slices"
	"strconv"

	"github.com/ripenhq/ripen/sdk"
)

// readCurve reads the curve of the block or of an exception.
func readCurve(c sdk.Config, n *sdk.Needs) *curve {
	out := &curve{window: c.Millis("window", 0)}
	switch name := c.Text("curve", "linear"); name {
	case "none":
		out.kind = none
	case "linear":
		out.kind = linear
		if out.window <= 0 {
			n.Error(c, "curve", "a linear curve needs a window", "write window = \"60d\": the age at which nothing is left")
			out.window = 1
		}
	case "half_life":
		out.kind, out.half, out.powers = halfLife, c.Millis("half_life", 0), newPowers()
		if out.half <= 0 {
			n.Error(c, "curve", "a half_life curve needs its half_life", "write half_life = \"14d\": the age at which half is left")
			out.half = 1
		}
	case "step":
		out.kind, out.knots = steps, readKnots(c, n, "steps")
	case "table":
		out.kind, out.knots = table, readKnots(c, n, "table")
	default:
		n.Error(c.Get("curve"), "curve", "unknown curve "+strconv.Quote(name), `there are "linear", "half_life", "step", "table" and "none"`)
	}
	return out
}

// longest keeps the fraction of a table within 63 bits, in ms.
const longest = 36_525 * 86_400_000

// readKnots reads { "30d" = 50, "60d" = 0 }: the percentage kept at each age.
func readKnots(c sdk.Config, n *sdk.Needs, key string) (knots []knot) {
	for _, item := range c.Get(key).Items() {
		age, ok := sdk.ParseMillis(item.Key())
		keep, _ := item.AsPoints()
		if !ok || age <= 0 || age > longest {
			n.Error(item, "curve", strconv.Quote(item.Key())+" is no age", "write a duration such as \"30d\", at most a hundred years")
			continue
		}
		if keep < 0 || keep > keepAll {
			n.Error(item, "curve", "the share kept lies outside 0…100", "it is a percentage: 50 keeps half")
			continue
		}
		knots = append(knots, knot{age, keep})
	}
	slices.SortStableFunc(knots, func(a, b knot) int {
		switch {
		case a.age < b.age:
			return -1
		case a.age > b.age:
			return 1
		}
		return 0
	})
	for i := 1; i < len(knots); i++ {
		if knots[i].keep > knots[i-1].keep {
			n.Error(c.Get(key), "curve-rises", "the curve rises", "decay only takes away: a later age must not keep more than an earlier one")
			break
		}
	}
	if len(knots) == 0 {
		n.Error(c, "curve", "the curve has no "+key, "write "+key+" = { \"30d\" = 50, \"60d\" = 0 }: the percentage kept at each age")
	}
	return knots
}
