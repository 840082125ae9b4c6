workflow "w" {}

score "total" { value = 1 }
score "total" { value = 2 } # ERROR: The score "total" is already declared at score-twice.hcl:3

route "nurture" "rest" { default = true }
