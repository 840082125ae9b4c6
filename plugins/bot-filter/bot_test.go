package main

import (
	_ "embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

const (
	start   = int64(1_700_000_000_000)
	browser = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0 Safari/537.36"
)

func host(t testing.TB, config string) *sdktest.Host {
	t.Helper()
	return sdktest.New(t, plugin, manifest, config)
}

func diags(t *testing.T, config string) (list []abi.Diag) {
	t.Helper()
	return sdktest.Configure(t, plugin, manifest, config).Needs.Diags
}

// story plays events of one lead and remembers which were robots'.
type story struct {
	*sdktest.Host
	robots map[string]bool // hidden, or taken back
	ids    map[uint64]string
	got    sdktest.Outcome // of the last event
	sent   int
}

func tell(t testing.TB, config string) *story {
	t.Helper()
	return &story{Host: host(t, config), robots: map[string]bool{}, ids: map[uint64]string{}}
}

// play plays an event at so many ms after the start.
func (s *story) play(name string, at int64, props map[string]any, context ...any) *story {
	s.sent++
	id := fmt.Sprintf("%d", s.sent)
	e := sdktest.Event{ID: id, Name: name, At: start + at, Props: props}
	for i := 0; i < len(context); i += 2 {
		if e.Context == nil {
			e.Context = map[string]any{}
		}
		e.Context[context[i].(string)] = context[i+1]
	}
	s.ids[idHash(id)] = id
	s.got = s.Play(e)
	if s.got.Hidden {
		s.robots[id] = true
	}
	for _, v := range s.got.Entries {
		if v.Kind == abi.EntryVoid {
			s.robots[s.ids[v.Scope]] = true
		}
	}
	return s
}

func idHash(id string) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(id) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

func (s *story) delivered(at int64, mail string) *story {
	return s.play("Email Delivered", at, of(mail, ""))
}
func (s *story) opened(at int64, mail string) *story { return s.play("Email Opened", at, of(mail, "")) }
func (s *story) clicked(at int64, mail, link string) *story {
	return s.play("Email Link Clicked", at, of(mail, link))
}

func of(mail, link string) map[string]any {
	p := map[string]any{}
	if mail != "" {
		p["email_id"] = mail
	}
	if link != "" {
		p["link_url"] = link
	}
	return p
}

// voided are the events that the last one took back.
func (s *story) voided() (ids []string) {
	for _, e := range s.got.Entries {
		if e.Kind == abi.EntryVoid {
			ids = append(ids, s.ids[e.Scope])
		}
	}
	return ids
}

// line is what the last event made of the line of a reason, -1 = nothing.
func (s *story) line(rule string) int64 {
	for _, e := range s.got.Entries {
		if e.Rule == rule {
			return e.Milli / 1000
		}
	}
	return -1
}

func TestBotFilter_WithinSecondsOfDelivery(t *testing.T) {
	for _, c := range []struct {
		config string
		at     int64
		hidden bool
	}{
		{`{}`, 0, true}, {`{}`, 4999, true}, {`{}`, 5000, false}, {`{}`, -1, false},
		{`{"within": "30s"}`, 29_999, true}, {`{"within": "30s"}`, 30_000, false},
		{`{"within": "0s"}`, 0, false},
	} {
		for _, name := range []string{"Email Opened", "Email Link Clicked"} {
			s := tell(t, c.config).delivered(0, "m").play(name, c.at, of("m", "a"))
			assert.Equal(t, c.hidden, s.got.Hidden, "%s %s after %d ms", c.config, name, c.at)
			assert.Equal(t, c.hidden, s.got.Has("hidden"))
			assert.Equal(t, c.hidden, s.got.Has("haste"))
			assert.Equal(t, c.hidden, s.line("haste") == 1)
			assert.Equal(t, c.hidden, s.got.Has("ever"))
		}
	}
}

func TestBotFilter_EachMailHasItsOwnClock(t *testing.T) {
	s := tell(t, `{}`).delivered(0, "one").delivered(60_000, "two").delivered(61_000, "three")
	require.False(t, s.opened(62_000, "one").got.Hidden, "a minute after its delivery")
	require.True(t, s.opened(62_500, "two").got.Hidden)
	require.False(t, s.opened(66_000, "three").got.Hidden)
	require.False(t, s.opened(62_000, "four").got.Hidden, "its delivery is not known")
	require.False(t, s.opened(62_000, "").got.Hidden, "nor is that of a mail without a name")
	require.True(t, s.delivered(70_000, "").opened(70_100, "").got.Hidden, "mails without a name are one")
	require.False(t, s.play("Demo Requested", 70_200, nil).got.Hidden)
}

func TestBotFilter_PropertiesOfManyNames(t *testing.T) {
	s := tell(t, `{"message": ["mail", "context.mail"], "delivered": ["Sent", "Mail D*"], "opens": "Mail Opened", "clicks": []}`)
	s.play("Mail Delivered", 0, map[string]any{"mail": "m"})
	require.True(t, s.play("Mail Opened", 1, nil, "mail", "m").got.Hidden, "the same mail by its other name")
	require.False(t, s.play("Mail Opened", 1, map[string]any{"mail": "n"}, "mail", "m").got.Hidden, "the first name counts")
	require.False(t, s.play("Email Link Clicked", 1, map[string]any{"mail": "m"}).got.Hidden, "no click is looked at")
}

func TestBotFilter_ADeliveryThatComesLateTakesBack(t *testing.T) {
	s := tell(t, `{}`).opened(1000, "m").clicked(2000, "m", "a").opened(9000, "m")
	require.Empty(t, s.robots)
	s.delivered(500, "m")
	require.Equal(t, []string{"1", "2"}, s.voided())
	require.False(t, s.got.Hidden, "the delivery itself is nobody's")
	require.EqualValues(t, 2, s.line("haste"))
	require.True(t, s.got.Has("haste"))
	require.False(t, s.got.Has("hidden"))
	s.delivered(400, "m")
	require.Empty(t, s.voided(), "once")
	require.False(t, s.got.Has("haste"))
	require.True(t, s.got.Has("ever"))
}

func TestBotFilter_AllLinksAtOnce(t *testing.T) {
	s := tell(t, `{"links": 3, "window": "2s"}`).opened(60_000, "m").clicked(60_500, "m", "a").clicked(60_600, "m", "a").clicked(61_000, "m", "b")
	require.Empty(t, s.robots, "two links, one of them twice")
	s.clicked(61_999, "m", "c")
	require.True(t, s.got.Hidden)
	require.Equal(t, []string{"1", "2", "3", "4"}, s.voided(), "what was scored before goes, and the open among them")
	require.EqualValues(t, 5, s.line("burst"))
	s.clicked(62_900, "m", "d")
	require.True(t, s.got.Hidden, "it goes on")
	require.Empty(t, s.voided())
	require.EqualValues(t, 6, s.line("burst"))
	require.False(t, s.clicked(90_000, "m", "a").got.Hidden, "a person, later")
}

func TestBotFilter_PeopleClickToo(t *testing.T) {
	for name, s := range map[string]*story{
		"two links":           tell(t, `{}`).clicked(60_000, "m", "a").clicked(61_000, "m", "b"),
		"one link often":      tell(t, `{}`).clicked(60_000, "m", "a").clicked(61_000, "m", "a").clicked(61_001, "m", "a").clicked(61_002, "m", "a"),
		"slowly":              tell(t, `{}`).clicked(60_000, "m", "a").clicked(62_500, "m", "b").clicked(65_000, "m", "c"),
		"of two mails":        tell(t, `{}`).clicked(60_000, "m", "a").clicked(60_100, "m", "b").clicked(60_200, "n", "c"),
		"links without names": tell(t, `{}`).clicked(60_000, "m", "").clicked(60_100, "m", "").clicked(60_200, "m", "").clicked(60_300, "m", "a"),
		"switched off":        tell(t, `{"links": 0}`).clicked(60_000, "m", "a").clicked(60_100, "m", "b").clicked(60_200, "m", "c").clicked(60_300, "m", "d"),
		"no window":           tell(t, `{"window": "0s"}`).clicked(60_000, "m", "a").clicked(60_000, "m", "b").clicked(60_000, "m", "c"),
	} {
		require.Empty(t, s.robots, name)
		require.False(t, s.got.Has("ever"), name)
	}
	s := tell(t, `{}`).clicked(60_000, "m", "a").clicked(60_100, "m", "").clicked(60_200, "m", "b").clicked(60_300, "m", "c")
	require.Len(t, s.robots, 4, "a click whose link is not known goes with those around it")
}

func TestBotFilter_UserAgents(t *testing.T) {
	for _, c := range []struct {
		config, agent string
		hidden        bool
	}{
		{`{}`, browser, false},
		{`{}`, "Mozilla/5.0", true},
		{`{}`, "mozilla/5.0", true},
		{`{}`, "Barracuda Sentinel (EE)", true},
		{`{}`, "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com", true},
		{`{}`, "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", true},
		{`{}`, "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", true},
		{`{}`, "python-requests/2.32.3", true},
		{`{}`, "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", false},
		{`{}`, "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Mobile Safari/537.36", false},
		{`{}`, "MailGuard-LinkScanner/2.1", false},
		{`{"agents": ["*mailguard*"]}`, "MailGuard-LinkScanner/2.1", true},
		{`{"agents": "*mailguard*", "known_agents": false}`, "Mozilla/5.0", false},
		{`{"known_agents": false}`, "Mozilla/5.0", false},
		{`{}`, "", false},
	} {
		s := tell(t, c.config).play("Email Opened", 60_000, of("m", ""), "userAgent", c.agent)
		require.Equal(t, c.hidden, s.got.Hidden, "%s %q", c.config, c.agent)
		require.Equal(t, c.hidden, s.got.Has("agent"))
	}
	s := tell(t, `{"agent": ["ua", "context.userAgent"]}`).play("Email Opened", 0, map[string]any{"ua": "curl/8.1"})
	require.True(t, s.got.Hidden)
	require.False(t, s.play("Email Delivered", 0, nil, "userAgent", "curl/8.1").got.Hidden, "deliveries are made by programs")
}

// The README lists what is hidden by default.
func TestBotFilter_TheReadmeNamesTheKnownAgents(t *testing.T) {
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, agent := range knownAgents() {
		name := strings.TrimSuffix(strings.Trim(agent, "*"), "/")
		require.Contains(t, string(text), "`"+name, agent)
	}
	require.Contains(t, string(text), fmt.Sprintf("at most %d mails under way, each with its %d newest", maxMails, maxHits))
	require.Contains(t, string(text), "at most 2,560 bytes")
	require.Contains(t, string(text), "mostly "+fmt.Sprint(stateHead+mailHead))
}

func TestBotFilter_Networks(t *testing.T) {
	config := `{"networks": ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7"]}`
	for address, hidden := range map[string]bool{
		"192.0.2.0": true, "192.0.2.255": true, "192.0.3.0": false, "192.0.1.255": false, "2001:db8::1": true, "2001:DB8:ffff::": true, "2001:db9::": false,
		"198.51.100.7": true, "198.51.100.8": false, "::ffff:192.0.2.9": true, "not an address": false, "192.0.2.1:443": false, "": false,
	} {
		s := tell(t, config).play("Email Link Clicked", 60_000, of("m", "a"), "ip", address)
		require.Equal(t, hidden, s.got.Hidden, address)
		require.Equal(t, hidden, s.got.Has("network"), address)
	}
	require.False(t, tell(t, config).opened(0, "m").got.Hidden, "missing is unknown")
	s := tell(t, `{"networks": "10.0.0.0/8", "address": "client_ip"}`).play("Email Opened", 0, map[string]any{"client_ip": "10.9.8.7"})
	require.True(t, s.got.Hidden)
}

func TestBotFilter_Honeypots(t *testing.T) {
	s := tell(t, `{"honeypot": "https://x.example/trap/*", "window": "3s"}`).opened(60_000, "m").clicked(61_000, "m", "https://x.example/a").clicked(70_000, "m", "https://x.example/b")
	require.Empty(t, s.robots)
	s.clicked(62_999, "m", "https://x.example/trap/7")
	require.True(t, s.got.Hidden)
	require.Equal(t, []string{"1", "2"}, s.voided(), "what was done in the same breath")
	require.EqualValues(t, 3, s.line("honeypot"))
	require.True(t, s.clicked(65_000, "m", "https://x.example/c").got.Hidden)
	require.True(t, s.got.Has("honeypot"))
	require.False(t, s.clicked(65_999, "m", "https://x.example/c").got.Hidden)
	require.True(t, tell(t, `{"honeypot": "trap", "window": "0s"}`).clicked(0, "m", "trap").got.Hidden)
}

func TestBotFilter_ReasonsAreTriedInOrder(t *testing.T) {
	s := tell(t, `{"networks": "10.0.0.1", "honeypot": "trap"}`).delivered(0, "m")
	s.play("Email Link Clicked", 1, of("m", "trap"), "userAgent", "curl/8", "ip", "10.0.0.1")
	require.Equal(t, []string{"agent", "hidden", "ever"}, s.got.Flags)
	s.play("Email Link Clicked", 2, of("m", "trap"), "ip", "10.0.0.1")
	require.Equal(t, []string{"network", "hidden", "ever"}, s.got.Flags)
	s.clicked(3, "m", "trap")
	require.Equal(t, []string{"honeypot", "hidden", "ever"}, s.got.Flags)
	require.EqualValues(t, 1, s.line("honeypot"))
	s.clicked(4, "m", "a")
	require.Equal(t, []string{"haste", "hidden", "ever"}, s.got.Flags)
	require.Equal(t, []string{"ever"}, s.play("Demo Requested", 5, nil).got.Flags, "flags are those of the event")
}

func TestBotFilter_LinesCountAndAreNoActivity(t *testing.T) {
	h := host(t, `{"within": "90s", "keep": "2m"}`)
	var names []string
	for _, r := range h.Needs.Rules {
		names = append(names, r.Name)
		require.False(t, r.Activity)
		require.Empty(t, r.Score, "the step's own")
	}
	require.Equal(t, []string{"agent", "network", "honeypot", "haste", "burst"}, names)
	require.Equal(t, "opens and clicks within 90 s of delivery", h.Needs.Rules[byHaste].Template)
	require.Equal(t, []string{"agent", "network", "honeypot", "haste", "burst", "hidden", "ever"}, h.Needs.Flags)
	s := tell(t, `{}`).delivered(0, "m")
	for i := range int64(3) {
		require.Equal(t, i+1, s.opened(i, "m").line("haste"))
		require.Equal(t, abi.EntryReplace, s.got.Entries[0].Kind)
	}
}

func TestBotFilter_MailsAreForgotten(t *testing.T) {
	s := tell(t, `{"keep": "10m"}`).opened(0, "m")
	s.opened(600_000, "n")
	require.Len(t, s.State("lead"), stateHead+2*(mailHead+hitSize), "both are remembered")
	s.opened(600_001, "n")
	require.Len(t, s.State("lead"), stateHead+mailHead+2*hitSize, "one is not")
	require.Empty(t, s.delivered(-1, "m").voided(), "nobody knows the open any more")
	s.opened(3_600_000, "o").delivered(9_000_000, "p")
	require.Len(t, s.State("lead"), stateHead+mailHead)
	s.play("Email Opened", 90_000_000, of("q", ""), "userAgent", "curl/8")
	require.True(t, s.got.Has("ever"))
}

func TestBotFilter_TheStateIsBounded(t *testing.T) {
	s := tell(t, `{"links": 0}`)
	for i := range int64(3 * maxMails * maxHits) {
		s.clicked(i, fmt.Sprint(i%(2*maxMails)), fmt.Sprint(i))
		require.LessOrEqual(t, len(s.State("lead")), stateMax)
	}
	s = tell(t, `{"links": 0}`)
	for m := range maxMails {
		for i := range int64(2 * maxHits) {
			s.clicked(i, fmt.Sprint(m), "a")
		}
	}
	require.Len(t, s.State("lead"), stateMax, "the bound is what it may come to")
	s.delivered(-1000, "late")
	require.Len(t, s.State("lead"), stateMax, "what is older than all is not remembered")
	require.False(t, s.opened(-500, "late").got.Hidden)
	require.True(t, s.delivered(100, "new").opened(200, "new").got.Hidden, "the quietest went for it")
}

// TestBotFilter_TheVerdictDoesNotDependOnTheOrder: whatever way events come in,
// the same ones are robots'.
func TestBotFilter_TheVerdictDoesNotDependOnTheOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		type event struct {
			name, mail, link string
			at               int64
		}
		var list []event
		for _, mail := range []string{"a", "b"} {
			if rapid.Bool().Draw(rt, "delivered") {
				list = append(list, event{"Email Delivered", mail, "", rapid.Int64Range(0, 20).Draw(rt, "at") * 500})
			}
			for range rapid.IntRange(0, maxHits).Draw(rt, "hits") {
				e := event{"Email Link Clicked", mail, rapid.SampledFrom([]string{"", "x", "y", "z", "trap"}).Draw(rt, "link"), rapid.Int64Range(0, 60).Draw(rt, "at") * 500}
				if rapid.Bool().Draw(rt, "open") {
					e.name, e.link = "Email Opened", ""
				}
				list = append(list, e)
			}
		}
		config := `{"honeypot": "trap", "window": "2s"}`
		verdict := func(list []event) (robots []string) {
			s := tell(t, config)
			for _, e := range list {
				s.play(e.name, e.at, of(e.mail, e.link))
			}
			for id := range s.robots {
				var n int
				_, _ = fmt.Sscan(id, &n)
				robots = append(robots, fmt.Sprint(list[n-1]))
			}
			slices.Sort(robots)
			return robots
		}
		want := verdict(list)
		require.Equal(rt, want, verdict(rapid.Permutation(list).Draw(rt, "order")))
	})
}

func TestBotFilter_Mistakes(t *testing.T) {
	for _, c := range []struct{ config, name, says string }{
		{`{"networks": ["10.0.0.0/8", "10.1.2.3/8"]}`, "network", "the network is 10.0.0.0/8, the address alone is 10.1.2.3"},
		{`{"networks": "2001:db8::1/32"}`, "network", "the network is 2001:db8:0:0:0:0:0:0/32"},
		{`{"networks": ["example.com"]}`, "network", "neither IPv4"},
		{`{"networks": ["10.0.0.0/33"]}`, "network", "0 to 32"},
		{`{"networks": ["::/129"]}`, "network", "0 to 128"},
		{`{"networks": ["10.0.0.0/-1"]}`, "network", "0 to 32"},
		{`{"networks": ["10.0.0.0/"]}`, "network", "0 to 32"},
		{`{"links": 1}`, "links", "write 2 to 12"},
		{`{"links": 13}`, "links", "write 2 to 12"},
		{`{"within": "2m", "keep": "1m"}`, "keep", "at least as long as within"},
		{`{"keep": "1s"}`, "keep", "at least as long as within"},
		{`{"within": "2m"}`, "long-within", "hidden too"},
		{`{"window": "2h", "keep": "1d"}`, "long-window", "hidden too"},
		{`{"message": "context."}`, "names", "email_id"},
		{`{"agent": ["ua", "prop.ua"]}`, "names", "context.ip"},
		{`{"link": ["a", "b", "c", "d", "e"]}`, "names", "at most 4"},
		{`{"opens": [], "clicks": []}`, "nothing-to-hide", "Email Opened"},
		{`{"delivered": [], "opens": [], "clicks": []}`, "nothing-to-hide", "Email Opened"},
	} {
		list := diags(t, c.config)
		require.NotEmpty(t, list, c.config)
		require.Equal(t, c.name, list[0].Name, c.config)
		require.Contains(t, list[0].Summary+" "+list[0].Detail, c.says, c.config)
	}
	many := strings.Repeat(`"10.0.0.1",`, maxNetworks)
	require.Empty(t, diags(t, `{"networks": [`+many[:len(many)-1]+`]}`))
	require.Contains(t, diags(t, `{"networks": [`+many+`"10.0.0.2"]}`)[0].Detail, "at most 16384")
	require.Empty(t, diags(t, `{"networks": [], "honeypot": [], "agents": [], "links": 0, "within": "0s", "keep": "1h"}`))
	list := diags(t, `{"networks": ["10.0.0.0/8", "x", "y"]}`)
	require.Equal(t, []uint32{3, 4}, []uint32{list[0].Node, list[1].Node}, "each mistake stands at its own place")
}

// TestBotFilter_OnlyMailsAreRead: the host need not look at the user agent of a
// page view.
func TestBotFilter_OnlyMailsAreRead(t *testing.T) {
	h := host(t, `{"networks": "10.0.0.0/8", "honeypot": "trap"}`)
	gated := map[uint32]int{}
	for _, g := range h.Needs.Gates {
		gated[g.Input]++
	}
	for i, in := range h.Needs.Inputs {
		want := map[string]int{"": 0, "email_id": 3, "userAgent": 2, "ip": 2, "link_url": 1, "link": 1, "url": 1}[in.Name]
		require.Equal(t, want, gated[uint32(i)], in.Name)
	}
}

func TestBotFilter_ScoringAllocatesNothing(t *testing.T) {
	s := tell(t, `{"networks": "10.0.0.0/8", "honeypot": "trap"}`).delivered(0, "m").opened(60_000, "m").clicked(60_001, "m", "a").clicked(60_002, "m", "b")
	for _, e := range []sdktest.Event{
		{Name: "Email Link Clicked", ID: "x", At: start + 60_003, Props: of("m", "c"), Context: map[string]any{"userAgent": browser, "ip": "2001:db8::192.0.2.1"}},
		{Name: "Email Link Clicked", ID: "x", At: start + 60_003, Props: of("m", "trap"), Context: map[string]any{"ip": "300.1.2.3"}},
		{Name: "Email Delivered", ID: "x", At: start + 59_999, Props: of("m", "")},
		{Name: "Demo Requested", ID: "x", At: start + 60_003},
	} {
		require.Zero(t, testing.AllocsPerRun(100, s.Replay(e)), e.Name)
	}
}

// BenchmarkScore is the cost of an event natively: of most, that are no mails,
// and of a click among others.
func BenchmarkScore(b *testing.B) {
	config := `{"networks": ["10.0.0.0/8", "2001:db8::/32"], "honeypot": "trap"}`
	for _, c := range []struct {
		name string
		e    sdktest.Event
	}{
		{"other", sdktest.Event{Path: "/pricing", At: start + 60_000}},
		{"delivered", sdktest.Event{Name: "Email Delivered", At: start + 60_000, Props: of("new", "")}},
		{"click", sdktest.Event{Name: "Email Link Clicked", At: start + 60_003, Props: of("m", "c"), Context: map[string]any{"userAgent": browser, "ip": "203.0.113.9"}}},
	} {
		b.Run("event="+c.name, func(b *testing.B) {
			s := tell(b, config).delivered(0, "m").opened(50_000, "m").clicked(50_001, "m", "a").clicked(60_002, "m", "b")
			c.e.ID = strings.Repeat("x", 8)
			round := s.Replay(c.e)
			b.ReportAllocs()
			for b.Loop() {
				round()
			}
		})
	}
}
