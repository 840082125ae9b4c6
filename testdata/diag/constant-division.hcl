workflow "w" {}

score "x" {
  floor = 1 / 0 # ERROR: floor is infinite or too large, perhaps by a division by zero
}

route "nurture" "rest" { default = true }
