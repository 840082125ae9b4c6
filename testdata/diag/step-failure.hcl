workflow "w" {}

step "probe" "a" { on_error = "ignore" } # ERROR: on_error must be "reject", "skip", "hold" or "fallback", found "ignore"
step "probe" "b" { on_error = "fallback" } # ERROR: on_error = "fallback" needs the plugin that takes over
step "probe" "c" { fallback = "probe" }  # ERROR: fallback is used only with on_error = "fallback"
step "probe" "d" {
  on_error = "fallback"
  fallback = "prob" # ERROR: There is no plugin "prob". Did you mean "probe"?
}
step "probe" "e" {
  on_error = "fallback"
  fallback = "probe" # ERROR: must be another plugin than "probe" itself
}
step "probe" "f" { breaker = 1.5 } # ERROR: breaker must be a whole number from 0 to 1000000, found 1.5

route "nurture" "rest" { default = true }
