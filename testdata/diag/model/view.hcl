workflow "view" {}

step "pointer" "recent" {
  class "read" {
    events = { "Guide Downloaded" = 10 }
    once   = "asset"
  }
}

step "fading" "sixty" { # ERROR: Did you mean "recent"?
  of     = "recnt"
  window = "60d"
}

route "nurture" "rest" { default = true }
