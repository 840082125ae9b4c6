workflow "plugin-diagnostic" {}

step "pointer" "recent" {
  class "read" {
    events = { "Guide Downloaded" = 10 }
    once   = "asset"
    odd    = 3 # ERROR: That is odd: Make it even.
  }
}

route "nurture" "rest" { default = true }
