workflow "w" {}

step "quotesize" "other" {}

step "everything" "all" {
  when     = prop.n > 3
  on_error = "skip"
}

route "nurture" "rest" { default = true }
