;; A module without globals and without exports other than functions.
(module
  (func (export "forever") (loop (br 0)))
  (func (export "once") (result i32) (i32.const 1))
  (func $down (export "deep") (call $down))
  (func (export "triangle") (param $n i32) (result i32) (local $sum i32)
    (loop $l
      (local.set $sum (i32.add (local.get $sum) (local.get $n)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum)))
