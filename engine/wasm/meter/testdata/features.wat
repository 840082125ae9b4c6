;; One nullary export per thing the rewriter must keep intact. The host runs the
;; module before and after and compares results, memory and globals.
(module
  (type $pair (func (param i32 i32) (result i32 i32)))
  (import "env" "seven" (func $seven (result i32)))
  (import "env" "base" (global $base i32))
  (memory (export "memory") 1 3)
  (table $t 4 8 funcref)
  (global $g (mut i64) (i64.const 5))
  (global $from (mut i32) (global.get $base))
  (data (i32.const 16) "ripen")
  (data $late "passive segment")
  (elem (i32.const 0) $fib $seven)
  (elem $more func $fib)

  (func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "recursion") (result i32) (call $fib (i32.const 15)))
  (func (export "imported") (result i32) (i32.add (call $seven) (global.get $from)))
  (func (export "indirect") (result i32)
    (call_indirect (param i32) (result i32) (i32.const 9) (i32.const 0)))

  (func (export "loops") (result i64) (local $i i32) (local $j i32)
    (loop $outer
      (local.set $j (i32.const 0))
      (block $skip
        (loop $inner
          (br_if $skip (i32.gt_u (local.get $j) (local.get $i)))
          (global.set $g (i64.add (global.get $g) (i64.const 3)))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br $inner)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $outer (i32.lt_u (local.get $i) (i32.const 40))))
    (global.get $g))

  (func (export "loopvalue") (result i32)   ;; a loop with parameters and results
    (i32.const 3) (i32.const 4)
    (loop $l (type $pair)
      (i32.add) (i32.const 10)
      (i32.const 0) (br_if $l))
    (i32.add))

  (func (export "switch") (result i32) (local $s i32) (local $n i32)
    (loop $again
      (block $c (block $b (block $a
        (br_table $a $b $c (local.get $s)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (local.set $s (i32.const 1)) (br $again))
       (local.set $n (i32.add (local.get $n) (i32.const 20)))
       (local.set $s (i32.const 7)) (br $again))
      (local.set $n (i32.mul (local.get $n) (i32.const 2))))
    (local.get $n))

  (func (export "bulk") (result i32) (local i64) (local f32)
    (memory.fill (i32.const 100) (i32.const 0x41) (i32.const 50))
    (memory.copy (i32.const 120) (i32.const 16) (i32.const 5))
    (memory.init $late (i32.const 130) (i32.const 2) (i32.const 6))
    (data.drop $late)
    (i32.add (i32.load (i32.const 120)) (i32.load (i32.const 131))))

  (func (export "tables") (result i32)
    (table.init $t $more (i32.const 2) (i32.const 0) (i32.const 1))
    (elem.drop $more)
    (table.copy $t $t (i32.const 3) (i32.const 2) (i32.const 1))
    (drop (table.grow $t (ref.null func) (i32.const 2)))
    (table.fill $t (i32.const 4) (ref.func $fib) (i32.const 2))
    (i32.add (table.size $t)
      (call_indirect (param i32) (result i32) (i32.const 8) (i32.const 5))))

  (func (export "grow") (result i32)
    (i32.add (memory.grow (i32.const 1)) (i32.add (memory.grow (i32.const 9)) (memory.size))))

  (func (export "numbers") (result f64)
    (f64.add (f64.convert_i32_s (i32.trunc_sat_f64_s (f64.const 1e300)))
      (f64.add (f64.convert_i64_s (i64.extend8_s (i64.const 0x1ff)))
        (f64.promote_f32 (f32.sqrt (f32.const 2.25))))))

  (func (export "select") (result i32)
    (select (result i32) (i32.const -2147483648) (i32.const 1) (ref.is_null (ref.null extern))))

  (func (export "trap") (result i32) (i32.div_s (i32.const 1) (i32.const 0)))
  (func (export "empty"))
)
