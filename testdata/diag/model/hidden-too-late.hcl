workflow "hidden-too-late" {}

step "hiding" "first" {} # only facts and nothing stand before it

step "grader" "who" {
  grades = [{ A = trait.role == "ceo" }]
}

step "hiding" "second" {}

step "pointer" "recent" {
  class "mail" {
    events = { "Email Opened" = 5 }
    once   = "email_id"
  }
}

step "hiding" "third" {} # WARNING: "third" hides events from the steps behind it, and "recent" before it has given points

step "hiding" "fourth" {}

silence "hidden-too-late" {
  of      = "fourth"
  because = "only what comes later is to be clean"
}

route "nurture" "rest" { default = true }
