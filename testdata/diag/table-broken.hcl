workflow "w" {}

table "ragged" { file = "ragged.csv" } # ERROR: ragged.csv: line 3 has another number of fields than the 2 columns of the first line
table "quote" { file = "quote.csv" }   # ERROR: quote.csv: line 2
table "empty" { file = "empty.csv" }   # ERROR: empty.csv: the file is empty; its first line must name the columns
table "unnamed" { file = "unnamed.csv" } # ERROR: unnamed.csv: column 2 has no name
table "latin" { file = "latin1.csv" }  # ERROR: latin1.csv: line 2 is not valid UTF-8
table "same" { file = "same.csv" }     # ERROR: two columns are named "a"

route "nurture" "rest" { default = true }
