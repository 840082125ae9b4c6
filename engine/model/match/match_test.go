package match

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ripenhq/ripen/sdk/abi"
)

func TestClassifier(t *testing.T) {
	c := NewClassifier([]abi.Literal{
		{Text: "/pricing"}, {Text: "/*", Glob: true}, {Text: "/blog/*", Glob: true}, {Text: "/Docs", Fold: true}, {Text: "*offer*", Glob: true, Fold: true}, {Text: "/blog/new", Glob: true},
	})
	for text, want := range map[string]uint64{"/pricing": 1, "/x": 2, "/blog/new": 2, "/docs": 2, "MY OFFER": 5, "blog": 0, "": 0, "/": 2} {
		assert.Equal(t, want, c.Find(text), text)
	}
}

// find is the same as trying the literals in order.
func FuzzClassifier(f *testing.F) {
	f.Add("/blog/*", "/blog", "*", "/blog/a", true, false)
	f.Add("/blog/*", "/pricing", "/docs/*", "/docs/a", true, false)
	f.Fuzz(func(t *testing.T, a, b, c, text string, glob, fold bool) {
		if !isASCII(a + b + c + text) {
			t.Skip("the contract folds the case of ASCII and of other letters differently")
		}
		list := []abi.Literal{{Text: a, Glob: glob, Fold: fold}, {Text: b, Glob: !glob}, {Text: c, Glob: glob}}
		want := uint64(0)
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].Match(text) {
				want = uint64(i + 1)
			}
		}
		assert.Equal(t, want, NewClassifier(list).Find(text), "%q %q", list, text)
	})
}

// FuzzGlob: patterns mean here what they mean in the plugin contract.
func FuzzGlob(f *testing.F) {
	f.Add("/blog/*", "/blog")
	f.Add("*a*b*", "xaybz")
	f.Add("/*", "")
	f.Add("a*/*", "ab")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		g := NewGlob(pattern, false)
		assert.Equal(t, abi.MatchGlob(pattern, text), g.Match(text))
		folded := NewGlob(pattern, true)
		if g.Match(text) {
			assert.True(t, folded.Match(strings.ToUpper(text)) || !isASCII(text))
		}
	})
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0 }

// Texts of one length beyond a few go another way, and so do empty and long ones.
func TestSet_ManyOfOneLength(t *testing.T) {
	var texts []string
	for i := range 40 {
		texts = append(texts, fmt.Sprintf("%02d", i), fmt.Sprintf("%d/%s", i, strings.Repeat("x", 200)))
	}
	texts = append(texts, "", "one", "07")
	s := NewSet(texts, false)
	for i, text := range texts[:len(texts)-1] {
		assert.Equal(t, i, s.Find(text), text)
	}
	assert.Equal(t, 14, s.Find("07"), "the first of equal texts")
	for _, text := range []string{"99", "o", "two", "1/x", "-1"} {
		assert.Equal(t, -1, s.Find(text), text)
	}
	assert.Equal(t, -1, NewSet(nil, false).Find(""))
}

// Whatever way a set goes, it finds each text and nothing else: few texts that
// differ at a glance, few that do not, and many.
func TestSet_FewAndMany(t *testing.T) {
	for _, n := range []int{1, 2, 5, 20, 63, 64, 65, 66, 300} {
		for _, shape := range []string{"%d", "a%dz", "%06d", "a-%08d-z"} {
			var texts []string
			for i := range n {
				texts = append(texts, fmt.Sprintf(shape, i*7919))
			}
			s := NewSet(texts, false)
			for i, text := range texts {
				assert.Equal(t, i, s.Find(text))
				for _, other := range []string{text + "x", "x" + text, text[:len(text)-1] + "x", ""} {
					assert.Equal(t, -1, s.Find(other), other)
				}
			}
		}
	}
	assert.NotNil(t, NewSet([]string{"Email Opened", "Email Clicked"}, false).exact.few.places)
	assert.Nil(t, NewSet([]string{"a12b3c", "a21b3c"}, false).exact.few.places, "they look alike")
}
