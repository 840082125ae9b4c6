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

route "sales-handoff" "policy-2" { when = between(fit, 5, 10) && behaviour >= 8 }
route "soft-email" "low" { when = between(fit, 5, 10) && behaviour < 8 }
route "nurture" "rest" { default = true }
