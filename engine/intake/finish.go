package intake

import (
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
)

func (f *fields) lead() string {
	if f.user != "" {
		return f.user
	}
	return f.anonymous
}

// at is the corrected time of the event, 0 if it has none. It follows Segment:
// receivedAt − (sentAt − originalTimestamp) takes the error of the sender's
// clock out.
func (f *fields) at(received int64) int64 {
	if f.received != 0 {
		received = f.received
	}
	switch {
	case f.original != 0 && f.sent != 0 && received != 0:
		return received - (f.sent - f.original)
	case f.timestamp != 0:
		return f.timestamp
	}
	return f.original
}

// kindOf reads the type of a call.
func kindOf(typ string) lead.Kind {
	switch typ {
	case "track":
		return lead.Track
	case "identify":
		return lead.Identify
	case "group":
		return lead.Group
	case "page":
		return lead.Page
	case "screen":
		return lead.Screen
	case "alias":
		return lead.Alias
	case "tick":
		return lead.Tick
	}
	return lead.KindUnknown
}

// finish checks what the members say together and fills the event.
func (d *Decoder) finish(ev *lead.Event, received int64) {
	f := &d.f
	ev.Kind = kindOf(f.typ)
	if !d.kind(ev.Kind) {
		return
	}
	ev.At = f.at(received)
	if !d.checkTime(ev.At) {
		return
	}
	ev.Received = received
	if received == 0 {
		ev.Received = f.received
	}
	if ev.Kind == lead.Tick {
		return
	}
	if !d.identity(ev.Kind) {
		return
	}
	ev.ID, ev.Lead, ev.Name, ev.Backfill = f.id, f.lead(), f.name, f.backfill
	if ev.Kind == lead.Track {
		ev.Name = f.event
	}
	if f.again != nil {
		ev.ID, ev.Redrive = lead.RedriveID(f.id, f.again), &lead.Redrive{Workflow: strings.Clone(f.again.Workflow), Attempt: f.again.Attempt}
	}
	d.attach(ev)
}

func (d *Decoder) kind(k lead.Kind) bool {
	s, f := &d.scan, &d.f
	switch {
	case f.batch && (f.typ == "" || f.typ == "batch"):
		s.note(CodeUnknownType, reason("batch", "a batch inside another or with more than 8 KiB of context for all events",
			"one event", "send its events one by one"))
	case f.typ == "":
		s.note(CodeNoType, reason("type", "nothing", "track, identify, group, page or screen", "add it"))
	case k == lead.KindUnknown:
		s.note(CodeUnknownType, reason("type", excerpt(f.typ), "track, identify, group, page or screen", "correct it"))
	case k == lead.Alias:
		s.note(CodeAlias, reason("type", "alias", "track, identify, group, page or screen",
			"moving history between leads is not in this version: send events under one id"))
	case k == lead.Tick && !d.opts.AllowTicks:
		s.note(CodeTickNotAllowed, reason("type", "tick", "an event of a lead",
			"ticks are accepted in files that are played offline; a running engine makes its own"))
	default:
		return true
	}
	return false
}

func (d *Decoder) checkTime(at int64) bool {
	s := &d.scan
	if at == 0 {
		s.note(CodeNoTime, reason("timestamp", "nothing", "an ISO-8601 time with its zone", "add the time at which it happened"))
		return false
	}
	if code, why := timeInRange(at); code != "" {
		s.note(code, "corrected time receivedAt − (sentAt − originalTimestamp): "+why)
		return false
	}
	return s.bad.code == ""
}

func (d *Decoder) identity(k lead.Kind) bool {
	s, f := &d.scan, &d.f
	switch {
	case f.id == "":
		s.note(CodeNoMessageID, reason("messageId", "nothing", "an id that a retry repeats",
			"add it: without it a retry would be scored twice"))
	case k == lead.Group && f.user == "":
		s.note(CodeAccountFact, reason("userId", "nothing", "the lead that the account's traits are for",
			"facts for all members of an account are not in this version: send the group call once per lead with its userId"))
	case f.lead() == "":
		s.note(CodeNoLead, reason("userId", "neither userId nor anonymousId", "one of them", "add the id of the lead"))
	case k == lead.Track && f.event == "":
		s.note(CodeNoEvent, reason("event", "nothing", "the name of the event, such as \"Email Opened\"", "add it"))
	default:
		return s.bad.code == ""
	}
	return false
}

// attach hands the collected values over to the event.
func (d *Decoder) attach(ev *lead.Event) {
	if ev.Kind == lead.Group && d.f.group != "" {
		d.context.list = append(d.context.list, lead.Prop{Name: "groupId", Value: lead.StringOf(d.f.group)})
	}
	ev.Props = d.keep(&d.props)
	ev.Context = d.keep(&d.context)
	if ev.Kind == lead.Identify || ev.Kind == lead.Group {
		ev.Traits = d.keep(&d.traits)
	}
	if ev.Kind == lead.Page || ev.Kind == lead.Screen || ev.Kind == lead.Track {
		ev.Path = pathOf(ev)
	}
	if ev.Name == "" && (ev.Kind == lead.Page || ev.Kind == lead.Screen) {
		ev.Name = textOf(ev.Props, "name")
	}
}

// pathOf finds the URL path of a view, or of the page that a track came from.
func pathOf(ev *lead.Event) string {
	if ev.Kind != lead.Track {
		if p := textOf(ev.Props, "path"); p != "" {
			return pathOnly(p)
		}
		if u := textOf(ev.Props, "url"); u != "" {
			return urlPath(u)
		}
	}
	if len(ev.Context) == 0 {
		return ""
	}
	if p := textOf(ev.Context, "page.path"); p != "" {
		return pathOnly(p)
	}
	return urlPath(textOf(ev.Context, "page.url"))
}

func textOf(p lead.Props, name string) string {
	if v := p.Get(name); v.Kind == lead.String {
		return v.Str
	}
	return ""
}

// pathOnly cuts the query and the fragment off.
func pathOnly(p string) string {
	if i := strings.IndexAny(p, "?#"); i >= 0 {
		return p[:i]
	}
	return p
}

// urlPath is the path of an absolute or host-relative URL, as written.
func urlPath(u string) string {
	if u == "" {
		return ""
	}
	u = pathOnly(u)
	if i := strings.Index(u, "://"); i >= 0 {
		u = u[i+3:]
		if i = strings.IndexByte(u, '/'); i < 0 {
			return "/"
		}
		return u[i:]
	}
	return u
}
