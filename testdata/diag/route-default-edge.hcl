workflow "w" {}

route "review" "a" {
  default = true
  on      = "fall" # ERROR: A default route has no condition that could rise or fall
}
