package expr

import (
	"math"
	"math/big"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

func between(k *call) *node {
	x, low, high := k.value(0), k.value(1), k.value(2)
	if x == nil || low == nil || high == nil {
		return nil
	}
	if low.rat != nil && high.rat != nil && low.rat.Cmp(high.rat) > 0 {
		return k.errorf(low.rng, "Empty range", "The lower end %s is above the upper end %s.", low.rat.RatString(), high.rat.RatString())
	}
	a := k.c.compare(">=", x, low, k.rng)
	b := k.c.compare("<=", x, high, k.rng)
	if a == nil || b == nil {
		return nil
	}
	return k.c.logic("&&", a, b, k.rng)
}

func unknown(k *call) *node { return k.isKnown(false) }

func known(k *call) *node { return k.isKnown(true) }

func (k *call) isKnown(want bool) *node {
	x := k.value(0)
	if x == nil {
		return nil
	}
	var has func(*ledger.Frame) bool
	switch x.typ {
	case Bool:
		tri := x.tri
		has = func(f *ledger.Frame) bool { return tri(f) != lead.Unknown }
	case Number:
		num := x.num
		has = func(f *ledger.Frame) bool { _, ok := num(f); return ok }
	case Points:
		pts := x.pts
		has = func(f *ledger.Frame) bool { _, ok := pts(f); return ok }
	case String:
		str := x.str
		has = func(f *ledger.Frame) bool { _, ok := str(f); return ok }
	default:
		dyn := x.dyn
		has = func(f *ledger.Frame) bool { return dyn(f).Kind != lead.Absent }
	}
	if x.con {
		return constBool(k.rng, lead.TriOf(has(nil) == want))
	}
	form := opaque("known(" + x.key + ")")
	if !want {
		form = notForm(form)
	}
	return boolNode(k.rng, form, func(f *ledger.Frame) lead.Tri { return lead.TriOf(has(f) == want) })
}

// coalesce is the first of its arguments that is known.
func coalesce(k *call) *node {
	list := k.values(0)
	if list == nil {
		return nil
	}
	sum := list[len(list)-1]
	for i := len(list) - 2; i >= 0 && sum != nil; i-- {
		sum = k.either(list[i], sum)
	}
	return sum
}

func (k *call) either(x, y *node) *node {
	key := k.key(x, y)
	a, b, typ := k.c.unify(x, y)
	if a == nil {
		return nil
	}
	switch typ {
	case Bool:
		p, q := a.tri, b.tri
		return boolNode(k.rng, opaque(key), func(f *ledger.Frame) lead.Tri {
			if v := p(f); v != lead.Unknown {
				return v
			}
			return q(f)
		})
	case Number:
		return numberNode(k.rng, key, orElse(a.num, b.num))
	case Points:
		return &node{typ: Points, rng: k.rng, key: key, den: a.den, pts: orElse(a.pts, b.pts)}
	case String:
		return stringNode(k.rng, key, orElse(a.str, b.str))
	}
	p, q := a.dyn, b.dyn
	return dynamicNode(k.rng, key, func(f *ledger.Frame) lead.Value {
		if v := p(f); v.Kind != lead.Absent {
			return v
		}
		return q(f)
	})
}

func orElse[T any](p, q func(*ledger.Frame) (T, bool)) func(*ledger.Frame) (T, bool) {
	return func(f *ledger.Frame) (T, bool) {
		if v, ok := p(f); ok {
			return v, true
		}
		return q(f)
	}
}

func least(k *call) *node { return k.extreme(-1) }

func greatest(k *call) *node { return k.extreme(1) }

// extreme is the least (sign -1) or greatest (+1) argument; unknown if one is.
func (k *call) extreme(sign int) *node {
	list := k.values(0)
	if list == nil {
		return nil
	}
	best := list[0]
	for _, n := range list[1:] {
		if best = k.further(sign, best, n); best == nil {
			return nil
		}
	}
	if best.typ == Dynamic {
		return k.c.asNumber(best)
	}
	if best.typ != Number && best.typ != Points {
		return k.errorf(best.rng, "Not a number", "%s takes numbers or points, this is %s.", k.name, best.typ)
	}
	return best
}

func (k *call) further(sign int, a, b *node) *node {
	if a.typ == Dynamic && b.typ == Dynamic {
		a, b = k.c.asNumber(a), k.c.asNumber(b)
	}
	key := k.key(a, b)
	if a.typ == Number && b.typ == Number && a.rat != nil && b.rat != nil {
		if a.rat.Cmp(b.rat)*sign >= 0 {
			return a
		}
		return b
	}
	x, y, typ := k.c.unify(a, b)
	switch {
	case x == nil:
		return nil
	case typ == Points:
		p, q := x.pts, y.pts
		return &node{typ: Points, rng: k.rng, key: key, den: x.den, con: x.con && y.con, pts: furthest(sign, p, q)}
	case typ == Number:
		return numberNode(k.rng, key, furthest(sign, x.num, y.num))
	}
	return k.errorf(k.rng, "Not a number", "%s takes numbers or points, this is %s.", k.name, typ)
}

func furthest[T int64 | float64](sign int, p, q func(*ledger.Frame) (T, bool)) func(*ledger.Frame) (T, bool) {
	return func(f *ledger.Frame) (T, bool) {
		v, ok := p(f)
		w, okW := q(f)
		if orderOf(w, v)*sign > 0 {
			v = w
		}
		return v, ok && okW
	}
}

func abs(k *call) *node {
	x := k.value(0)
	if x == nil {
		return nil
	}
	if x.typ == Points {
		pts, n := x.pts, *x
		n.key, n.score, n.rat = k.key(x), 0, nil
		n.pts = func(f *ledger.Frame) (int64, bool) {
			v, ok := pts(f)
			return max(v, -v), ok
		}
		return &n
	}
	if x = k.c.asNumber(x); x == nil {
		return nil
	}
	if x.rat != nil {
		return constNumber(k.rng, new(big.Rat).Abs(x.rat))
	}
	num := x.num
	return numberNode(k.rng, k.key(x), func(f *ledger.Frame) (float64, bool) {
		v, ok := num(f)
		return math.Abs(v), ok
	})
}

// toPoints makes points of a number, to the nearest milli-point.
func toPoints(k *call) *node {
	x := k.value(0)
	if x == nil {
		return nil
	}
	if x.rat != nil {
		return k.c.asPoints(x)
	}
	if x = k.c.asNumber(x); x == nil {
		return nil
	}
	num := x.num
	return pointsNode(k.rng, k.key(x), func(f *ledger.Frame) (int64, bool) {
		v, ok := num(f)
		if !ok {
			return 0, false
		}
		p, ok := lead.PointsFromFloat(v)
		return int64(p), ok
	})
}

// ratio divides numbers, or points by points; unknown when b is 0.
func ratio(k *call) *node {
	a, b := k.value(0), k.value(1)
	if a == nil || b == nil {
		return nil
	}
	key := k.key(a, b)
	p, q := k.plain(a), k.plain(b)
	if p == nil || q == nil {
		return nil
	}
	return numberNode(k.rng, key, func(f *ledger.Frame) (float64, bool) {
		x, ok := p(f)
		y, okY := q(f)
		if !ok || !okY || y == 0 {
			return 0, false
		}
		return finite(float64(x / y))
	})
}

// plain reads a number, or an amount of points as a number of points.
func (k *call) plain(n *node) func(*ledger.Frame) (float64, bool) {
	if n.typ == Points {
		pts, unit := n.pts, float64(n.den)*float64(lead.Point)
		return func(f *ledger.Frame) (float64, bool) {
			v, ok := pts(f)
			return float64(float64(v) / unit), ok
		}
	}
	if n = k.c.asNumber(n); n == nil {
		return nil
	}
	return n.num
}
