workflow "w" {}

silence "overlap" {}                       # ERROR: silence "overlap" has no because. Add the reason
silence "holes" { because = "" }           # ERROR: because of silence "holes" is empty
silence "stages" { because = "on purpose" }
silence "stages" { because = "twice" }     # ERROR: silence "stages" is already declared at silence.hcl:5

route "nurture" "rest" { default = true }
