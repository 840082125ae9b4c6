package match

import (
	"math/bits"
	"slices"
)

// small finds a text among a few fixed ones with one look: the length and three
// of its letters choose the only place where it may stand. Which text comes is
// unknown beforehand, so what costs is each branch that depends on it; there is
// one.
type small struct {
	places []place // a power of two of them; nil: the texts do not fit
	factor uint32
	shift  uint32
}

type place struct {
	text string
	key  uint32 // 0: nothing stands here
	at   int32
}

const (
	maxSmall   = 64
	maxPlaces  = 2048
	maxFactors = 16 // tried for each size
)

// keyOf mixes what a look sees of a text that is not empty.
func keyOf(s string) uint32 {
	n := len(s)
	return uint32(n)<<24 | uint32(s[0])<<16 | uint32(s[n>>1])<<8 | uint32(s[n-1])
}

// newSmall places texts that differ in their keys; without a place for each it
// is empty.
func newSmall(list []place) (x small) {
	if len(list) == 0 || len(list) > maxSmall {
		return small{}
	}
	for i := range list {
		p := &list[i]
		if p.text == "" || len(p.text) > maxLen {
			return small{}
		}
		p.key = keyOf(p.text)
		if slices.ContainsFunc(list[:i], func(o place) bool { return o.key == p.key }) {
			return small{}
		}
	}
	for size := uint32(4); size <= maxPlaces; size *= 2 {
		if int(size) < len(list) {
			continue
		}
		x.places, x.shift, x.factor = make([]place, size), 33-uint32(bits.Len32(size)), 0x9e37_79b1
		for range maxFactors {
			if x.fits(list) {
				return x
			}
			clear(x.places)
			x.factor = x.factor*0x85eb_ca6b + 2
		}
	}
	return small{}
}

func (x *small) fits(list []place) bool {
	for _, p := range list {
		to := &x.places[p.key*x.factor>>x.shift]
		if to.key != 0 {
			return false
		}
		*to = p
	}
	return true
}

// find is index.find for a set that is not empty.
func (x *small) find(text string) int32 {
	if text == "" || len(text) > maxLen {
		return -1
	}
	key := keyOf(text)
	if i := key * x.factor >> x.shift; int(i) < len(x.places) {
		if p := &x.places[i]; p.key == key && p.text == text {
			return p.at
		}
	}
	return -1
}
