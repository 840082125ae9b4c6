workflow "w" {}

zone = "UTC" # ERROR: zone stands outside of any block

route "nurture" "rest" { default = true }
