workflow "w" {}

step "probe" "recent" {
  ratio = 0.5 # ERROR@-1: step "probe" "recent" has ratio, which also needs tries
}

route "nurture" "rest" { default = true }
