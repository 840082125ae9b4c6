workflow "w" {}

step "probe" "recent" {
  pair  = [5, "x"]         # ERROR: pair[1]: not a duration: "x"
  cells = [{ A = true, B = false }, {}] # ERROR: cells[0] takes at most 1 attribute, found 2 # ERROR: cells[1] needs at least 1 attribute, found 0
}

route "nurture" "rest" { default = true }
