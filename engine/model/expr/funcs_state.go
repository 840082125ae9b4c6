package expr

import (
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/workflow"
)

const dayMillis = 24 * 60 * 60 * 1000 // ms

// hour is 0…23 of the event in the workflow's zone.
func hour(k *call) *node {
	return k.clock(func(t time.Time) float64 { return float64(t.Hour()) })
}

// weekday is 1 (Monday) … 7 (Sunday) of the event in the workflow's zone.
func weekday(k *call) *node {
	return k.clock(func(t time.Time) float64 { return float64((int(t.Weekday())+6)%7 + 1) })
}

func (k *call) clock(read func(time.Time) float64) *node {
	zone := k.c.zone()
	k.c.reads.Event = true
	return numberNode(k.rng, k.key(), func(f *ledger.Frame) (float64, bool) {
		if f.Event == nil {
			return 0, false
		}
		return read(time.UnixMilli(f.At).In(zone)), true
	})
}

// pending says that a hand-raise of the class waits for an answer.
func pending(k *call) *node {
	name, ok := k.literal(0, "name of the class")
	if !ok {
		return nil
	}
	book := k.c.scope.Book
	var hits []int
	var names []string
	for i := range book.Classes {
		full := book.Classes[i].Step + "/" + book.Classes[i].Name
		names = append(names, book.Classes[i].Name)
		if full == name || book.Classes[i].Name == name {
			hits = append(hits, i)
		}
	}
	switch {
	case len(hits) == 0:
		return k.errorf(k.args[0].Range(), "Unknown class", "No step has a class %q.%s The classes are: %s.", name, Suggest(name, names), OneOf(names))
	case len(hits) > 1:
		return k.errorf(k.args[0].Range(), "Ambiguous class", "Several steps have a class %q; write which one: %q.", name, book.Classes[hits[0]].Step+"/"+name)
	}
	class := hits[0]
	id := book.Classes[class].ID
	k.c.reads.Pending = append(k.c.reads.Pending, class)
	form := &Form{Op: FormOpaque, Key: "pending(" + strconv.Itoa(class) + ")", Known: true, Pending: []int{class}}
	return boolNode(k.rng, form, func(f *ledger.Frame) lead.Tri {
		for i := range f.Acct.Marks.Pending {
			if f.Acct.Marks.Pending[i].Class == id {
				return lead.True
			}
		}
		return lead.False
	})
}

// millis is argument i as a duration.
func (k *call) millis(i int) (int64, bool) {
	text, ok := k.literal(i, "duration")
	if !ok {
		return 0, false
	}
	ms, err := workflow.ParseDuration(text)
	switch {
	case err != nil:
		k.errorf(k.args[i].Range(), "Not a duration", "%s; durations look like \"60d\", \"24h\", \"1d12h\".", err)
	case ms == 0:
		k.errorf(k.args[i].Range(), "Empty duration", "The duration must be longer than 0.")
	default:
		return ms, true
	}
	return 0, false
}

// IdleSince is the time that idle() counts from: the last activity, but not
// before the lead was first seen, so that a lead that never did anything is
// idle too; 0 = never seen.
func IdleSince(a *ledger.Account) int64 { return max(a.LastActivity, a.First) }

// idle is true from exactly the given time after the last activity.
func idle(k *call) *node {
	ms, ok := k.millis(0)
	if !ok {
		return nil
	}
	k.c.reads.Idles = append(k.c.reads.Idles, ms)
	return boolNode(k.rng, opaque("idle("+strconv.FormatInt(ms, 10)+")"), func(f *ledger.Frame) lead.Tri {
		since := IdleSince(f.Acct)
		if since == 0 {
			return lead.Unknown
		}
		return lead.TriOf(f.Now-since >= ms)
	})
}

// peak is the highest value of a score within a window that ends now.
func peak(k *call) *node {
	score := k.scoreArg(0)
	ms, ok := k.millis(1)
	if score < 0 || !ok {
		return nil
	}
	book := k.c.scope.Book
	if book.AgeStep > 0 && ms%book.AgeStep != 0 {
		return k.errorf(k.args[1].Range(), "Window does not fit", "The window must be a multiple of the age step (%s).", workflow.FormatDuration(book.AgeStep))
	}
	at := slices.IndexFunc(book.Peaks, func(p ledger.PeakDef) bool { return p.Score == score && p.Window == ms })
	if at < 0 {
		at = len(book.Peaks)
		id := ledger.Hash("peak", book.Scores[score].Name, strconv.FormatInt(ms, 10))
		book.Peaks = append(book.Peaks, ledger.PeakDef{ID: id, Score: score, Window: ms})
	}
	k.c.reads.Peaks = append(k.c.reads.Peaks, at)
	k.c.reads.Scores = append(k.c.reads.Scores, score)
	key := "peak(" + book.Scores[score].Name + ", " + strconv.FormatInt(ms, 10) + ")"
	return pointsNode(k.rng, key, func(f *ledger.Frame) (int64, bool) {
		top := f.Acct.PeakOf(f.Book, at, f.Now)
		if score < len(f.Values) {
			top = max(top, f.Values[score])
		}
		return int64(top), true
	})
}

// scoreArg is argument i, which must name a score; -1 after a mistake.
func (k *call) scoreArg(i int) int {
	if t, ok := k.args[i].(*hclsyntax.ScopeTraversalExpr); ok && len(t.Traversal) == 1 {
		if at := k.c.scoreIndex(t.Traversal.RootName()); at >= 0 {
			return at
		}
	}
	var names []string
	for s := range k.c.scope.Book.Scores {
		names = append(names, k.c.scope.Book.Scores[s].Name)
	}
	k.errorf(k.args[i].Range(), "Not a score", "peak() takes the name of a score: %s.", OneOf(names))
	return -1
}

// episode says that an episode of the action is open.
func episode(k *call) *node {
	action, ok := k.literal(0, "action")
	if !ok {
		return nil
	}
	k.c.reads.Marks = true
	form := opaque("episode(" + strconv.Quote(action) + ")")
	form.Known = true
	return boolNode(k.rng, form, func(f *ledger.Frame) lead.Tri {
		for i := range f.Acct.Marks.Episodes {
			if e := &f.Acct.Marks.Episodes[i]; e.Action == action {
				return lead.TriOf(e.Open)
			}
		}
		return lead.False
	})
}

// stage compares the last answer of sales; a lead without one is at no stage.
func stage(k *call) *node {
	name, ok := k.literal(0, "stage")
	if !ok {
		return nil
	}
	stages := []string{"accepted", "contacted", "rejected", "recycled", "won", "lost"}
	if !slices.Contains(stages, name) {
		return k.errorf(k.args[0].Range(), "Unknown stage", "There is no stage %q.%s The stages are: %s.", name, Suggest(name, stages), OneOf(stages))
	}
	k.c.reads.Marks = true
	form := opaque("stage(" + strconv.Quote(name) + ")")
	form.Known = true
	return boolNode(k.rng, form, func(f *ledger.Frame) lead.Tri { return lead.TriOf(f.Acct.Marks.Stage == name) })
}

// ageDays is the number of age steps of 24 hours since the lead was first
// seen: whole UTC days between then and now.
func ageDays(k *call) *node {
	k.c.reads.Days = true
	return numberNode(k.rng, k.key(), func(f *ledger.Frame) (float64, bool) {
		if f.Acct.First == 0 {
			return 0, false
		}
		return float64(floorDay(f.Now) - floorDay(f.Acct.First)), true
	})
}

func floorDay(ms int64) int64 {
	d := ms / dayMillis
	if ms%dayMillis < 0 {
		d--
	}
	return d
}
