workflow "w" {
  zone = "Local" # ERROR: "Local" is no name of a time zone. Use a name of the IANA list
}

route "nurture" "rest" { default = true }
