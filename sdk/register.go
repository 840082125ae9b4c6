//go:build !wasip1

package sdk

// Register makes p the plugin of this module. Outside WASM it does nothing:
// tests hand the plugin to sdktest.
func Register(Plugin) {}
