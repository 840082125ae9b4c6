workflow "w" {}

step "probe" "recent" {
  class {          # ERROR: class needs a label: write class "name" {
    events = {}
  }
  class "a" "b" {  # ERROR: class takes one label: write class "a" {
    events = {}
  }
  class "c" {}     # ERROR: class "c" needs events = an object { … }.
  class "d" {
    events = {}
    limit "x" {    # ERROR: limit takes no label: write limit {
      most = 1
    }
  }
  class "d" {      # ERROR: class "d" is already declared on line 11
    events = {}
    evens  = {}    # ERROR: class "d" has no attribute "evens". Did you mean "events"?
  }
  class "e" {
    events = {}
    limit {}       # ERROR: limit needs most = a number of points.
  }
}

route "nurture" "rest" { default = true }
