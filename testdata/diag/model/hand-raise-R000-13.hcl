workflow "hand-raise" {}

step "pointer" "recent" {
  class "asked" {
    events = { "Demo Requested" = 40 } # ERROR: opens no route to sales
    once   = "asset"
  }
  class "booked" {
    events = { "Meeting Booked" = 50 }
    once   = "asset"
  }
  class "trial" {
    events = { "Trial Started" = 10 }
    once   = "asset"
  }
  class "quote" {
    events = { "Quote Requested" = 10 } # ERROR: opens no route to sales
    once   = "asset"
  }
}

step "pointer" "fit" {
  class "who" {
    events = { "Profile Completed" = 10 }
    once   = "asset"
  }
}

# Fit is not moved by the request: a lead that fits is handed over.
route "sales-handoff" "trial" { when = pending("trial") && fit >= 5 }
route "sales-handoff" "quote" { when = pending("quote") && recent >= 60 }
route "sales-handoff" "warm" { when = recent >= 50 }
route "nurture" "rest" { default = true }
