workflow "unknown-score" {}

score "interest" { about = "What they want" } # WARNING: No rule of any step

step "pointer" "recent" {
  class "asked" {
    score  = "intrest"
    events = { "Demo Requested" = 100 } # ERROR: Did you mean "interest"?
    once   = "asset"
  }
}

route "nurture" "rest" { default = true }
