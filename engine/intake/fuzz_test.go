package intake

import (
	"math"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

var fuzzSeeds = []string{
	small135, `{"batch":[` + small135 + `],"sentAt":"2026-01-31T08:00:02Z"}`, `[` + small135 + `]`, "\ufeff" + small135 + "\r\n\n" + small135,
	`{"type":"identify","userId":"u","messageId":"m","timestamp":1769851800000,"traits":{"a":[1,"x",null,true],"b":{"c":{"d":-1.5e3}}}}`,
	`{"type":"group","userId":"u","messageId":"m","timestamp":"2026-01-31 09:30+0100","groupId":"g","traits":{"\u00e9\ud83d\ude00":"\\\/\b"}}`,
	`{"type":"page","userId":"u","messageId":"m","receivedAt":1769851800000,"sentAt":1769851800000,"originalTimestamp":1769851800000,"context":{"page":{"url":"https://x/y?z"}}}`,
	`{"type":"tick","timestamp":"2026-01-31T09:30:00Z"}`, `{"n":1e999}`, `{"s":"\ud800"}`, `[[[[[[`, `{"a":`, `nul`, `"\u0000"`,
}

// sane checks what every accepted event promises.
func sane(t *testing.T, ev lead.Event) {
	require.NotEqual(t, lead.KindUnknown, ev.Kind)
	require.True(t, ev.At >= minTime && ev.At < maxTime, ev.At)
	if ev.Kind != lead.Tick {
		require.NotEmpty(t, ev.ID)
		require.NotEmpty(t, ev.Lead)
	}
	for _, props := range []lead.Props{ev.Props, ev.Traits, ev.Context} {
		for i, p := range props {
			require.True(t, i == 0 || props[i-1].Name < p.Name, "sorted, each name once")
			require.NotEqual(t, lead.Absent, p.Value.Kind)
			require.False(t, math.IsNaN(p.Value.Num) || math.IsInf(p.Value.Num, 0))
			require.True(t, utf8.ValidString(p.Name) && utf8.ValidString(p.Value.Str))
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s), int64(1769851800000))
	}
	d := NewDecoder(Options{AllowTicks: true})
	f.Fuzz(func(t *testing.T, raw []byte, received int64) {
		ev, rej := d.Decode(raw, received)
		if rej == nil {
			sane(t, ev)
			return
		}
		require.NotEmpty(t, rej.Code)
		require.NotEmpty(t, rej.Reason)
		require.True(t, utf8.ValidString(rej.Reason))
		require.Equal(t, string(raw), string(rej.Raw))
	})
}

func FuzzSplit(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	d := NewDecoder(Options{})
	f.Fuzz(func(t *testing.T, b []byte) {
		next := 0
		Split(b, func(i int, raw []byte) {
			require.Equal(t, next, i)
			next++
			if ev, rej := d.Decode(raw, 0); rej == nil {
				sane(t, ev)
			}
		})
	})
}
