package scoretest

import (
	"encoding/binary"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Day is one day in ms.
const Day int64 = 86_400_000

// Rules of the step "behavior" by index.
const (
	RuleOpened = iota
	RuleSignup
	RuleDemo
	RuleDownload
	RuleVisit
	RuleIgnored
	RuleUnsubscribed
	RuleDaily
)

// Grace is how long a delivered e-mail may stay unanswered.
const Grace = 3 * Day

// Fails says whether the event is marked to fail in the step: property "fail"
// is "soft", "bad" or "trap", property "in" names the step.
func Fails(s *step.Slot, name string) string {
	if s.Frame.Event == nil || s.Frame.Event.Props.Get("in").Str != name {
		return ""
	}
	return s.Frame.Event.Props.Get("fail").Str
}

// fail fails the slot in the given way.
func fail(w *Sheet, how string) {
	switch how {
	case "trap":
		w.Outcome = step.Outcome{Kind: step.OutcomeTrap, Code: "unreachable", Text: "wasm: unreachable"}
	case "bad":
		w.Award(RuleOpened, 3*lead.Point)
		w.Add(abi.Entry{Kind: abi.EntryAward, Rule: 999, Delta: 1})
	default:
		w.Soft("marked to fail")
	}
}

// guard hides events of robots and takes back what they were given.
func guard(s *step.Slot, w *Sheet) {
	if how := Fails(s, "guard"); how != "" {
		fail(w, how)
		return
	}
	e := s.Frame.Event
	if e == nil {
		return
	}
	if e.Props.Get("robot").Num != 0 {
		w.Result.Flags |= abi.ResultHide
	}
	if id := e.Props.Get("voids"); id.Kind == lead.String {
		w.Add(abi.Entry{Kind: abi.EntryVoid, Flags: abi.EntryVoidEvent, Scope: ledger.Hash64(id.Str)})
	}
}

// behavior awards by event name. Its state is the number of e-mails without
// an answer and the time of the last one; the fourth one, unanswered for
// Grace, costs 25 points, once.
func (k *Kit) behavior(s *step.Slot, w *Sheet) {
	if how := Fails(s, "behavior"); how != "" && !k.Healed {
		fail(w, how)
		return
	}
	n, due := mailState(s.State)
	if s.Kind == abi.SlotTimer {
		if n >= 4 && due != 0 && due <= s.Frame.Now {
			w.Award(RuleIgnored, -25*lead.Point)
			due = 0
		}
		w.Result.WakeAt = due
		w.Dirty(mailBytes(n, due))
		return
	}
	e := s.Frame.Event
	switch e.Name {
	case "Email Opened":
		w.Award(RuleOpened, 5*lead.Point)
		n, due = 0, 0
	case "Email Delivered":
		if n++; n == 4 {
			due = max(e.At+Grace, s.Frame.Now+1)
		}
	case "Signed Up":
		w.Award(RuleSignup, 10*lead.Point)
	case "Unsubscribed":
		w.Void(RuleSignup)
		w.Add(abi.Entry{Kind: abi.EntryAward, Flags: abi.EntryElse, Rule: RuleUnsubscribed, Delta: -10_000})
	case "Demo Requested":
		w.Award(RuleDemo, 50*lead.Point)
	case "Downloaded":
		w.Award(RuleDownload, 10*lead.Point)
	case "Logged In":
		w.Award(RuleDaily, 2*lead.Point)
	}
	if e.Kind == lead.Page {
		w.Award(RuleVisit, lead.Point)
	}
	w.Result.WakeAt = due
	if was, wasDue := mailState(s.State); was != n || wasDue != due {
		w.Dirty(mailBytes(n, due))
	}
}

func mailState(b []byte) (n int, due int64) {
	if len(b) != 16 {
		return 0, 0
	}
	return int(binary.LittleEndian.Uint64(b)), int64(binary.LittleEndian.Uint64(b[8:]))
}

func mailBytes(n int, due int64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(n))
	return binary.LittleEndian.AppendUint64(b, uint64(due))
}

// fit grades by the traits "title" and "size" and replaces its line.
func fit(s *step.Slot, w *Sheet) {
	if how := Fails(s, "fit"); how != "" {
		fail(w, how)
		return
	}
	title := s.Frame.Acct.Person.Get("title")
	switch {
	case title.Kind == lead.Absent:
		w.Result.Grade, w.Result.Reason = 3, 1
	case title.Str == "ceo":
		w.Replace(0, 30*lead.Point)
		w.Result.Grade = 1
	case title.Str == "manager":
		w.Replace(0, 12_500)
		w.Result.Grade = 2
	default:
		w.Replace(0, 0)
		w.Result.Grade = 3
	}
	if size := s.Frame.Acct.Company.Get("size"); size.Kind == lead.Number {
		w.Replace(1, lead.Points(min(max(size.Num, 0), 20))*lead.Point)
	}
}

// Fade is a linear decay over the rows: after age k of n steps (n−k)/n is left.
func Fade(n int64) func(*step.Slot, *Sheet) {
	left := func(base lead.Points, age int64) lead.Points {
		if age = max(age, 0); age >= n {
			return 0
		}
		return base.MulDiv(n-age, n)
	}
	return func(s *step.Slot, w *Sheet) {
		if how := Fails(s, "fade"); how != "" {
			fail(w, how)
			return
		}
		wake := int64(0)
		for i := range s.Rows {
			r := &s.Rows[i]
			if r.At == 0 {
				continue // a replaced line has no age
			}
			base := lead.Points(r.Awarded - r.Reversed)
			now, from := s.Frame.Now/r.Step, r.At/r.Step
			want := left(base, now-from)
			if d := want - lead.Points(r.Remaining); d != 0 {
				w.Add(abi.Entry{Kind: abi.EntryAdjust, Target: uint32(i), Delta: int64(d)})
			}
			for age := max(now-from, 0) + 1; age <= n; age++ {
				if left(base, age) != want {
					if at := (from + age) * r.Step; wake == 0 || at < wake {
						wake = at
					}
					break
				}
			}
		}
		w.Result.WakeAt = wake
	}
}
