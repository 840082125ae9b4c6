workflow "w" {}

step "probe" "recent" {
  award = { points = 1, wihtin = "1d" }  # ERROR: This object has no attribute "wihtin". Did you mean "within"?
}

route "nurture" "rest" { default = true }
