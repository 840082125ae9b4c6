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
route "soft-email" "acts" { when = behaviour >= 8 }
route "nurture" "rest" { default = true }

silence "overlap" {
  of      = "soft-email/acts"
  because = "fit comes first"
}

silence "overlap" { # WARNING: Did you mean "soft-email/acts"?
  of      = "soft-email/act"
  because = "a slip"
}

silence "overlapp" { # WARNING: Did you mean "overlap"?
  because = "a slip"
}

silence "golden" {
  of      = "ideal"
  because = "looked at when leads are scored"
}
