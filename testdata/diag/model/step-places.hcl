workflow "step-places" {}

step "grader" "who" {
  let {
    big  = account.employees > 50
    loop = pool
    pool = !loop # ERROR: loop → pool → loop depend on each other
  }
  grades = [
    { A = big && recent > 5 },   # ERROR: scores are known only after all steps
    { B = pending("asked") },    # ERROR: it is kept for routes
    { C = grade == "A" },        # ERROR: There is no grade
    { D = like(big, "x") },      # ERROR: a string is needed here
  ]
  size = "many" # ERROR: a number is needed here
}

step "pointer" "recent" {
  class "asked" {
    events = { "Demo Requested" = 100 }
    once   = "asset"
    where  = who.grade == "A" && prop.x == 1
  }
}

route "nurture" "rest" { default = true }
