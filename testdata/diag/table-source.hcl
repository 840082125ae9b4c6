workflow "w" {}

table "a" {}                        # ERROR: table "a" has neither file nor values
table "b" {
  file   = "good.csv"
  values = ["x"]                    # ERROR: table "b" has both file and values
}
table "c" { file = "missing.csv" }  # ERROR: missing.csv: there is no such file
table "d" { file = "../secret.csv" } # ERROR: file = "../secret.csv" leads out of the workflow folder
table "e" { file = "/etc/passwd" }  # ERROR: leads out of the workflow folder
table "f" { file = "a\\b.csv" }     # ERROR: leads out of the workflow folder
table "g" { file = "." }            # ERROR: leads out of the workflow folder
table "h" { file = "" }             # ERROR: file of table "h" is empty
table "i" { file = "x/../good.csv" }
table "i" { file = "good.csv" }     # ERROR: The table "i" is already declared

route "nurture" "rest" { default = true }
