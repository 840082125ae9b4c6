package workflow

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const starter = `
workflow "letter-and-number" {
  display = "{grade} {recent} {recent.top}"
}

table "competitors" { file = "competitors.csv" }

step "fit-grade" "who" {
  let {
    decider = like(trait.title, "chief*", "head of*", "vp*")
    junior  = like(trait.title, "intern*", "junior*")
    company = account.industry == "saas" && between(account.employees, 50, 1000)
    revenue = between(account.revenue, 5e6, 2e8)
  }
  knock_out = listed("competitors", trait.domain) || trait.role == "student"
  grades = [                      # the first that is true wins
    { A = decider && company && revenue },
    { C = company && junior },
    { B = company && revenue },
    { C = company || decider && unknown(company) },
    { D = true },
  ]
}

step "behavior-points" "recent" {
  about = "Last 60 days; 100 means they asked"
  floor = 0
  class "asked" {
    events = { "Demo Requested" = 100, "Trial Started" = 100, "Account Created" = 100 }
  }
  class "product" {
    events = { "Guide Downloaded" = 15, "Overview Video Watched" = 12, "Product Webinar Attended" = 15 }
    pages  = { "/product/*" = 10 }
    once   = "asset per day"
  }
  class "reading" {
    pages = { "/" = 1, "/blog/*" = 1, "/learn/*" = 2 }
  }
}

step "decay" "sixty" {
  of     = "recent"
  curve  = "linear"
  window = "60d"
}

route "sales-handoff" "asked"   { when = pending("asked") && grade != "D" }
route "review"        "unknown" { when = pending("asked") && grade == "D" && !who.knocked_out }
route "sales-handoff" "warm" {
  when = oneof(grade, "A", "B") && recent >= 25
  say  = "Ask about {recent.product.last}"
}
route "investigate" "lost" { when = idle("60d") && grade != "D" && peak(recent, "120d") >= 25 }
route "nurture" "rest"     { default = true }
`

// The model of one page that two people write in an afternoon loads as it is
// printed, against the schemas of the shipped plugins.
func TestLoad_R002_14_Starter(t *testing.T) {
	def := mustLoad(t, "workflow.hcl", starter, "competitors.csv", "domain\nrival.test\n")
	require.Len(t, def.Steps, 3)
	who := def.Steps[0].Config
	require.Equal(t, "let knock_out grades", keys(who))
	require.Equal(t, "decider junior company revenue", keys(who.Members[0]))
	for _, let := range who.Members[0].Members {
		require.Equal(t, NodeExpr, let.Kind)
		require.NotNil(t, let.Expr)
	}
	grades := who.Members[2]
	require.Len(t, grades.Members, 5)
	require.Equal(t, "C", grades.Members[3].Members[0].Key)

	product := def.Steps[1].Config.Members[0].Members[1]
	require.Equal(t, "product", product.Members[0].Text)
	require.EqualValues(t, 12_000, product.Members[1].Members[1].Points)
	require.EqualValues(t, 60*86_400_000, def.Steps[2].Config.Members[2].Millis)

	require.Len(t, def.Scores, 3, "one for each step")
	require.Equal(t, "Last 60 days; 100 means they asked", def.Scores[1].About)
	require.Len(t, def.Routes, 5)
}
