workflow "w" {}

step "decay" "recent" {
  curve  = "exponential" # ERROR: curve must be "linear", "half_life", "step", "table" or "none", found a string "exponential"
  window = 60            # ERROR: window must be a duration in quotes such as "30d", found a number 60. Meaning: Age at which
  # ERROR@-3: step "decay" "recent" needs of = a string or a list [ … ].
}

route "nurture" "rest" { default = true }
