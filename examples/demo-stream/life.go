package demostream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// life makes the events of one lead. Products inside sums are converted to
// float64, so that no processor fuses the two and draws another stream.
type life struct {
	Profile
	rng        *rand.Rand
	how        *traits
	start, end time.Time // of the stream
	joined     time.Time // when the lead appears
	left       time.Time // when it unsubscribes; zero if never
	events     []Event
}

// live plays the lead's weeks. Everybody's interest rises and falls: a lead is
// warm for some weeks around its peak, and only some ask for anything.
func (l *life) live() {
	weeks := l.end.Sub(l.start).Hours() / 24 / 7
	early := math.Min(l.rng.Float64(), l.rng.Float64()) * 0.9 // most join early
	l.joined = l.at(early*weeks*7, l.officeHour())
	if l.Visitor {
		l.visits()
		return
	}
	l.introduce()
	l.emails()
	l.visits()
	l.downloads()
	l.webinar()
	l.handRaise()
}

// at is the time of an hour on a day of the stream.
func (l *life) at(day, hour float64) time.Time {
	return l.start.AddDate(0, 0, int(day)).Add(time.Duration(hour * float64(time.Hour)))
}

func (l *life) officeHour() float64 { return 7 + float64(12*l.rng.Float64()) }

func (l *life) chance(p float64) bool { return l.rng.Float64() < p }

// minutes is a random span between two lengths, short ones more often.
func (l *life) minutes(from, to float64) time.Duration {
	x := l.rng.Float64()
	return time.Duration((from + float64((to-from)*x*x)) * float64(time.Minute))
}

// add appends an event unless it lies outside the stream.
func (l *life) add(at time.Time, e Event) {
	if at.Before(l.start) || !at.Before(l.end) {
		return
	}
	e.MessageID = fmt.Sprintf("%s-%04d", l.ID, len(l.events)+1)
	if l.Visitor {
		e.AnonymousID = l.ID
	} else {
		e.UserID = l.ID
	}
	l.events = append(l.events, stamped(e, at))
}

func (l *life) track(at time.Time, name string, properties map[string]any) {
	l.add(at, Event{Type: "track", Event: name, Properties: properties})
}

// introduce sends what the lead says about itself; some of it is missing.
func (l *life) introduce() {
	traits := map[string]any{"email": l.Email, "domain": l.Account.Domain}
	optional := func(m map[string]any, name string, value any, missing float64) {
		if value != "" && value != 0 && !l.chance(missing) {
			m[name] = value
		}
	}
	optional(traits, "title", l.Title, 0.12)
	optional(traits, "role", l.role(), 0.10)
	optional(traits, "country", l.Country, 0.15)
	l.add(l.joined, Event{Type: "identify", Traits: traits, Context: map[string]any{
		"campaign": map[string]any{"source": pick(l.rng, []string{"google", "linkedin", "newsletter", "partner"}), "name": "spring"}}})
	account := map[string]any{}
	optional(account, "name", l.Account.Name, 0.02)
	optional(account, "industry", l.Account.Industry, 0.10)
	optional(account, "employees", l.Account.Employees, 0.08)
	optional(account, "revenue", l.Account.Revenue, 0.20)
	if l.Account.ID != "" && len(account) > 0 {
		l.add(l.joined.Add(time.Second), Event{Type: "group", GroupID: l.Account.ID, Traits: account})
	}
	if l.chance(0.6) || l.Persona == Silent || l.Persona == Bot {
		l.track(l.joined.Add(l.minutes(1, 30)), "Newsletter Subscribed", map[string]any{"list_id": "newsletter"})
	}
}

// role is what a form's drop-down would say.
func (l *life) role() string {
	switch l.Persona {
	case Executive:
		return "executive"
	case Manager, Competitor:
		return "manager"
	case Engineer:
		return "engineer"
	case Intern:
		return "intern"
	case Student:
		return "student"
	}
	return "other"
}

// visits plays the sessions on the web site.
func (l *life) visits() {
	days := l.end.Sub(l.joined).Hours() / 24
	peak := l.rng.Float64() * math.Min(days, 35)
	for day := 0.0; day < days; day++ {
		away := (day - peak) / 8
		warmth := 0.35 + 2/(1+float64(away*away))
		if !l.chance(l.how.sessions / 7 * warmth) {
			continue
		}
		l.session(l.joined.Truncate(24*time.Hour).AddDate(0, 0, int(day)).Add(time.Duration(l.officeHour() * float64(time.Hour))))
	}
	if l.Visitor && len(l.events) == 0 {
		l.session(l.joined)
	}
}

func (l *life) session(at time.Time) {
	if at.Before(l.joined) {
		at = l.joined.Add(l.minutes(1, 90))
	}
	for n := 1 + l.rng.IntN(5); n > 0; n-- {
		path := often(l.rng, l.how.pages)
		l.add(at, Event{Type: "page", Properties: map[string]any{"path": path, "url": "https://www.ripe-demo.example" + path}})
		at = at.Add(l.minutes(0.2, 6))
	}
}

// emails plays the weekly nurture series.
func (l *life) emails() {
	opens := 0
	for n := 1; ; n++ {
		day := l.joined.Truncate(24*time.Hour).AddDate(0, 0, 7*n-4)
		sent := day.Add(9*time.Hour + time.Duration(l.rng.IntN(600))*time.Second)
		if !sent.Before(l.end) || !l.left.IsZero() && sent.After(l.left) {
			return
		}
		props := func() map[string]any {
			return map[string]any{"email_id": fmt.Sprintf("nurture-%02d", n), "series": "nurture"}
		}
		if l.Bounces {
			p := props()
			p["bounce_type"] = "hard"
			l.track(sent.Add(3*time.Second), "Email Bounced", p)
			if n == 2 {
				return
			}
			continue
		}
		l.track(sent, "Email Delivered", props())
		if l.Persona == Bot {
			l.scan(sent, props)
		} else if l.chance(l.how.opens) {
			opens++
			l.read(sent, props)
		}
		if l.chance(l.how.leaves) || n > 5 && opens == 0 && l.chance(0.1) {
			l.left = sent.Add(l.minutes(5, 600))
			l.track(l.left, "Unsubscribed", map[string]any{"list_id": "newsletter"})
		}
	}
}

// read is a person who opens, and maybe clicks.
func (l *life) read(sent time.Time, props func() map[string]any) {
	opened := sent.Add(l.minutes(2, 2400))
	l.track(opened, "Email Opened", props())
	if l.chance(l.how.clicks) {
		p := props()
		p["link"] = "https://www.ripe-demo.example" + often(l.rng, l.how.pages)
		l.track(opened.Add(l.minutes(0.1, 5)), "Email Link Clicked", p)
	}
}

// scan is a mail gateway: open and all links within seconds of delivery.
func (l *life) scan(sent time.Time, props func() map[string]any) {
	at := sent.Add(time.Duration(400+l.rng.IntN(2600)) * time.Millisecond)
	agent := map[string]any{"userAgent": "MailGuard-LinkScanner/2.1"}
	l.add(at, Event{Type: "track", Event: "Email Opened", Properties: props(), Context: agent})
	for i := range 3 {
		p := props()
		p["link"] = fmt.Sprintf("https://www.ripe-demo.example/link-%d", i+1)
		at = at.Add(time.Duration(50+l.rng.IntN(400)) * time.Millisecond)
		l.add(at, Event{Type: "track", Event: "Email Link Clicked", Properties: p, Context: agent})
	}
}

// downloads plays guides, videos and other resources.
func (l *life) downloads() {
	kinds := []struct{ event, asset string }{
		{"Guide Downloaded", "guide-lead-scoring"}, {"Resource Downloaded", "template-scorecard"}, {"Overview Video Watched", "video-overview"},
		{"Guide Downloaded", "guide-buying"}, {"Resource Downloaded", "e-book-funnels"}, {"Resource Downloaded", "report-benchmarks"},
	}
	for day := l.joined; day.Before(l.end); day = day.AddDate(0, 0, 7) {
		if l.chance(l.how.assets * 0.7) {
			k := often(l.rng, kinds)
			l.track(day.Add(l.minutes(10, 6*24*60)), k.event, map[string]any{"asset": k.asset})
		}
	}
}

// webinar is held every fourth week; who signs up may not come.
func (l *life) webinar() {
	for n, held := 1, l.start.AddDate(0, 0, 17).Add(15*time.Hour); held.Before(l.end); n, held = n+1, held.AddDate(0, 0, 28) {
		if held.Sub(l.joined) < 3*24*time.Hour || !l.chance(l.how.assets*0.5) {
			continue
		}
		props := map[string]any{"webinar": fmt.Sprintf("webinar-%d", n)}
		l.track(held.AddDate(0, 0, -2).Add(-l.minutes(0, 1400)), "Webinar Signed Up", props)
		if l.chance(0.6) {
			l.track(held.Add(l.minutes(50, 70)), "Product Webinar Attended", props)
		}
	}
}
