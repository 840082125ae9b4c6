# ERROR: No file of the folder has a workflow block. Add workflow "name" { }.
route "nurture" "rest" { default = true }
