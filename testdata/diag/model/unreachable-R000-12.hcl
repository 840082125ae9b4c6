workflow "unreachable" {}

step "pointer" "recent" {
  class "read" {
    events = { "Guide Downloaded" = 10 }
    once   = "asset"
  }
}

route "sales-handoff" "warm" { when = recent >= 25 }
route "soft-email" "same" { when = recent >= 25 }                      # ERROR: Whenever this is true, sales-handoff/warm before it is true
route "soft-email" "hotter" { when = recent > 40 && trait.x == "y" }   # ERROR: sales-handoff/warm before it is true
route "call" "a" { when = recent >= 10 && trait.x == "a" }
route "call" "not-a" { when = recent >= 10 && trait.x != "a" }
route "call" "unknown" { when = recent >= 10 && unknown(trait.x) }
route "call" "either" { when = recent >= 30 || recent >= 10 && trait.x == "a" } # ERROR: one of those before it is true
route "call" "always" { when = 1 < 2 }
route "call" "late" { when = trait.z == "z" } # ERROR: call/always before it is true
route "nurture" "rest" { default = true }
