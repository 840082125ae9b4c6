workflow "clean" {}

step "pointer" "recent" {
  class "asked" {
    events = { "Demo Requested" = 100 }
    once   = "asset"
  }
}

route "sales-handoff" "asked" { when = pending("asked") }
route "nurture" "rest" { default = true }
