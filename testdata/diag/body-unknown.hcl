workflow "w" {}

step "probe" "recent" {
  windw = "60d" # ERROR: step "probe" "recent" has no attribute "windw". Did you mean "window"?
  flor  = 0     # ERROR: step "probe" "recent" has no attribute "flor". Did you mean "floor"?
  clas "a" {}   # ERROR: step "probe" "recent" has no block "clas". Did you mean "class"?
}

route "nurture" "rest" { default = true }
