workflow "w" {}

step "probe" "recent" {
  points = 1.0001           # ERROR: points is 1.0001; points are exact to 0.001
  events = {
    Fine = 0.001
    Finer = 0.0001          # ERROR: events["Finer"] is 0.0001
    Named = trait.x         # ERROR: events["Named"] must be a constant
    Null  = null            # ERROR: events["Null"] must be a number of points, found null
  }
}

route "nurture" "rest" { default = true }
