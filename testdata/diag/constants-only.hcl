workflow "w" {
  about = greeting            # ERROR: about must be a constant, because it is read once, when the workflow is loaded; found the name greeting. Write the value itself; if it is text, put it in quotes: "greeting".
  zone  = trait.zone          # ERROR: zone must be a constant, because it is read once, when the workflow is loaded; found the name trait.zone
  lead  = upper("x")          # ERROR: found a call of upper. Write the value itself.
  sales = [for a in ["x"]: a] # ERROR: sales must be a constant
}

route "nurture" "rest" { default = true }
