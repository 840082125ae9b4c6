# A letter for who they are and a number for the last 60 days, such as "B 27".
workflow "letter-and-number" {
  about   = "A and B with 25 points, or anyone but D who asks, go to sales; D never does"
  display = "{grade} {recent} {recent.top}"
  lead    = "prospect" # what your people call a lead
}

table "competitors" { file = "competitors.csv" } # domains
table "outsiders" { file = "outsiders.csv" }     # roles that never buy

step "fit-grade" "who" {
  let {
    decider = like(trait.title, "chief*", "ceo", "head of*", "vp*")
    junior  = like(trait.title, "*intern*", "junior*", "trainee*")
    branch  = oneof(account.industry, "saas", "fintech", "e-commerce")
    size    = between(account.employees, 50, 1000)
    company = branch && size
    revenue = between(account.revenue, 5e6, 2e8)
    toss_up = branch || size || unknown(branch) && unknown(size)
  }
  knock_out = listed("competitors", trait.domain) || listed("outsiders", trait.role)
  grades = [ # the first that is true wins
    { A = decider && company && revenue, because = "decides, and the company fits" },
    { C = company && junior, because = "good company, but entry level" },
    { B = company && revenue, because = "the company fits, a lesser title" },
    { C = decider && toss_up, because = "decides, but the company is a toss-up" },
    { D = true, because = "everybody else" },
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
    events = { "Resource Downloaded" = 2 }
    pages  = { "/" = 1, "/blog/*" = 1, "/learn/*" = 2 }
  }
}

step "decay" "sixty" { # all of it on the day itself, nothing from day 60 on
  of     = "recent"
  window = "60d"
}

route "sales-handoff" "asked" {
  when = pending("asked") && grade != "D"
  say  = "Call about the {recent.asked.last}"
}
route "review" "asked-but-d" { when = pending("asked") && grade == "D" && !who.knocked_out }
route "sales-handoff" "warm" {
  when = oneof(grade, "A", "B") && recent >= 25
  say  = "Ask about {recent.product.last}"
}
route "investigate" "gone-quiet" {
  when  = idle("60d") && grade != "D" && peak(recent, "120d") >= 25
  reset = !idle("60d")
  say   = "Was warm, silent for 60 days: find out why"
}
route "nurture" "rest" { default = true }
