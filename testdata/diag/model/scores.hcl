workflow "scores" {}

score "odd" { value = prop.x } # ERROR: it belongs to a single event
score "sum" { value = recent * recent } # ERROR: Points times points
score "mix" { value = fit + 5 * account.employees } # ERROR: Unknown name
score "few" { value = recent + account.employees } # ERROR: convert it: points(…)
score "top" { value = sum.top > 3 ? 1 : 2 } # ERROR: Unknown part

step "pointer" "recent" {
  class "asked" {
    events = { "Demo Requested" = 100 }
    once   = "asset"
  }
}

route "nurture" "rest" { default = true }
