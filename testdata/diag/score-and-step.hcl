workflow "w" {}

score "recent" {
  floor = 0
  scale = [0, 100]
}
step "probe" "recent" {
  floor = 1       # ERROR: floor of the score "recent" is already set at score-and-step.hcl:4
  about = "mine"
}
score "other" { value = recent } # ERROR: The score "other" is that of the step of the same name
step "probe" "other" {}
score "sum" {
  value = recent
  cap   = 50 # ERROR: score "sum" is computed from other scores, and a cap limits awards
}

route "nurture" "rest" { default = true }
