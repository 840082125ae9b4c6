# Whose plugins this engine runs, besides those that Ripen ships.
trust {
  publisher "acme-intent" { key = "ed25519:guo+Fyj5Sn3tSkuDS8pYOuGArTB+g6ZrAfVJPG5ggAk=" }
}
