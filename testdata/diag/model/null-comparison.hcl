workflow "null-comparison" {}

step "grader" "who" {
  grades = [
    { A = trait.title == null }, # ERROR: write unknown(x) instead of x == null
    { B = trait.title != null }, # ERROR: write known(x) instead of x != null
    { D = true },
  ]
}

route "nurture" "rest" { default = true }
