workflow "w" {}

step "probe" "recent" {
  window {}      # ERROR: window is an attribute, not a block. Write window = …
  class  = {}    # ERROR: class is a block, not an attribute. Write class "name" {
  floor {}       # ERROR: floor is an attribute, not a block. Write floor = …
  let {
    a = trait.a
  }
  let {          # ERROR: let is already declared on line 7. Join the two.
    b = trait.b
  }
}

route "nurture" "rest" { default = true }
