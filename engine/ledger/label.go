package ledger

import (
	"encoding/binary"
	"unsafe"
)

// Labels lie behind each other in the account's text, each with its length
// before it, and buckets name them by their place: buckets hold no pointers,
// so that the garbage collector passes over them. The text only grows; when
// more than half of it may be out of use it is written anew.

const (
	placeBits = 29
	placeMask = 1<<placeBits - 1
	// maxLookups bounds how many labels are looked through for an equal one.
	maxLookups = 32
	// roomForText is the least length at which the text is written anew.
	roomForText = 256
)

// mark says how the bucket differs from what the last delta left.
func (k *Bucket) mark() uint8 { return uint8(k.label >> placeBits) }

func (k *Bucket) addMark(m uint8) { k.label |= uint32(m) << placeBits }

func (k *Bucket) unmark() { k.label &= placeMask }

// Label is what was done last in bucket i: event name, page path or asset. The
// text is valid as long as anybody has it.
func (a *Account) Label(i int) string { return a.labelAt(a.Buckets[i].label & placeMask) }

// SetLabel says what was done last in bucket i. The text is copied.
func (a *Account) SetLabel(i int, label string) {
	if k := &a.Buckets[i]; a.labelAt(k.label&placeMask) != label {
		k.label = k.label&^placeMask | a.placeOf(label)
		k.addMark(markText)
	}
}

func (a *Account) labelAt(place uint32) string {
	if place == 0 {
		return ""
	}
	b := a.text[place-1:]
	n, k := uint64(b[0]), 1
	if n >= 0x80 {
		n, k = binary.Uvarint(b)
	}
	return unsafe.String(&b[k], n) // nobody writes there again
}

// placeOf finds or makes the place of a label; 0 is that of none.
func (a *Account) placeOf(label string) uint32 {
	if label == "" {
		return 0
	}
	at := 0
	for i := 0; i < maxLookups && at < len(a.text); i++ {
		n, k := binary.Uvarint(a.text[at:])
		if uint64(len(label)) == n && string(a.text[at+k:at+k+int(n)]) == label {
			return uint32(at) + 1
		}
		at += k + int(n)
	}
	return a.newPlace(label)
}

// newPlace puts a label behind the others. An account whose labels took half a
// gigabyte would go without new ones.
func (a *Account) newPlace(label string) uint32 {
	at := len(a.text)
	if at+len(label) >= placeMask {
		return 0
	}
	if need := at + len(label) + 3; need > cap(a.text) {
		a.text = append(make([]byte, 0, need+32), a.text...)
	}
	a.text = append(binary.AppendUvarint(a.text, uint64(len(label))), label...)
	return uint32(at) + 1
}

// tidy writes the labels anew when the text has doubled. Nothing may remember
// the old places: no Begin is open.
func (a *Account) tidy() {
	if len(a.text) <= max(roomForText, 2*int(a.tidied)) {
		return
	}
	old := *a
	a.text = nil
	for i := range a.Buckets {
		k := &a.Buckets[i]
		if place := k.label & placeMask; place != 0 {
			k.label = k.label&^placeMask | a.placeOf(old.labelAt(place))
		}
	}
	a.tidied = uint32(len(a.text))
}
