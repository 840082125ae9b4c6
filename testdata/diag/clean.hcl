workflow "w" {}

step "probe" "recent" {
  about  = "all that is right stays silent"
  floor  = 0
  where  = trait.role != "student"
  window = "1w2d3h4m5s6ms"
  limit  = "never"
  award  = { points = 5, within = "1d" }
  class "asked" {
    events = { "Demo Requested" = 100, Trial = 0.5, "Late" = -2 * 3 }
  }
}
label "hot" { when = recent >= 60 }
label "cold" { default = true }

route "nurture" "rest" { default = true }
