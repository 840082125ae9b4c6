package expr

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

func mustParse(t require.TestingT, src string) hcl.Expression {
	e, diags := hclsyntax.ParseExpression([]byte(src), "test.hcl", hcl.InitialPos)
	require.False(t, diags.HasErrors(), "%s: %s", src, diags)
	return e
}

// typical are conditions as workflows have them.
func typical() []string {
	return []string{
		`like(trait.title, "chief*", "head of*", "*sales") && account.industry == "saas" && between(account.employees, 50, 1000)`,
		`oneof(grade, "A", "B") && recent >= 25 && !pending("product")`,
		`listed("competitors", trait.title) || trait.dead || trait.n == "12" || oneof(trait.n, "11", "13")`,
		`idle("60d") && grade != "D" && peak(recent, "120d") >= 25 && count.blog > 4`,
		`fit * 0.4 + recent * 0.6 > 18 && recent.asked >= 20 && recent.top == "asked" && hour() > 3`,
		`contains(trait.tags, "red") && starts(event.path, "/pri") && prop.seats * 2 > 13.5 && known(trait.title)`,
		`coalesce(trait.x, 5) > 4 && min(trait.n, trait.age) == 12 && lookup("competitors", "rival.com", "weight") > 6 && trait.age > 11`,
		`event.name == "Page Viewed" ? who.knocked_out : stage("won")`,
	}
}

func TestConditionsDoNotAllocate(t *testing.T) {
	for _, src := range typical() {
		s, f := world(t)
		x, diags := s.Compile(mustParse(t, src), Bool)
		require.Empty(t, diags, src)
		f.Acct.Peaks = make([][]ledger.Peak, len(s.Book.Peaks))
		assert.NotEqual(t, lead.Unknown, x.Cond(f), src)
		assert.Zero(t, testing.AllocsPerRun(100, func() { x.Cond(f) }), src)
	}
}

func BenchmarkCondition(b *testing.B) {
	for _, src := range typical() {
		b.Run(src[:20], func(b *testing.B) {
			s, f := world(b)
			x, diags := s.Compile(mustParse(b, src), Bool)
			require.Empty(b, diags)
			f.Acct.Peaks = make([][]ledger.Peak, len(s.Book.Peaks))
			b.ReportAllocs()
			for b.Loop() {
				x.Cond(f)
			}
		})
	}
}
