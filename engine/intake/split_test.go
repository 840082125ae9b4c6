package intake

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

func TestSplitMost_CountsAllAndHandsOverTheFirst(t *testing.T) {
	for _, body := range []string{
		"", "x", "x\ny\nz", "[1,2,3,4]", "[1,2\n,3", `{"type":"batch","context":{"a":1},"batch":[{},{},{}]}`,
		"[1,2]\n{\"batch\":[1,2,3]}\n\n{}\n", "[]", "[1,2]3", "[,,]",
	} {
		var all [][]byte
		Split([]byte(body), func(_ int, raw []byte) { all = append(all, raw) })
		for most := range len(all) + 2 {
			var got [][]byte
			found := SplitMost([]byte(body), most, func(i int, raw []byte) {
				require.Equal(t, len(got), i)
				got = append(got, raw)
			})
			assert.Equal(t, len(all), found, "%q", body)
			assert.Equal(t, append([][]byte(nil), all[:min(most, len(all))]...), got, "%q", body)
		}
	}
}

// A message of the stream with more events than any producer means to send is
// refused as a whole.
func TestMessages_TooMany(t *testing.T) {
	count := func(b []byte) (n int, err error) {
		err = Messages(b, func(int, []byte, int64) { n++ })
		return n, err
	}
	n, err := count(bytes.Repeat([]byte("x\n"), MaxEvents))
	require.NoError(t, err)
	require.Equal(t, MaxEvents, n)
	n, err = count(bytes.Repeat([]byte("x\n"), MaxEvents+1))
	require.ErrorIs(t, err, ErrPack)
	require.ErrorContains(t, err, "100001 events in one message, at most 100000")
	require.Zero(t, n)
	pack, err := EncodePack(nil, make([]Packed, MaxEvents+1))
	require.NoError(t, err)
	n, err = count(pack)
	require.ErrorIs(t, err, ErrPack)
	require.Zero(t, n)
}

// What is kept of a rejected input is bounded, whatever it claims to be.
func TestRejected_IsBounded(t *testing.T) {
	giant := []byte(`{"userId":"` + strings.Repeat("ü", 200_000) + `","messageId":"` + strings.Repeat("m", 200_000) + `"}`)
	_, r := NewDecoder(Options{}).Decode(giant, 0)
	require.Equal(t, CodeTooLarge, r.Code)
	require.Len(t, r.Raw, 256<<10)
	_, r = NewDecoder(Options{MaxBytes: 1 << 20}).Decode(giant, 0)
	require.LessOrEqual(t, len(r.Lead), 256)
	require.True(t, utf8.ValidString(r.Lead))
	require.LessOrEqual(t, len(r.Event), 256)
	r = Reject(CodePack, "because", giant)
	require.Len(t, r.Raw, 256<<10)
	require.Contains(t, r.Reason, "because; only its first 262144 of 600")
}
