workflow "w" {}

score "a" { # ERROR: There is no closing brace for this block
  floor = 1
