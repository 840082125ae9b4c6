workflow "w" {}

step "probe" "recent" {
  award = { within = "1d" }              # ERROR: award needs points = a number of points.
  limit = "ever"                         # ERROR: limit must be a duration in quotes such as "30d" or "never", found a string "ever"
  class "a" {
    events = {}
  }
}

route "nurture" "rest" { default = true }
