# What the torture runs: every event counts once and for ever, so that one that
# is lost or doubled shows; the rest makes decisions, order and timers matter.
workflow "torture" {
  about   = "Counts every event, fades, waits and hands over"
  display = "{tally} {recent}"
}

silence "unbounded-growth" {
  of      = "tally"
  because = "it is a tally"
}

counter "reads" {
  events = ["Article Read"]
  window = "6d"
}

step "behavior-points" "tally" {
  about = "One point for every event, whatever it is"
  rule "each" {
    event  = "*"
    page   = "*"
    points = 1
  }
}

step "behavior-points" "recent" {
  about = "What was done lately; the order of events decides what it is worth"
  class "asked" { events = { "Demo Requested" = 100 } }
  class "canary" { events = { "Canary Seen" = 1 } }
  class "product" {
    events = { "Guide Downloaded" = 15 }
    pages  = { "/product/*" = 10 }
    once   = "asset per day"
    cap    = 90
  }
  class "reading" { events = { "Article Read" = 2 } }
  tier "reads" {
    counter = "reads"
    at      = { "3" = 5, "12" = 20 }
    again   = "9d"
  }
}

step "decay" "fade" {
  of     = "recent"
  window = "20d"
}

route "sales-handoff" "asked" { when = pending("asked") }
route "canary" "seen" { when = pending("canary") }
route "sales-handoff" "warm" { when = recent >= 45 }
route "investigate" "quiet" {
  when  = idle("4d") && peak(recent, "20d") >= 20
  reset = !idle("4d")
  say   = "Was warm, silent for four days"
}
route "nurture" "rest" { default = true }
