package core_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
)

// The ids of these decisions were taken once. Consumers deduplicate by them:
// the same stream must give the same ids for ever.
func TestGolden_DecisionIDs(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(event("g1", "ann", "Email Opened", start),
		event("g2", "ann", "Demo Requested", start+1000),
		event("g3", "ann", "Demo Requested", start+2000),
		event("g4", "ann", "Lead Rejected", start+3000),
		event("g5", "bob", "identify", start+4000, "title", "ceo"),
		event("g6", "bob", "Email Opened", start+5000),
		tick(start+90*day))
	var got []string
	for _, d := range e.out.Decisions {
		got = append(got, d.Lead+" "+d.Action+"/"+d.Route+" "+d.ID)
	}
	assert.Equal(t, []string{
		"ann nurture/rest 9a637cde5a7f5fa68460e824748d1454",
		"ann sales-handoff/hand e0392c2e74988900c8c5eb9e0f0e11d6",
		"ann sales-update/hand 2c363196b608a310ce74943f3fdb0240",
		"bob nurture/rest 291a73e4693cf04fbf51db726ae37668",
		"ann nurture-cooled/cooled 8dc248b20c0f8da10a18a77776c9bdf0",
		"ann investigate/quiet 517d5c7f0129387f01bff4f38da76744",
		"bob investigate/quiet 6bdf09ed42124cd14bd2412258365835",
	}, got)
}
