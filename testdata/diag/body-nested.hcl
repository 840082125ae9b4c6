workflow "w" {}

step "probe" "recent" {
  options {
    deep = { value = 1, deep = { value = "x", deeep = {} } } # ERROR: deep.deep.value must be a number, found a string "x" # ERROR: This object has no attribute "deeep". Did you mean "deep"?
  }
}

route "nurture" "rest" { default = true }
