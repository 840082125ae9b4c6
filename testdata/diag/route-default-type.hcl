workflow "w" {}

route "nurture" "rest" {
  default = "yes" # ERROR: default must be true or false, found a string "yes"
}
