package expr

import (
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/ledger"
)

// told shows parts as "text: read = value, … -> truth".
func told(parts []ledger.Part, f *ledger.Frame) (out []string) {
	for _, p := range parts {
		var reads []string
		for _, r := range p.Reads {
			v, ok := r.Value(f)
			if !ok {
				v = "?"
			}
			reads = append(reads, r.Text+" = "+v)
		}
		out = append(out, p.Text+": "+strings.Join(reads, ", ")+" -> "+[]string{"unknown", "false", "true"}[p.Cond(f)])
	}
	return out
}

func TestParts_ShowWhatEachStatementReads(t *testing.T) {
	for src, want := range map[string][]string{
		`recent >= 25`: {`recent >= 25: recent = 27.4 -> true`},
		`recent >= 25 && (fit < 8 || oneof(who.grade, "A", "B"))`: {
			`recent >= 25: recent = 27.4 -> true`, `fit < 8: fit = 8 -> false`, `oneof(who.grade, "A", "B"): who.grade = "B" -> true`},
		`!(recent >= 25 && fit >= 8)`:                       {`recent >= 25: recent = 27.4 -> true`, `fit >= 8: fit = 8 -> true`},
		`!like(trait.title, "vp*")`:                         {`!like(trait.title, "vp*"): trait.title = "VP Sales" -> false`},
		`trait.size > 50`:                                   {`trait.size > 50: trait.size = ? -> unknown`},
		`trait.n == 12 && trait.dead`:                       {`trait.n == 12: trait.n = 12 -> true`, `trait.dead:  -> false`},
		`pending("asked") && episode("sales-handoff")`:      {`pending("asked"):  -> true`, `episode("sales-handoff"):  -> true`},
		`stage("won")`:                                      {`stage("won"): stage = "accepted" -> false`},
		`idle("60d")`:                                       {`idle("60d"): last activity = 1970-02-10, 60d15h ago -> true`},
		`recent + fit > recent * 2`:                         {`recent + fit > recent * 2: recent = 27.4, fit = 8 -> false`},
		`count.blog >= 3 && age_days() > 200`:               {`count.blog >= 3: count.blog = 7 -> true`, `age_days() > 200: age_days() = 99 -> false`},
		`(trait.n > 5 ? recent : fit) > 20`:                 {`(trait.n > 5 ? recent : fit) > 20: trait.n = 12, recent = 27.4, fit = 8 -> true`},
		`"${trait.title}!" == "x"`:                          {`"${trait.title}!" == "x": trait.title = "VP Sales" -> false`},
		`recent.asked > 0 && recent.asked.last == "x"`:      {`recent.asked > 0: recent.asked = 20 -> true`, `recent.asked.last == "x": recent.asked.last = "Demo Requested" -> false`},
		`contains(trait.tags, "red") && unknown(trait.who)`: {`contains(trait.tags, "red"): trait.tags = "red, Blue" -> true`, `unknown(trait.who): trait.who = ? -> true`},
	} {
		s, f := world(t)
		e := parse(t, src)
		x, diags := s.Compile(e, Bool)
		require.False(t, diags.HasErrors(), "%s: %s", src, diags)
		require.NotNil(t, x)
		parts := s.Parts(e, func(r hcl.Range) string { return string(r.SliceBytes([]byte(src))) })
		assert.Equal(t, want, told(parts, f), src)
	}
}

func TestParts_OfAMistakeAreNone(t *testing.T) {
	s, _ := world(t)
	assert.Empty(t, s.Parts(parse(t, `nonsense > 3`), func(hcl.Range) string { return "" }))
}
