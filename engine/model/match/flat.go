package match

import (
	"strings"

	"github.com/ripenhq/ripen/sdk/abi"
)

// flat is a classifier of exact texts and of all that is below a stem, where
// none of them goes deeper than the first slash inside it: event names, and most
// paths. One look then finds both.
type flat struct {
	few    small // of the texts and stems; without places it is not flat
	belows bool
	found  [][2]uint64 // 1+index of the literal, for longer texts and for the very text
}

// newFlat prepares literals that are exact or end in their only star.
func newFlat(literals []abi.Literal) (x flat) {
	var list []place
	at := map[string]int{}
	for i, l := range literals {
		text, isBelow := l.Text, false
		if l.Glob && strings.Contains(text, "*") {
			text, isBelow = strings.TrimSuffix(text, "/*"), true
		}
		if text == "" {
			return flat{}
		}
		x.belows = x.belows || isBelow
		k, ok := at[text]
		if !ok {
			k = len(list)
			at[text] = k
			list, x.found = append(list, place{text: text, at: int32(k)}), append(x.found, [2]uint64{})
		}
		found := &x.found[k]
		if isBelow && found[0] == 0 {
			found[0] = uint64(i + 1)
		}
		if found[1] == 0 {
			found[1] = uint64(i + 1)
		}
	}
	if x.belows {
		for _, p := range list {
			if strings.Contains(p.text[1:], "/") {
				return flat{}
			}
		}
	}
	x.few = newSmall(list)
	return x
}

// find is Classifier.Find.
func (x *flat) find(text string) uint64 {
	end, whole := len(text), 1
	if x.belows && end > 0 {
		if i := strings.IndexByte(text[1:], '/'); i >= 0 {
			end, whole = 1+i, 0
		}
	}
	at := x.few.find(text[:end])
	if uint(at) >= uint(len(x.found)) { // -1
		return 0
	}
	return x.found[at][whole]
}
