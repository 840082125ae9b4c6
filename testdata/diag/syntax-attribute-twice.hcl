workflow "w" {}

score "a" {
  floor = 1
  floor = 2 # ERROR: The argument "floor" was already set
}

route "nurture" "rest" { default = true }
