workflow "w" {}

step "probe" "recent" {
  events = {
    "Demo"  = 1
    Demo    = 2    # ERROR: events already has "Demo", on line 5. Remove one of them.
    3       = 3
    (trait.x) = 4  # ERROR: a key must be a constant
    ""      = 5    # ERROR: A key must not be empty
    true    = 6
    a.b     = 7    # ERROR: a key must be a constant
  }
}

route "nurture" "rest" { default = true }
