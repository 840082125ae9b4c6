workflow "w" {}

suppress "customers" {}              # ERROR: suppress "customers" has no when
suppress "staff" {
  when    = trait.staff
  actions = ["nurture"]              # ERROR: suppress "staff" has no attribute "actions"
}
veto "rivals" {
  when    = trait.rival
  actions = ["nurtur"]               # ERROR: veto "rivals" names the action "nurtur", which no route has. Did you mean "nurture"?
}
veto "rivals" { when = true }        # ERROR: The veto "rivals" is already declared at guards.hcl:8

route "nurture" "rest" { default = true }
