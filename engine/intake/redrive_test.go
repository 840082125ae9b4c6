package intake

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

const demand = `{"type":"track","messageId":"7","userId":"ann","event":"Demo Requested","timestamp":"2026-01-01T00:00:00Z"}`

func TestRedriven_NamesTheAttempt(t *testing.T) {
	d := NewDecoder(Options{})
	raw, ok := Redriven([]byte(demand+"\n"), &lead.Redrive{Workflow: "small", Attempt: 1})
	require.True(t, ok)
	ev, bad := d.Decode(raw, 5)
	require.Nil(t, bad)
	assert.Equal(t, "redrive of 7 for small, attempt 1", ev.ID)
	assert.Equal(t, &lead.Redrive{Workflow: "small", Attempt: 1}, ev.Redrive)
	assert.Equal(t, "Demo Requested", ev.Name)

	again, ok := Redriven(raw, &lead.Redrive{Workflow: "small", Attempt: 2})
	require.True(t, ok)
	ev, bad = d.Decode(again, 5)
	require.Nil(t, bad)
	assert.Equal(t, "redrive of 7 for small, attempt 2", ev.ID, "of the event itself, not of the attempt before")

	ev, bad = d.Decode([]byte(demand), 5)
	require.Nil(t, bad)
	assert.Nil(t, ev.Redrive, "nothing stays in the decoder")
	assert.Equal(t, "7", ev.ID)
	for _, raw := range []string{"", "[]", `"x"`, "{", "nonsense"} {
		_, ok := Redriven([]byte(raw), &lead.Redrive{Workflow: "w", Attempt: 1})
		assert.False(t, ok, raw)
	}
	raw, ok = Redriven([]byte("{ }"), &lead.Redrive{Workflow: `a"b`, Attempt: 3})
	require.True(t, ok)
	assert.JSONEq(t, `{"redrive":{"workflow":"a\"b","attempt":3}}`, string(raw))
}

func TestDecode_AMarkThatIsNone(t *testing.T) {
	for mark, want := range map[string]string{
		`7`:                                        "redrive: found a number (7), expected an object with workflow and attempt",
		`{}`:                                       "redrive: found no workflow or no attempt",
		`{"workflow":"w"}`:                         "found no workflow or no attempt",
		`{"workflow":"w","attempt":0}`:             "redrive.attempt: found another number",
		`{"workflow":"w","attempt":1.5}`:           "redrive.attempt: found another number",
		`{"workflow":"w","attempt":99999999999}`:   "redrive.attempt: found another number",
		`{"workflow":"w","attempt":"1"}`:           "redrive.attempt: found a string",
		`{"workflow":7,"attempt":1}`:               "redrive.workflow: found a number",
		`{"workflow":"w","attempt":1`:              "",
		`{"workflow":"w","attempt":1,"x":[{}],"y"`: "",
	} {
		raw := strings.Replace(demand, "{", `{"redrive":`+mark+",", 1)
		_, bad := NewDecoder(Options{}).Decode([]byte(raw), 5)
		require.NotNil(t, bad, mark)
		assert.Contains(t, bad.Reason, want, mark)
	}
	ev, bad := NewDecoder(Options{}).Decode([]byte(strings.Replace(demand, "{", `{"redrive":null,`, 1)), 5)
	require.Nil(t, bad)
	assert.Nil(t, ev.Redrive)
}
