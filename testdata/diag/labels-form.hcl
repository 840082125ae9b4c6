workflow "w" {}

score "2nd" { # ERROR: "2nd" cannot be the name of a score
}
route "sales handoff" "a.b" { # ERROR: "sales handoff" cannot be the action of a route # ERROR: "a.b" cannot be the name of a route
  when = true
}

route "nurture" "rest" { default = true }
