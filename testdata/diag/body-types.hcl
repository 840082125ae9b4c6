workflow "w" {}

step "probe" "recent" {
  points = "ten"        # ERROR: points must be a number of points, found a string "ten"
  window = 60           # ERROR: window must be a duration in quotes such as "30d", found a number 60
  strict = 1            # ERROR: strict must be true or false, found a number 1
  tries  = 1.5          # ERROR: tries must be a whole number, found a number 1.5
  tags   = "a"          # ERROR: tags must be a list [ … ], found a string "a"
  slug   = ["a"]        # ERROR: slug must be a string, found a list. Meaning: lower-case letters.
  events = ["a"]        # ERROR: events must be an object { … }, found a list
  kind   = "lineal"     # ERROR: kind must be "linear", "half_life" or "step", found a string "lineal" (did you mean "linear"?). Meaning: the curve.
  class "asked" {
    events = { "Demo Requested" = "ten" } # ERROR: events["Demo Requested"] must be a number of points, found a string "ten"
  }
}

route "nurture" "rest" { default = true }
