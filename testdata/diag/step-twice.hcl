workflow "w" {}

step "probe" "recent" {}
step "probe" "recent" {} # ERROR: The step "recent" is already declared at step-twice.hcl:3

route "nurture" "rest" { default = true }
