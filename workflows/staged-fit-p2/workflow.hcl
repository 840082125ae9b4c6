# Fit from five questions, behaviour in stages. Policy 2: sales waits until interest is proven.
workflow "staged-fit-p2" {
  about   = "Fit from 5 to 10 and 8 points of behaviour: sales, not earlier"
  display = "fit {fit}, behavior {behavior}"
}

step "fit-grade" "fit" {
  about = "Five questions, each from 1 to 10; no answer counts as 1"
  metric "market" {
    account = true
    of      = account.industry
    values  = { saas = 10, fintech = 8, "e-commerce" = 6, media = 4, education = 2 }
  }
  metric "kind of company" {
    account = true
    of      = account.kind
    values  = { "scale-up" = 10, "mid-size" = 8, enterprise = 5, "start-up" = 4, agency = 2 }
  }
  metric "decision-maker" {
    of   = trait.title
    like = { "ceo*" = 10, "chief*" = 10, "vp*" = 9, "head of*" = 8, "*manager*" = 6, "*secretary*" = 3, "*assistant*" = 3 }
  }
  metric "kind of problem" {
    of     = trait.problem
    values = { exact = 10, related = 6, vague = 3, other = 1 }
  }
  metric "do we solve it" {
    of     = trait.solved
    values = { fully = 10, mostly = 7, partly = 4, no = 1 }
  }
}

# Stages in order: everything in a later stage is worth more than anything before it.
step "behavior-points" "behavior" {
  about = "How far they have come, stage by stage"
  stage "hello" {
    events = { "Social Followed" = 1, "Newsletter Subscribed" = 2 }
    once   = "ever"
  }
  stage "learning" {
    events = { "Webinar Attended" = 3, "Report Downloaded" = 4 }
    once   = "asset"              # each webinar and report
    bonus  = { "2" = 1, "4" = 3 } # for how many of them
  }
  stage "buying" {
    events = { "Case Study Downloaded" = 5, "Pricing Requested" = 6, "Consultation Booked" = 8 }
    once   = "asset"
    bonus  = { "2" = 3, "3" = 6 }
  }
}

# The hand-off point is these numbers; the other three corners go to nurture.
route "sales-handoff" "fits-and-proven" {
  when = between(fit, 5, 10) && behavior >= 8
  say  = "Fits {fit} of 10, and has come {behavior} points far"
}
route "nurture-fit" "fits-but-not-proven" { when = fit >= 5 && behavior < 8 }
route "nurture-interest" "keen-but-no-fit" { when = fit < 5 && behavior >= 8 }
route "nurture" "rest" { default = true }
