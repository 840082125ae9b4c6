workflow "w" {}

step "probe" "recent" {
  points = 101            # ERROR: points must be at most 100, found a number 101
  tries  = 0              # ERROR: tries must be at least 1, found a number 0
  ratio  = 0              # ERROR: ratio must be more than 0, found a number 0
  tags   = ["a", "b", "a", ""] # ERROR: tags takes at most 3 entries, found 4 # ERROR: tags[3] must not be empty # ERROR: tags holds one thing twice, at [0] and at [2]
  slug   = "Nope"         # ERROR: slug must have the form ^[a-z]+$, found a string "Nope"
  codes  = { A = 1, bb = 2 } # ERROR: "bb" cannot be a name in codes: it does not have the form ^[A-Z]$
}

route "nurture" "rest" { default = true }
