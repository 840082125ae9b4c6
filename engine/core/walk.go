package core

import (
	"errors"
	"slices"
	"strings"
)

// ShelfWalker is a Shelf that can be walked.
type ShelfWalker interface {
	// Each calls fn with the key of every stored lead behind after, in the order of
	// keys, until fn returns false. The key is valid until fn returns.
	Each(after string, fn func(lead string) bool) error
}

// errNoWalk says that a shelf cannot be walked.
var errNoWalk = errors.New("the shelf of this core cannot be walked in the order of leads")

// walk goes through the leads of one or two cores in the order of their keys,
// in slices. Keys of leads in memory are sorted once; a lead that goes to the
// shelf meanwhile is found there, and there once more is no harm.
type walk struct {
	other *Core
	hot   []string // behind after, sorted
	after string   // where the last slice ended
}

// keys are the next leads behind after, at most `most` (0 = all), of this core
// and of the other one (nil = of this alone); more says that there are others
// behind them.
func (c *Core) keys(other *Core, after string, most int) (list []string, more bool, err error) {
	if other == c {
		other = nil
	}
	w := c.walk
	if w == nil || w.other != other || w.after != after {
		w = &walk{other: other, hot: hotKeys(after, c, other)}
		c.walk = w
	}
	list = slices.Clone(w.hot[:limit(len(w.hot), most)])
	for _, core := range [...]*Core{c, other} {
		if core == nil || core.opts.Shelf == nil {
			continue
		}
		if list, more, err = core.mergeCold(list, after, most, more); err != nil {
			return nil, false, err
		}
	}
	if n := limit(len(list), most); n < len(list) {
		list, more = list[:n], true
	}
	n := len(w.hot)
	if len(list) > 0 {
		last := list[len(list)-1]
		at, found := slices.BinarySearch(w.hot, last)
		if found {
			at++
		}
		w.hot, w.after = w.hot[at:], last
		n = len(w.hot)
	}
	if more = more || n > 0; !more {
		c.walk = nil
	}
	return list, more, nil
}

func limit(n, most int) int {
	if most <= 0 {
		return n
	}
	return min(n, most)
}

// hotKeys are the sorted keys of the leads in memory behind after.
func hotKeys(after string, cores ...*Core) (list []string) {
	for _, c := range cores {
		if c == nil {
			continue
		}
		c.leads.all(func(e *entry) {
			if e.key > after {
				list = append(list, e.key)
			}
		})
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// mergeCold puts the keys of the core's shelf into the sorted list. more says
// that the shelf has others.
func (c *Core) mergeCold(list []string, after string, most int, before bool) (all []string, more bool, err error) {
	shelf, ok := c.opts.Shelf.(ShelfWalker)
	if !ok {
		return nil, false, errNoWalk
	}
	n, more := 0, before
	err = shelf.Each(after, func(key string) bool {
		if most > 0 && n == most {
			more = true
			return false
		}
		n++
		list = append(list, strings.Clone(key))
		return true
	})
	slices.Sort(list)
	return slices.Compact(list), more, err
}
