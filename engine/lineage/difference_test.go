package lineage

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

func TestDifferences(t *testing.T) {
	live := &Member{Descriptor: Descriptor{ID: 1, Workflow: "w", Release: Release{Number: 1}, Role: Live}}
	shadow := &Member{Descriptor: Descriptor{ID: 9, Workflow: "w", Release: Release{Number: 2}, Role: Shadow}}
	on := func(who, event, action, route string) lead.Decision {
		return lead.Decision{Lead: who, Action: action, Route: route, Summary: action + "/" + route, At: 5, Cause: lead.Cause{Kind: "event", Event: event, At: 5}}
	}
	a, b := on("ann", "1", "sales-handoff", "warm"), on("ann", "1", "nurture", "rest")
	assert.Empty(t, Differences(live, shadow, nil, nil))
	assert.Empty(t, Differences(live, shadow, []lead.Decision{a, b}, []lead.Decision{b, a}), "in whatever order")

	list := Differences(live, shadow, []lead.Decision{a, on("ben", "2", "nurture", "rest")}, []lead.Decision{on("ann", "1", "sales-handoff", "hot"), on("cat", "3", "nurture", "rest"), on("cat", "4", "nurture", "rest")})
	require.Len(t, list, 4)
	assert.Equal(t, "live: sales-handoff/warm; shadow: sales-handoff/hot", list[0].Why, "another route")
	assert.Equal(t, "only the live release decides: nurture/rest", list[1].Why)
	assert.Equal(t, "ben", list[1].Lead)
	assert.Equal(t, "only the shadow decides: nurture/rest", list[2].Why)
	assert.Equal(t, []string{"3", "4"}, []string{list[2].Cause.Event, list[3].Cause.Event})
	assert.Equal(t, Side{1, 1, nil}, list[2].Live)
	assert.Equal(t, ID(9), list[2].Shadow.Lineage)
	assert.EqualValues(t, 2, list[2].Shadow.Release)

	twice := Differences(live, shadow, []lead.Decision{a, a}, []lead.Decision{a})
	require.Len(t, twice, 1)
	assert.Nil(t, twice[0].Shadow.Decision)
}
