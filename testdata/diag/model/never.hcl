workflow "never" {}

step "grader" "who" {
  grades = [
    { A = 2 > 3 }, # WARNING: Condition is constant
    { D = true },
  ]
  points = 5
}

step "pointer" "recent" {
  floor = 0
  class "read" {
    events = { "Guide Downloaded" = 10 }
    once   = "asset"
  }
}

route "sales-handoff" "narrow" { when = recent > 5 && recent < 5.001 }      # WARNING: No lead can make this route true
route "sales-handoff" "below" { when = recent < 0 }                         # WARNING: No lead can make this route true
route "sales-handoff" "both" { when = who.grade == "A" && grade == "D" }    # WARNING: No lead can make this route true
route "nurture" "rest" { default = true }
label "hot" { when = recent >= 10 }
label "warm" { when = recent >= 20 } # WARNING: Whenever this is true, label/hot before it
label "cold" { default = true }
