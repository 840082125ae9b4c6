workflow "w" {}

route "review" "a" {
  when     = true
  cooldown = 60     # ERROR: cooldown must be a duration in quotes such as "14d", found a number 60
}
route "review" "b" {
  when     = true
  cooldown = "3 days" # ERROR: "3 days" is not made of whole numbers with units
}
route "review" "c" {
  when     = true
  cooldown = "5y" # ERROR: "5y" has no unit w, d, h, m, s or ms
}
route "review" "d" {
  when     = true
  cooldown = "2h1d" # ERROR: has its units out of order
}
route "review" "e" {
  when     = true
  cooldown = "9999999999w" # ERROR: is longer than 1,000 years
}
route "review" "f" {
  when     = true
  cooldown = "1.5d" # ERROR: "1.5d" is not made of whole numbers with units
}
route "review" "g" {
  when     = true
  cooldown = "" # ERROR: the text is empty
}

route "nurture" "rest" { default = true }
