workflow "w" {}

label "hot" {}                  # ERROR: label "hot" has neither a condition nor default = true
label "cold" { default = true }
label "cool" { default = true } # ERROR: A default label is already declared at labels.hcl:4
label "cold" { when = true }    # ERROR: The label "cold" is already declared at labels.hcl:4
label "warm" { default = false } # ERROR: label "warm" has neither a condition nor default = true

route "nurture" "rest" { default = true }
