workflow "table" {}

step "pointer" "behaviour" {
  class "read" {
    events = { "Guide Downloaded" = 3 }
    once   = "asset"
  }
}

step "pointer" "fit" {
  class "who" {
    events = { "Profile Completed" = 5 }
    once   = "asset"
  }
}

route "sales-handoff" "fits" { when = fit >= 5 }
route "soft-email" "acts" { when = behaviour >= 8 } # WARNING: Both this route and sales-handoff/fits claim
route "nurture" "rest" { default = true }
