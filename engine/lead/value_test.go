package lead

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

var tris = []Tri{Unknown, False, True}

func TestTri_KleenesLaws(t *testing.T) {
	for _, a := range tris {
		assert.Equal(t, a, a.Not().Not())
		assert.Equal(t, a, a.And(True))
		assert.Equal(t, a, a.Or(False))
		assert.Equal(t, False, a.And(False))
		assert.Equal(t, True, a.Or(True))
		for _, b := range tris {
			assert.Equal(t, a.And(b), b.And(a))
			assert.Equal(t, a.Or(b), b.Or(a))
			assert.Equal(t, a.And(b).Not(), a.Not().Or(b.Not()), "De Morgan")
			assert.Equal(t, a, a.And(a.Or(b)), "absorption")
			for _, c := range tris {
				assert.Equal(t, a.And(b.And(c)), a.And(b).And(c))
				assert.Equal(t, a.Or(b.And(c)), a.Or(b).And(a.Or(c)))
			}
		}
	}
	assert.Equal(t, Unknown, Unknown.Not(), "unknown never fires, negated or not")
	assert.Equal(t, True, TriOf(true))
	assert.Equal(t, False, TriOf(false))
	var zero Tri
	assert.Equal(t, Unknown, zero, "missing is unknown")
}

func TestProps_LikeAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a-f]{1,2}`), 0, 30).Draw(t, "names")
		want, p := map[string]Value{}, Props{}
		for i, name := range names {
			want[name] = NumberOf(float64(i))
			p = append(p, Prop{name, NumberOf(float64(i))})
		}
		p = p.Sort()
		assert.Len(t, p, len(want), "each name once")
		for name, v := range want {
			assert.Equal(t, v, p.Get(name), "the last of equal names")
		}
		assert.Equal(t, Absent, p.Get("zz-none").Kind)
	})
}

func TestValue_Text(t *testing.T) {
	for want, v := range map[string]Value{
		"true": BoolOf(true), "12.5": NumberOf(12.5), "100000000000000000000": NumberOf(1e20), "x": StringOf("x"), "a, b": ListOf("a", "b"), "": {},
	} {
		assert.Equal(t, want, v.Text())
	}
	assert.Equal(t, "page", Page.String())
	assert.Equal(t, "unknown", Kind(200).String())
}
