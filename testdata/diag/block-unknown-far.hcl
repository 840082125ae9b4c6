workflow "w" {}

widget "total" { # ERROR: Expected "workflow", "score", "table"
}

route "nurture" "rest" { default = true }
