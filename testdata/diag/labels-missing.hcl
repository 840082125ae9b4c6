workflow "w" {}

step "probe" { # ERROR: step "probe" has 1 label(s), expected 2 (plugin, name), as in: step "behavior-points" "recent" {
}
score "total" "x" { # ERROR: score "total" "x" has 2 label(s), expected 1
}

route "nurture" "rest" { default = true }
