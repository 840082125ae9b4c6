workflow "empty-score" {}

score "interest" { about = "What they want" } # WARNING: No rule of any step gives points to "interest"

step "pointer" "recent" {
  class "read" {
    events = { "Guide Downloaded" = 10 }
    once   = "asset"
  }
}

route "nurture" "rest" { default = true }
