package replay

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/intake/mapping"
)

// drain reads all items of a reader.
func drain(t *testing.T, r *Reader) (list []Item) {
	t.Helper()
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		list = append(list, it)
	}
}

func TestReader_AccountsForEveryLine(t *testing.T) {
	r := NewEvents(strings.NewReader("\ufeff" + `{"messageId":"1","type":"page","userId":"ann","timestamp":"2026-01-01T00:00:00Z","properties":{"path":"/"}}
nonsense

{"batch":[{"messageId":"2","type":"track","event":"x","userId":"ann","timestamp":"2026-01-01T00:00:00Z"},{"messageId":"3"}]}
{"type":"tick","timestamp":"2026-01-02T00:00:00Z"}
{"messageId":"4","type":"track","event":"x","userId":"ann"}`))
	var lines []int
	var rejected []int
	for _, it := range drain(t, r) {
		lines = append(lines, it.Line)
		if it.Rejected != nil {
			rejected = append(rejected, it.Rejected.Line)
		}
	}
	assert.Equal(t, []int{1, 2, 4, 4, 5, 6}, lines)
	assert.Equal(t, []int{2, 4, 6}, rejected)
	assert.Equal(t, ReadCounts{Rows: 6, Accepted: 3, Rejected: 3, Events: 2, Ticks: 1}, r.Counts())
}

func TestReader_AccountsForEveryRow(t *testing.T) {
	all, diags := mapping.Load("m.hcl", []byte(`mapping "m" {
  id   = "Lead"
  time = "2026-01-01T00:00:00Z"
  trait "size" {
    column = "Size"
    type   = "number"
  }
  event "Visited" { count_column = "Visits" }
}`))
	require.Empty(t, diags)
	r, diags := NewLeads(strings.NewReader("Lead,Size,Visits\nann,1,2\nbob,many,1\n\"cid,3,1\"\n"), all[0])
	require.Empty(t, diags)
	var who []string
	for _, it := range drain(t, r) {
		if it.Rejected == nil {
			who = append(who, it.Event.Lead)
		}
	}
	assert.Equal(t, []string{"ann", "ann", "ann", "cid", "cid"}, who)
	assert.Equal(t, ReadCounts{Rows: 3, Accepted: 1, Repaired: 1, Rejected: 1, Events: 5}, r.Counts())
}

func TestReader_PassesOverWhoIsNotWanted(t *testing.T) {
	event := func(id, who string) string {
		return `{"messageId":"` + id + `","type":"track","event":"x","timestamp":"2026-01-01T00:00:00Z",` + who + `}` + "\n"
	}
	text := event("1", `"userId":"ann"`) + event("2", `"userId":"bob"`) + event("3", `"user_id":"ann"`) + event("4", `"anonymousId":"ann"`) +
		event("5", `"userId":"ann"`) + event("6", `"anonymousId":"ann","properties":{"userId":"bob"}`) + event("7", `"properties":{"userId":"bob"},"userId":"ann"`) +
		event("8", `"userId":""`) + `{"type":"tick","timestamp":"2026-01-02T00:00:00Z"}` + "\n"
	r := NewEvents(strings.NewReader(text))
	r.Only = func(key string) bool { return key == "ann" }
	var ids string
	for _, it := range drain(t, r) {
		if it.Rejected == nil && it.Event.Lead == "ann" {
			ids += it.Event.ID
		}
		assert.NotEqual(t, "2", it.Event.ID, "it is not even decoded")
	}
	assert.Equal(t, "134567", ids)
}
