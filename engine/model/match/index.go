package match

// index finds a text among fixed ones. A few that differ at a glance have a
// place each. Otherwise it looks at those of the same length only; where there
// are many, a map is faster.
type index struct {
	few   small
	texts []place // all, while they are few and more may come

	lens  uint64 // bit n: there are texts of length n; the last bit: and of longer ones
	byLen [][]entry
	many  map[string]int32 // texts of lengths with more than maxSame, and long ones
}

type entry struct {
	text string
	last byte // of the text: most misses end here
	at   int32
}

const (
	maxSame = 8
	maxLen  = 128
)

// add enters a text; of equal texts the first one counts.
func (x *index) add(text string, at int32) {
	if x.find(text) >= 0 {
		return
	}
	n := len(text)
	if len(x.texts) <= maxSmall {
		x.texts = append(x.texts, place{text: text, at: at})
	}
	x.lens |= lenBit(n)
	if n == 0 || n > maxLen || (n < len(x.byLen) && len(x.byLen[n]) >= maxSame) {
		x.addMany(text, at)
		return
	}
	for len(x.byLen) <= n {
		x.byLen = append(x.byLen, nil)
	}
	x.byLen[n] = append(x.byLen[n], entry{text, text[n-1], at})
}

// done ends the adding.
func (x *index) done() {
	x.few, x.texts = newSmall(x.texts), nil
}

func (x *index) addMany(text string, at int32) {
	if x.many == nil {
		x.many = make(map[string]int32)
	}
	x.many[text] = at
}

func lenBit(n int) uint64 { return 1 << min(uint(n), 63) }

// find returns what was entered with the text, -1 if it was not.
func (x *index) find(text string) int32 {
	if x.few.places != nil {
		return x.few.find(text)
	}
	if x.lens&lenBit(len(text)) == 0 {
		return -1 // most texts, without a call
	}
	return x.look(text)
}

func (x *index) look(text string) int32 {
	if n := len(text); n < len(x.byLen) {
		list := x.byLen[n]
		for i := range list {
			if e := &list[i]; e.last == text[n-1] && e.text == text {
				return e.at
			}
		}
		if len(list) < maxSame && n > 0 {
			return -1
		}
	}
	if x.many == nil {
		return -1
	}
	if at, ok := x.many[text]; ok {
		return at
	}
	return -1
}
