workflow "w" {}

step "fit-grade" "recent" {
  let = ["a"]                       # ERROR: let must be an object { … }, found a list
  grades = []                       # ERROR: grades needs at least 1 entry, found 0
  knockout = trait.student          # ERROR: has no attribute "knockout". Did you mean "knock_out"?
  metric "market" {
    of     = trait.market
    values = { saas = 10, other = "low" } # ERROR: values.other must be a number of points, found a string "low"
    ranges = [{ from = 1 }]         # ERROR: ranges[0] needs points = a number of points
  }
}

route "nurture" "rest" { default = true }
