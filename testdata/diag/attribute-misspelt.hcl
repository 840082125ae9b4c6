workflow "w" {}

route "sales-handoff" "warm" {
  whenn = true # ERROR: route "sales-handoff" "warm" has no attribute "whenn". Did you mean "when"?
} # ERROR@-2: route "sales-handoff" "warm" has neither a condition nor default = true

route "nurture" "rest" { default = true }
