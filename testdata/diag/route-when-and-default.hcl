workflow "w" {}

route "review" "a" {
  default = true
  when    = true # ERROR: route "review" "a" is the default, which is taken when nothing else is, and so has no condition
}
