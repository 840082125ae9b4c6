;; No exports at all, and a start function: both sections are added around it.
(module (memory 1) (func $s (i32.store (i32.const 0) (i32.const 7))) (start $s))
