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

route "sales-handoff" "high" { when = fit >= 5 && behaviour > 8 }
route "soft-email" "low" { when = fit >= 5 && behaviour < 8 } # ERROR: No route decides about
route "nurture" "rest" { default = true }
