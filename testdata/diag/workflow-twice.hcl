workflow "w" {}

workflow "other" {} # ERROR: The workflow is already declared at workflow-twice.hcl:1

route "nurture" "rest" { default = true }
