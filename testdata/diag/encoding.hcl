workflow "w" {
  about = "café" # ERROR: (0xe9) is not valid UTF-8. Save the file as UTF-8.
}
