workflow "w" {}

route "review" "a" {
  when     = true
  on       = "falling" # ERROR: on must be "rise" or "fall", found "falling"
  cooldown = "-3d"     # ERROR: "-3d" is negative
  traits   = ["email", 5, "", "email"] # ERROR: traits[1] must be a string, found a number 5 # ERROR: traits[2] is empty # ERROR: traits holds "email" twice
  silent   = "yes"     # ERROR: silent must be true or false, found a string "yes"
}

route "nurture" "rest" { default = true }
