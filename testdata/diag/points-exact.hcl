workflow "w" {}

score "a" { floor = 0.1 }
score "b" { floor = 0.0001 }  # ERROR: floor is 0.0001; points are exact to 0.001. Round it to three decimals.
score "c" { floor = 1e15 }    # ERROR: floor is 1e+15; amounts lie between
score "d" { floor = 1.2345 }  # ERROR: Points too fine
score "e" { floor = "5" }     # ERROR: floor must be a number of points, found a string "5"
score "f" { floor = -0.001 }
score "g" { floor = 100 / 3 } # ERROR: Points too fine
score "h" { floor = 1e250 }   # ERROR: Points out of range
score "i" { floor = 1e-250 }  # ERROR: Points too fine
score "j" { cap = -1 }        # ERROR: must be more than 0, found -1
score "k" { floor = null }    # ERROR: floor must be a number of points, found null
score "l" { floor = 0.1 + 0.2 }

route "nurture" "rest" { default = true }
