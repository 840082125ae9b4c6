workflow "w" { # ERROR: A lead that no route matches must go somewhere. Add a route with default = true
}
route "nurture" "rest" { when = true }
