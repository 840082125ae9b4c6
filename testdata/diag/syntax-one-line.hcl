workflow "w" {}

score "a" { floor = 1, cap = 2 } # ERROR: Invalid single-argument block definition

route "nurture" "rest" { default = true }
