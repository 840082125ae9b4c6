workflow "w" {}

route "nurture" "warm" { when = true }
route "nurture" "warm" { when = true } # ERROR: The route "warm" of the action "nurture" is already declared at route-twice.hcl:3
route "review" "warm" { when = true }

route "nurture" "rest" { default = true }
