package intake

import (
	"bytes"
	"strconv"

	"github.com/ripenhq/ripen/engine/lead"
)

// Redriven is a rejected event with the mark of an attempt, whatever mark it
// bore before. Bytes that are no object cannot bear one: ok is false.
func Redriven(raw []byte, r *lead.Redrive) (marked []byte, ok bool) {
	body := bytes.TrimSpace(raw)
	if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' {
		return nil, false
	}
	inner := bytes.TrimSpace(body[1 : len(body)-1])
	out := append(make([]byte, 0, len(body)+64), '{')
	if out = append(out, inner...); len(inner) > 0 {
		out = append(out, ',')
	}
	out = append(out, `"redrive":{"workflow":`...)
	out = append(out, quote(r.Workflow)...)
	out = append(out, `,"attempt":`...)
	out = strconv.AppendUint(out, uint64(r.Attempt), 10)
	return append(out, "}}"...), true
}

// redrive reads the mark of an attempt: {"workflow": "…", "attempt": 1}.
func (d *Decoder) redrive(key string) bool {
	s := &d.scan
	if s.peek() != '{' {
		return d.other(key, "an object with workflow and attempt")
	}
	s.i++
	var r lead.Redrive
	more, ok := s.first('}'), true
	for more && ok {
		name, good := s.key()
		if !good {
			return false
		}
		switch name {
		case "workflow":
			ok = d.text(&r.Workflow, "redrive.workflow")
		case "attempt":
			ok = d.attempt(&r.Attempt)
		default:
			ok = s.skip(3)
		}
		if ok {
			more, ok = s.next('}')
		}
	}
	if ok && s.bad.code == "" && (r.Workflow == "" || r.Attempt == 0) {
		s.note(CodeWrongType, reason(key, "no workflow or no attempt", "both", "redrive with the command ripen rejected redrive"))
	}
	d.f.again = &r
	return ok
}

func (d *Decoder) attempt(dst *uint32) bool {
	s := &d.scan
	if c := s.peek(); c < '0' || c > '9' {
		return d.other("redrive.attempt", "a number")
	}
	f, ok := s.number()
	if ok && (f < 1 || f > lead.MaxAttempt || f != float64(uint32(f))) {
		s.note(CodeWrongType, reason("redrive.attempt", "another number", "a whole one from 1 to "+strconv.Itoa(lead.MaxAttempt), ""))
		return true
	}
	*dst = uint32(f)
	return ok
}
