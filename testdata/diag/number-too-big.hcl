workflow "w" {}

score "a" { value = 1e999999999 } # ERROR: 1e999999999 is out of range

route "nurture" "rest" { default = true }
