package match

import (
	"strings"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Flat is a classifier of exact texts and of all that is below a stem, where
// none of them goes deeper than the first slash inside it: event names, and most
// paths. One look then finds both.
type Flat struct {
	few    small // of the texts and stems; without places it is not flat
	belows bool
	found  [][2]uint64 // 1+index of the literal, for longer texts and for the very text
}

// newFlat prepares literals that are exact or end in their only star.
func newFlat(literals []abi.Literal) (x Flat) {
	var list []place
	at := map[string]int{}
	for i, l := range literals {
		text, isBelow := l.Text, false
		if l.Glob && strings.Contains(text, "*") {
			text, isBelow = strings.TrimSuffix(text, "/*"), true
		}
		if text == "" {
			return Flat{}
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
				return Flat{}
			}
		}
	}
	x.few = newSmall(list)
	return x
}

// Find is Classifier.Find. The look of small.find is written out: for most
// events this is half of what projecting a text takes.
func (x *Flat) Find(text string) uint64 {
	if text == "" {
		return 0
	}
	end, whole := len(text), 1
	if x.belows {
		if i := strings.IndexByte(text[1:], '/'); i >= 0 {
			end, whole = 1+i, 0
		}
	}
	text = text[:end]
	key := keyOf(text)
	if i := key * x.few.factor >> x.few.shift; int(i) < len(x.few.places) {
		if p := &x.few.places[i]; p.key == key && p.text == text {
			return x.found[p.at][whole]
		}
	}
	return 0
}
