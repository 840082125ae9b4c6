test "tables" {
  earns { events = { "A" = 1 } }             # ERROR: needs one label that is not empty, as in: earns "interest" {
  earns "" { events = { "A" = 1 } }          # ERROR: needs one label that is not empty
  earns "points" {}                          # ERROR: earns "points" lists nothing that earns points
  earns "points" {
    events  = ["A"]                          # ERROR: events must be an object such as { "Email Opened" = 5 }
    pages   = { "" = 5 }                     # ERROR: pages has an entry without a name
    traits  = { title = 5 }                  # ERROR: traits.title must be an object such as { "one value" = 9, "another" = 5 }
    account = { size = { 5 = "many" } }      # ERROR: account.size[5] must be a number of points, found a string "many"
  }                                          # ERROR@-5: lists nothing that earns points
  earns "points" {
    events     = { "A" = 0.0001, "B" = 5, "C" = null } # ERROR: decimals # ERROR: events["C"] must be a number of points, found null
    pages      = { "/a" = x }                # ERROR: must be a constant
    account    = 5                           # ERROR: account must be an object such as { industry = { … = 9 } }: the points of each value
    properties = "x"                         # ERROR: properties must be an object
    count      = 5                           # ERROR: has no attribute "count"
    event "A" {}                             # ERROR: has no blocks inside
  }
  earn "points" {}                           # ERROR: Did you mean "earns"?
}
