workflow "scores" {}

score "one" { value = two + 1 } # ERROR: two → one
score "two" { value = one * 2 }

step "pointer" "recent" {
  class "asked" {
    events = { "Demo Requested" = 100 }
    once   = "asset"
  }
}

route "nurture" "rest" { default = true }
