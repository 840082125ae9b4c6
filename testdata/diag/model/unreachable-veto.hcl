workflow "unreachable-veto" {}

step "pointer" "recent" {
  class "read" {
    events = { "Guide Downloaded" = 10 }
    once   = "asset"
  }
}

veto "paused" {
  when    = trait.paused
  actions = ["sales-handoff"]
}

# A vetoed hand-off falls through to the next route: the second is no dead one.
route "sales-handoff" "warm" { when = recent >= 25 }
route "soft-email" "warm" { when = recent >= 25 }
route "nurture" "rest" { default = true }
