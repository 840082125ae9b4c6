;; What features.wat imports.
(module
  (func (export "seven") (result i32) (i32.const 7))
  (global (export "base") i32 (i32.const 42)))
