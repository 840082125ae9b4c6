workflow "w" {}

step "behavior-points" "recent" {
  class "asked" {
    events = { "Demo Requested" = "ten" } # ERROR: events["Demo Requested"] must be a number of points, found a string "ten"
    pages  = { "/pricing" = 0.0005 }      # ERROR: pages["/pricing"] is 0.0005; points are exact to 0.001
    max    = 0                            # ERROR: max must be at least 1, found a number 0
    per    = "1 week"                     # ERROR: per: not a duration: "1 week"
    where  = prop.list == "vip"
    onces  = "day"                        # ERROR: class "asked" has no attribute "onces". Did you mean "once"?
  }
  clas "read" {}                          # ERROR: has no block "clas". Did you mean "class"?
}

route "nurture" "rest" { default = true }
