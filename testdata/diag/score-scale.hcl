workflow "w" {}

score "a" { scale = [100, 0] } # ERROR: its lowest value 100 is not less than its highest value 0
score "b" { scale = [5, 5] }   # ERROR: scale must grow
score "c" { scale = 100 }      # ERROR: scale must be a list of two numbers
score "d" { scale = [1] }      # ERROR: scale must be a list of two numbers
score "e" { scale = [0, "x"] } # ERROR: scale[1] must be a number of points, found a string "x"
score "f" { mode = "clamp" }   # ERROR: mode says how a score is brought to its scale, and score "f" has none
score "g" {
  scale = [0, 100]
  mode  = "normalise" # ERROR: mode = "normalise" needs the raw points that mean the top of the scale
}
score "h" {
  scale   = [0, 100]
  raw_max = 250 # ERROR: raw_max is used by mode = "normalise" only
}
score "i" {
  scale   = [0, 100]
  mode    = "normalize" # ERROR: mode must be "clamp" or "normalise", found "normalize". Did you mean "normalise"?
  raw_max = 0 # ERROR: raw_max is used by
}
score "j" {
  scale   = [0, 100]
  mode    = "normalise"
  raw_max = 0 # ERROR: raw_max must be more than 0, found 0
}

route "nurture" "rest" { default = true }
