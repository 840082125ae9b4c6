workflow "w" {
  about       = 5             # ERROR: about must be a string, found a number 5
  lead        = ""            # ERROR: lead of workflow "w" is empty
  zone        = "Mars/Olympus" # ERROR: "Mars/Olympus" is no name of a time zone
  age_step    = "1s"          # ERROR: age_step must be at least 1m, found 1s
  sales       = "handoff"     # ERROR: sales must be a list of strings such as ["a", "b"], found a string "handoff"
  max_buckets = 0             # ERROR: max_buckets must be a whole number from 1 to 1000000, found 0
  colour      = "red"         # ERROR: workflow "w" has no attribute "colour". Expected "about", "display"
  steps {}                    # ERROR: workflow "w" has no blocks inside; found steps
}

route "nurture" "rest" { default = true }
