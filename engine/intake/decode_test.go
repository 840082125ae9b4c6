package intake

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

const (
	base = `"messageId":"m1","userId":"u1","timestamp":"2026-01-31T09:30:00Z"`
	at0  = int64(1769851800000)
)

func decode(t *testing.T, raw string) lead.Event {
	t.Helper()
	ev, rej := NewDecoder(Options{}).Decode([]byte(raw), 0)
	require.Nil(t, rej, "%+v", rej)
	return ev
}

func TestDecode_SegmentCalls(t *testing.T) {
	for _, tc := range []struct {
		name, raw string
		want      lead.Event
	}{
		{"track", `{"type":"track","event":"Email Opened",` + base + `}`,
			lead.Event{Kind: lead.Track, Name: "Email Opened"}},
		{"track on a page", `{"type":"track","event":"Clicked",` + base + `,"context":{"page":{"url":"https://acme.com/pricing?x=1"}}}`,
			lead.Event{Kind: lead.Track, Name: "Clicked", Path: "/pricing",
				Context: lead.Props{{Name: "page.url", Value: lead.StringOf("https://acme.com/pricing?x=1")}}}},
		{"identify", `{"type":"identify",` + base + `,"traits":{"title":"CEO","age":42,"vip":true,"gone":null}}`,
			lead.Event{Kind: lead.Identify, Traits: lead.Props{
				{Name: "age", Value: lead.NumberOf(42)}, {Name: "title", Value: lead.StringOf("CEO")}, {Name: "vip", Value: lead.BoolOf(true)}}}},
		{"group", `{"type":"group","groupId":"g1",` + base + `,"traits":{"industry":"saas"}}`,
			lead.Event{Kind: lead.Group, Traits: lead.Props{{Name: "industry", Value: lead.StringOf("saas")}},
				Context: lead.Props{{Name: "groupId", Value: lead.StringOf("g1")}}}},
		{"page by path", `{"type":"page","name":"Home",` + base + `,"properties":{"path":"/blog/a#x","url":"https://acme.com/other"}}`,
			lead.Event{Kind: lead.Page, Name: "Home", Path: "/blog/a", Props: lead.Props{
				{Name: "path", Value: lead.StringOf("/blog/a#x")}, {Name: "url", Value: lead.StringOf("https://acme.com/other")}}}},
		{"page by url", `{"type":"page",` + base + `,"properties":{"url":"https://acme.com"}}`,
			lead.Event{Kind: lead.Page, Path: "/", Props: lead.Props{{Name: "url", Value: lead.StringOf("https://acme.com")}}}},
		{"page by context", `{"type":"page",` + base + `,"context":{"page":{"path":"/demo"}}}`,
			lead.Event{Kind: lead.Page, Path: "/demo", Context: lead.Props{{Name: "page.path", Value: lead.StringOf("/demo")}}}},
		{"screen", `{"type":"screen","name":"Start",` + base + `}`, lead.Event{Kind: lead.Screen, Name: "Start"}},
		{"flattened", `{"type":"track","event":"E",` + base + `,"properties":{"cart":{"total":1.5,"tags":["a",2,true,null]},"odd":[{"x":1}],"b":"1","b":"2","n":1,"n":null}}`,
			lead.Event{Kind: lead.Track, Name: "E", Props: lead.Props{{Name: "b", Value: lead.StringOf("2")},
				{Name: "cart.tags", Value: lead.ListOf("a", "2", "true")}, {Name: "cart.total", Value: lead.NumberOf(1.5)}}}},
		{"escapes", `{"type":"track","event":"E\u00e9\n\ud83d\ude00\"",` + base + `}`, lead.Event{Kind: lead.Track, Name: "Eé\n😀\""}},
		{"ignored members", `{"type":"track","event":"E","integrations":{"All":[1,{"a":-0.5e3}]},"version":"1",` + base + `}`,
			lead.Event{Kind: lead.Track, Name: "E"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.want.ID, tc.want.Lead, tc.want.At, tc.want.Raw = "m1", "u1", at0, []byte(tc.raw)
			assert.Equal(t, tc.want, decode(t, tc.raw))
		})
	}
}

func TestDecode_SnakeCaseTwins(t *testing.T) {
	ev := decode(t, `{"type":"group","message_id":"m","user_id":"u","anonymous_id":"a","group_id":"g",
		"received_at":"2026-01-31T09:30:10Z","sent_at":"2026-01-31T08:00:05Z","original_timestamp":"2026-01-31T08:00:00Z"}`)
	assert.Equal(t, "m", ev.ID)
	assert.Equal(t, "u", ev.Lead)
	assert.Equal(t, at0+5000, ev.At)
	assert.Equal(t, at0+10000, ev.Received)
	assert.Equal(t, lead.StringOf("g"), ev.Context.Get("groupId"))
}

func TestDecode_AnonymousLead(t *testing.T) {
	assert.Equal(t, "a", decode(t, `{"type":"page","messageId":"m","userId":"","anonymousId":"a","timestamp":"2026-01-31T09:30:00Z"}`).Lead)
	assert.Equal(t, "a", decode(t, `{"type":"page","messageId":"m","userId":null,"anonymousId":"a","timestamp":1769851800000}`).Lead)
}

func TestDecode_CorrectedTime(t *testing.T) {
	head := `{"type":"page","messageId":"m","userId":"u",`
	for _, tc := range []struct {
		name, times  string
		received, at int64
	}{
		{"all three, received from transport", `"originalTimestamp":"2026-01-31T08:00:00Z","sentAt":"2026-01-31T08:00:02Z","timestamp":"2026-01-31T01:00:00Z"`, at0 + 2000, at0},
		{"receivedAt of the event wins", `"receivedAt":"2026-01-31T09:30:02Z","originalTimestamp":"2026-01-31T08:00:00Z","sentAt":"2026-01-31T08:00:02Z"`, at0 + 99999, at0},
		{"no receipt: timestamp", `"originalTimestamp":"2026-01-31T08:00:00Z","sentAt":"2026-01-31T08:00:02Z","timestamp":"2026-01-31T10:30:00+01:00"`, 0, at0},
		{"no sentAt: timestamp", `"originalTimestamp":"2026-01-31T08:00:00Z","timestamp":"2026-01-31T09:30:00Z"`, 5, at0},
		{"only original", `"originalTimestamp":"2026-01-31T09:30:00Z"`, 0, at0},
		{"milliseconds", `"timestamp":1769851800000`, 0, at0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ev, rej := NewDecoder(Options{}).Decode([]byte(head+tc.times+"}"), tc.received)
			require.Nil(t, rej)
			assert.Equal(t, tc.at, ev.At)
		})
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]int64{
		"2026-01-31T09:30:00Z": at0, "2026-01-31 09:30Z": at0, "2026-01-31T09:30:00.000000Z": at0,
		"2026-01-31T10:30:00+01:00": at0, "2026-01-31T10:30:00+0100": at0, "2026-01-31T10:30:00+01": at0,
		"2026-01-31T04:00:00-05:30": at0, "2026-01-31t09:30:00.123456z": at0 + 123, "2026-01-31T09:30:00,5Z": at0 + 500,
		"2024-02-29T00:00:00Z": 1709164800000, "2000-01-01T00:00:00Z": minTime, "2099-12-31T23:59:59.999Z": maxTime - 1,
	} {
		ms, code, why := ParseTime(in)
		assert.Equal(t, "", code, "%s: %s", in, why)
		assert.Equal(t, want, ms, in)
	}
	for in, want := range map[string]string{
		"": CodeBadTime, "yesterday": CodeBadTime, "2026-13-01T00:00:00Z": CodeBadTime, "2026-02-29T00:00:00Z": CodeBadTime,
		"2026-01-31T24:00:00Z": CodeBadTime, "2026-01-31T09:60:00Z": CodeBadTime, "2026-01-31T09:30:00.Z": CodeBadTime,
		"2026-01-31T09:30:00Zjunk": CodeBadTime, "31-01-2026": CodeBadTime, "2026-01-31T09:30:00+19:00": CodeBadTime,
		"2026-01-31": CodeNoZone, "2026-01-31T09:30:00": CodeNoZone, "2026-01-31T09:30:00.5": CodeNoZone,
		"1999-12-31T23:59:59Z": CodeTimeRange, "2100-01-01T00:00:00Z": CodeTimeRange, "0000-01-01T00:00:00Z": CodeTimeRange,
	} {
		_, code, why := ParseTime(in)
		assert.Equal(t, want, code, in)
		assert.Contains(t, why, "found", in)
	}
}

func TestDecode_Rejects(t *testing.T) {
	track := `{"type":"track","event":"E",`
	deep := strings.Repeat(`{"a":`, 16) + "1" + strings.Repeat("}", 16)
	var many strings.Builder
	for i := range 513 {
		many.WriteString(`"` + strings.Repeat("p", i+1) + `":1,`)
	}
	for _, tc := range []struct{ name, code, raw, says string }{
		{"empty", CodeMalformed, ``, "end of the input"},
		{"cut off", CodeMalformed, track + base, "end of the input"},
		{"two objects", CodeMalformed, track + base + `}{}`, "nothing behind"},
		{"trailing comma", CodeMalformed, track + base + `,}`, "member name"},
		{"single quotes", CodeMalformed, `{'type':1}`, "double quotes"},
		{"NaN", CodeMalformed, track + base + `,"properties":{"n":NaN}}`, "a value"},
		{"leading zero", CodeMalformed, track + base + `,"properties":{"n":01}}`, "leading zeros"},
		{"bare point", CodeMalformed, track + base + `,"properties":{"n":1.}}`, "digit"},
		{"raw newline in string", CodeMalformed, track + base + ",\"properties\":{\"n\":\"a\nb\"}}", "escaped"},
		{"bad escape", CodeMalformed, track + base + `,"properties":{"n":"\x"}}`, "escape"},
		{"bad hex", CodeMalformed, track + base + `,"properties":{"n":"\u12g4"}}`, "hex"},
		{"array", CodeNotObject, `[1]`, "an array"},
		{"string", CodeNotObject, `"x"`, "a string"},
		{"no type", CodeNoType, `{"event":"E",` + base + `}`, "type"},
		{"unknown type", CodeUnknownType, `{"type":"Track",` + base + `}`, `"Track"`},
		{"batch in batch", CodeUnknownType, `{"batch":[]}`, "batch"},
		{"no message id", CodeNoMessageID, track + `"userId":"u","timestamp":"2026-01-31T09:30:00Z"}`, "messageId"},
		{"empty message id", CodeNoMessageID, track + `"messageId":"","userId":"u","timestamp":"2026-01-31T09:30:00Z"}`, "messageId"},
		{"no lead", CodeNoLead, track + `"messageId":"m","timestamp":"2026-01-31T09:30:00Z"}`, "anonymousId"},
		{"a lead of blanks", CodeNoLead, track + `"messageId":"m","userId":"  ","timestamp":"2026-01-31T09:30:00Z"}`, "anonymousId"},
		{"no event name", CodeNoEvent, `{"type":"track",` + base + `}`, "event"},
		{"no time", CodeNoTime, track + `"messageId":"m","userId":"u"}`, "timestamp"},
		{"bad time", CodeBadTime, track + `"messageId":"m","userId":"u","timestamp":"tomorrow"}`, `"tomorrow"`},
		{"no zone", CodeNoZone, track + `"messageId":"m","userId":"u","timestamp":"2026-01-31T09:30:00"}`, "zone"},
		{"seconds for ms", CodeTimeRange, track + `"messageId":"m","userId":"u","timestamp":1769851800}`, "not seconds"},
		{"fraction of ms", CodeBadTime, track + `"messageId":"m","userId":"u","timestamp":1769851800000.5}`, "whole"},
		{"huge ms", CodeBadTime, track + `"messageId":"m","userId":"u","timestamp":1e300}`, "whole"},
		{"corrected beyond range", CodeTimeRange, track + `"messageId":"m","userId":"u","receivedAt":"2026-01-01T00:00:00Z","sentAt":"2099-01-01T00:00:00Z","originalTimestamp":"2001-01-01T00:00:00Z"}`, "corrected"},
		{"number as user id", CodeWrongType, track + `"messageId":"m","userId":17,"timestamp":"2026-01-31T09:30:00Z"}`, "userId: found a number (17)"},
		{"object as event", CodeWrongType, `{"type":"track","event":{},` + base + `}`, "event"},
		{"time of wrong type", CodeWrongType, track + `"messageId":"m","userId":"u","timestamp":true}`, "timestamp"},
		{"properties of wrong type", CodeWrongType, track + base + `,"properties":[1]}`, "an object"},
		{"traits of wrong type", CodeWrongType, `{"type":"identify",` + base + `,"traits":"x"}`, "traits"},
		{"alias", CodeAlias, `{"type":"alias","previousId":"a",` + base + `}`, "not in this version"},
		{"group without lead", CodeAccountFact, `{"type":"group","messageId":"m","groupId":"g","anonymousId":"a","timestamp":"2026-01-31T09:30:00Z"}`, "once per lead"},
		{"tick", CodeTickNotAllowed, `{"type":"tick","timestamp":"2026-01-31T09:30:00Z"}`, "offline"},
		{"too deep", CodeTooDeep, track + base + `,"properties":` + deep + `}`, "16 levels"},
		{"too deep array", CodeTooDeep, track + base + `,"other":` + strings.Repeat("[", 5000) + `}`, "16 levels"},
		{"too many", CodeTooMany, track + base + `,"properties":{` + many.String() + `"z":1}}`, "512"},
		{"giant", CodeTooLarge, track + base + `,"properties":{"x":"` + strings.Repeat("x", 256<<10) + `"}}`, "262144"},
		{"latin 1", CodeUTF8, track + base + ",\"properties\":{\"x\":\"M\xfcller\"}}", "UTF-8"},
		{"lone surrogate", CodeUTF8, track + base + `,"properties":{"x":"\ud800x"}}`, "surrogate"},
		{"NUL escaped", CodeNUL, track + base + `,"properties":{"x":"a\u0000b"}}`, "NUL"},
		{"NUL raw", CodeNUL, track + base + ",\"properties\":{\"x\":\"a\x00b\"}}", "NUL"},
		{"overflow", CodeOverflow, track + base + `,"properties":{"x":1e999}}`, "1e999"},
		{"overflow in a list", CodeOverflow, track + base + `,"properties":{"x":[-1e999]}}`, "-1e999"},
		{"separator in a list", CodeListElement, track + base + `,"properties":{"x":["a\u001fb"]}}`, "1F"},
		{"long id", CodeIDLong, track + `"messageId":"` + strings.Repeat("m", 257) + `","userId":"u","timestamp":"2026-01-31T09:30:00Z"}`, "257"},
		{"control in id", CodeIDControl, track + `"messageId":"m","userId":"u\u0007","timestamp":"2026-01-31T09:30:00Z"}`, "userId"},
		{"C1 control in id", CodeIDControl, track + `"messageId":"m","userId":"u\u0085","timestamp":"2026-01-31T09:30:00Z"}`, "userId"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ev, rej := NewDecoder(Options{}).Decode([]byte(tc.raw), 0)
			require.NotNil(t, rej)
			assert.Equal(t, tc.code, rej.Code, rej.Reason)
			assert.Contains(t, rej.Reason, tc.says)
			assert.Contains(t, rej.Reason, "found")
			assert.Contains(t, rej.Reason, "expected")
			assert.Equal(t, tc.raw[:min(len(tc.raw), maxKept)], string(rej.Raw), "the input is kept as it was, as far as an event may go")
			assert.Less(t, len(rej.Reason), 300)
			assert.Equal(t, lead.Event{}, ev)
		})
	}
}

func TestDecode_LimitsAreInclusive(t *testing.T) {
	id := strings.Repeat("m", 256)
	assert.Equal(t, id, decode(t, `{"type":"page","messageId":"`+id+`","userId":"u","timestamp":1769851800000}`).ID)
	deep := strings.Repeat(`{"a":`, 15) + "1" + strings.Repeat("}", 15)
	assert.Len(t, decode(t, `{"type":"page",`+base+`,"properties":`+deep+`}`).Props, 1)
}

func TestDecode_RejectedNamesLeadAndEventWhereverTheyStand(t *testing.T) {
	_, rej := NewDecoder(Options{}).Decode([]byte(`{"type":7,"timestamp":"2026-01-31T09:30:00Z","userId":"u1","messageId":"m1"}`), 0)
	require.NotNil(t, rej)
	assert.Equal(t, [3]any{"u1", "m1", at0}, [3]any{rej.Lead, rej.Event, rej.At})
}

func TestDecode_Ticks(t *testing.T) {
	d := NewDecoder(Options{AllowTicks: true})
	ev, rej := d.Decode([]byte(`{"type":"tick","timestamp":"2026-01-31T09:30:00Z"}`), 0)
	require.Nil(t, rej)
	assert.Equal(t, lead.Tick, ev.Kind)
	assert.Equal(t, at0, ev.At)
	_, rej = d.Decode([]byte(`{"type":"tick"}`), 0)
	require.NotNil(t, rej)
	assert.Equal(t, CodeNoTime, rej.Code)
}

// An event keeps its properties while later ones are decoded.
func TestDecode_EventsOutliveTheNextDecode(t *testing.T) {
	d := NewDecoder(Options{})
	var evs []lead.Event
	for i := range 1000 {
		ev, rej := d.Decode([]byte(`{"type":"page",`+base+`,"properties":{"n":`+strings.Repeat("1", 1+i%5)+`,"deep":{"er":"x"},"a":"y"}}`), 0)
		require.Nil(t, rej)
		evs = append(evs, ev)
	}
	for i, ev := range evs {
		require.Equal(t, strings.Repeat("1", 1+i%5), ev.Props.Get("n").Text())
		require.Equal(t, "x", ev.Props.Get("deep.er").Str)
		require.Equal(t, cap(ev.Props), len(ev.Props), "appending to one event must not write into another")
	}
}

func TestDecode_ManyPropertiesAreSortedLastWins(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		b.WriteString(`"k` + string(rune('a'+(i*7)%26)) + string(rune('a'+i%10)) + `":` + strings.Repeat("1", 1+i%9) + `,`)
	}
	ev := decode(t, `{"type":"page",`+base+`,"properties":{`+b.String()+`"kaa":7}}`)
	for i := 1; i < len(ev.Props); i++ {
		require.Less(t, ev.Props[i-1].Name, ev.Props[i].Name)
	}
	assert.Equal(t, lead.NumberOf(7), ev.Props.Get("kaa"))
}

const small135 = `{"type":"track","event":"Email Opened","messageId":"m-000001","userId":"lead-42","timestamp":"2026-01-31T09:30:00Z","properties":{"n":1}}`

func BenchmarkDecode(b *testing.B) {
	for name, raw := range map[string]string{
		"bytes=135": small135,
		"bytes=600": `{"type":"page","messageId":"m-000001","userId":"lead-42","timestamp":"2026-01-31T09:30:00.123Z","properties":{"path":"/pricing","title":"Pricing","referrer":"https://www.google.com/","url":"https://acme.example/pricing?plan=pro"},"context":{"ip":"203.0.113.7","userAgent":"Mozilla/5.0 (X11; Linux x86_64)","locale":"en-GB","timezone":"Europe/Berlin","campaign":{"name":"spring","source":"google","medium":"cpc"},"page":{"path":"/pricing","url":"https://acme.example/pricing?plan=pro","title":"Pricing"},"library":{"name":"analytics.js","version":"4.1.0"}},"integrations":{"All":true}}`,
	} {
		b.Run(name, func(b *testing.B) {
			d, in := NewDecoder(Options{}), []byte(raw)
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				if _, rej := d.Decode(in, 1769851800000); rej != nil {
					b.Fatal(rej.Reason)
				}
			}
		})
	}
}
