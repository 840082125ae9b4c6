workflow "w" {}

scor "total" { # ERROR: There is no block "scor". Did you mean "score"?
}

route "nurture" "rest" { default = true }
