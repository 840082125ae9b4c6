package intake

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ripenhq/ripen/engine/lead"
)

func split(in string) []string {
	out := []string{}
	Split([]byte(in), func(_ int, raw []byte) { out = append(out, string(raw)) })
	return out
}

func TestSplit(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":           {" \n ", []string{}},
		"one":               {` {"a":1} `, []string{`{"a":1}`}},
		"pretty":            {"{\n \"a\": \"}\\\"\"\n}", []string{"{\n \"a\": \"}\\\"\"\n}"}},
		"bom":               {"\ufeff{}", []string{`{}`}},
		"lines":             {"{\"a\":1}\r\n\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}},
		"bad line":          {"{\"a\":1\n{\"b\":2}\n", []string{`{"a":1`, `{"b":2}`}},
		"array":             {`[{"a":[1,2]}, {"b":"],"}]`, []string{`{"a":[1,2]}`, `{"b":"],"}`}},
		"empty array":       {`[ ]`, []string{}},
		"array of junk":     {`[1,"x",,{}]`, []string{`1`, `"x"`, ``, `{}`}},
		"trailing comma":    {`[{},]`, []string{`{}`, ``}},
		"open array":        {`[{"a":1},{"b"`, []string{`{"a":1}`, `{"b"`, ``}},
		"behind array":      {`[{}] x`, []string{`{}`, `x`}},
		"lines of arrays":   {"[{},{}]\n{}", []string{`{}`, `{}`, `{}`}},
		"batch":             {`{"batch":[{"a":1},{"b":2}],"writeKey":"k"}`, []string{`{"a":1}`, `{"b":2}`}},
		"batch with shared": {`{"sentAt":"s","batch":[{"a":1},{}],"context":{"ip":"x"}}`, []string{`{"sentAt":"s","context":{"ip":"x"},"a":1}`, `{"sentAt":"s","context":{"ip":"x"}}`}},
		"typed batch":       {`{"type":"batch","batch":[{}]}`, []string{`{}`}},
		"event with batch":  {`{"type":"track","batch":[1]}`, []string{`{"type":"track","batch":[1]}`}},
		"batch no array":    {`{"batch":1}`, []string{`{"batch":1}`}},
		"batch cut off":     {`{"batch":[{}]`, []string{`{"batch":[{}]`}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, tc.want, split(tc.in)) })
	}
}

func TestSplit_SharedMembersAreBounded(t *testing.T) {
	in := `{"batch":[{},{}],"context":{"x":"` + strings.Repeat("x", maxShared) + `"}}`
	assert.Equal(t, []string{in}, split(in))
}

func TestSplit_BatchTimesReachTheEvents(t *testing.T) {
	var got []int64
	Split([]byte(`{"sentAt":"2026-01-31T08:00:02Z","batch":[{"type":"page","messageId":"m","userId":"u","originalTimestamp":"2026-01-31T08:00:00Z"}]}`),
		func(_ int, raw []byte) {
			ev, rej := NewDecoder(Options{}).Decode(raw, at0+2000)
			assert.Nil(t, rej)
			got = append(got, ev.At)
		})
	assert.Equal(t, []int64{at0}, got)
}

func TestFill_TheEventsOwnMembersWin(t *testing.T) {
	m := Members(lead.Track, "m\"1\n", "u", "2026-01-31T09:30:00Z")
	ev := decode(t, string(Fill([]byte(` { "event":"E","user_id":"own","messageId":"m","timestamp":null}`), Members(lead.Track, "other", "u", "2026-01-31T09:30:00Z"))))
	assert.Equal(t, [4]any{"own", "E", lead.Track, at0}, [4]any{ev.Lead, ev.Name, ev.Kind, ev.At})
	_, rej := NewDecoder(Options{}).Decode(Fill([]byte(`{"event":"E"}`), m), 0)
	assert.Equal(t, CodeIDControl, rej.Code, "a newline in an id survives quoting and is refused")
	assert.Equal(t, `{"type":"page"}`, string(Fill([]byte(`{}`), Members(lead.Page, "", "", ""))))
	assert.Equal(t, `[1]`, string(Fill([]byte(`[1]`), m)))
	assert.Empty(t, Members(lead.KindUnknown, "", "", ""))
}
