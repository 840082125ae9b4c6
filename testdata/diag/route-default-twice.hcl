workflow "w" {}

route "review" "other" { # ERROR@+4: A default route is already declared at route-default-twice.hcl:3
  default = true
}

route "nurture" "rest" { default = true }
