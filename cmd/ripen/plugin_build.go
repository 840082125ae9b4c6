package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/conformance"
)

func (a *app) pluginBuildCommand() *cobra.Command {
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "build [DIR]",
		Short: "Build a plugin and pack it with its manifest",
		Long: `Runs the compiler of the language that the plugin is written in and packs what it
makes with manifest.json, into build/NAME.wasm. If the compiler is missing, the
error names the command that installs it.`,
		Example: `  ripen plugin build
  ripen plugin build quote-size --out my-workflow/plugins/quote-size.wasm`,
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, list []string) error {
			f, err := openPluginFolder(one(list, "."))
			if err != nil {
				return err
			}
			module, err := a.buildPlugin(cmd.Context(), f)
			if err != nil {
				return err
			}
			if out == "" {
				out = f.module()
			}
			if err := writeModule(out, module); err != nil {
				return err
			}
			return a.sayModule("built", out, module, asJSON)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file for the module (default build/NAME.wasm in the folder)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object: name, version, file, size, digest")
	return cmd
}

// buildPlugin compiles and packs.
func (a *app) buildPlugin(ctx context.Context, f *pluginFolder) ([]byte, error) {
	l, err := languageOf(f.dir)
	if err != nil {
		return nil, err
	}
	if err := l.tools(ctx); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(f.dir, buildFolder), 0o755); err != nil {
		return nil, err
	}
	raw := filepath.Join(buildFolder, "raw.wasm")
	err = l.build(ctx, f.dir, raw)
	var said *toolError
	if errors.As(err, &said) {
		a.note("%s", said.said)
		return nil, no("%s could not be built: %v", f.manifest.Name, err)
	}
	if err != nil {
		return nil, err
	}
	file := filepath.Join(f.dir, raw)
	defer func() { _ = os.Remove(file) }()
	module, err := readModule(file)
	if err != nil {
		return nil, err
	}
	if module, err = pack.Pack(module, f.text); err != nil {
		return nil, fmt.Errorf("%s: %w", f.dir, err)
	}
	return module, nil
}

func (a *app) pluginPackCommand() *cobra.Command {
	var out, manifest string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pack RAW.wasm",
		Short: "Pack a module that some compiler made with its manifest",
		Long: `Appends manifest.json to a module as the custom section ripen.manifest; some
compilers cannot. ripen plugin build does it by itself. A module that is packed
already gets the new manifest, and loses its signature.`,
		Example: `  ripen plugin pack target/quote_size.wasm --manifest manifest.json -o build/quote-size.wasm`,
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, list []string) error {
			text, err := os.ReadFile(manifest)
			if err != nil {
				return fmt.Errorf("manifest: %w; name it with --manifest", err)
			}
			m, err := conformance.CheckManifest(text)
			if err != nil {
				return fmt.Errorf("%s: %w", manifest, err)
			}
			module, err := readModule(list[0])
			if err != nil {
				return err
			}
			if raw, _, err := pack.Unpack(module); err == nil {
				module = raw
			}
			if module, err = pack.Pack(module, text); err != nil {
				return fmt.Errorf("%s: %w", list[0], err)
			}
			if out == "" {
				out = filepath.Join(buildFolder, m.Name+moduleSuffix)
			}
			if err := writeModule(out, module); err != nil {
				return err
			}
			return a.sayModule("packed", out, module, asJSON)
		},
	}
	cmd.Flags().StringVar(&manifest, "manifest", manifestFile, "the manifest")
	cmd.Flags().StringVarP(&out, "out", "o", "", "file for the module (default build/NAME.wasm)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object: name, version, file, size, digest")
	return cmd
}
