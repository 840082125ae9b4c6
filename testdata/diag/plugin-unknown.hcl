workflow "w" {}

step "behaviour-points" "recent" {} # ERROR: There is no plugin "behaviour-points". Did you mean "behavior-points"?

route "nurture" "rest" { default = true }
