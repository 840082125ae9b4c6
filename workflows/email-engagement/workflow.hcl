# E-mail engagement: points for what people do, points off for what they ignore.
# points.hcl says what is worth what, counters.hcl what is counted.
workflow "email-engagement" {
  about   = "Marketing qualified from 60 points on; a demo request goes to sales at once"
  display = "{grade} {engagement}"
}

# Who they are: A fits, B we cannot say, C does not fit.
step "fit-grade" "who" {
  let {
    industry = oneof(account.industry, "saas", "e-commerce", "fintech")
    size     = between(account.employees, 20, 2000)
  }
  grades = [{ A = industry && size }, { C = !industry || !size }, { B = true }]
}

# Fit and activity make four corners.
route "sales-handoff" "asked" { when = pending("asked") }
route "sales-handoff" "mql" {
  when = engagement >= 60 && grade != "C"
  say  = "Marketing qualified with {engagement} points"
}
route "marketing-review" "eager-but-no-fit" { when = engagement >= 60 && grade == "C" }
route "nurture-target" "fits-but-quiet" { when = engagement < 60 && grade == "A" }
route "nurture" "rest" { default = true }

label "hot" { when = engagement >= 60 }
label "warm" { when = engagement >= 25 }
label "cold" { default = true }
